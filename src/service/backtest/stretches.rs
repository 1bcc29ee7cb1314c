//! Stretches of a recorded symbol that are histories of their own: events recorded far apart, as files so far
//! apart are.

use crate::domain::event::Gap;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::FURTHEST_APART;
use crate::store::records::RecordedSymbolV1;

/// Times from the first to the last row of each stretch of a recorded symbol, in order; between two of them
/// none of these streams has a row for longer than [`FURTHEST_APART`]. `gaps` are the recording's. At least
/// one, unless it has no row.
pub fn stretches(
    symbol: &RecordedSymbolV1,
    streams: &[StreamKind],
    gaps: &[(String, RecordedGap)],
) -> Vec<(Timestamp, Timestamp)> {
    let mut rowless: Option<Vec<(Timestamp, Timestamp)>> = None;
    let rows = symbol.streams.iter().filter_map(|stream| Some((stream.kind()?, stream)));
    for (kind, stream) in rows.filter(|(kind, stream)| streams.contains(kind) && stream.rows > 0) {
        let [first, last] = [stream.first_ns, stream.last_ns].map(Timestamp::from_nanos);
        let own = gaps.iter().filter(|(name, gap)| *name == symbol.name && gap.stream == kind);
        let mut own: Vec<(Timestamp, Timestamp)> = own.map(|(_, gap)| ends(&gap.gap)).collect();
        own.extend([(Timestamp::MIN, first), (last, Timestamp::MAX)]);
        own.sort_unstable();
        rowless = Some(rowless.map_or(own.clone(), |before| common(&before, &own)));
    }
    let holes = rowless.unwrap_or_default().into_iter().filter(|(from, to)| *to - *from > FURTHEST_APART);
    let holes: Vec<(Timestamp, Timestamp)> = holes.collect();
    holes.windows(2).map(|pair| (pair[0].1, pair[1].0)).collect()
}

fn ends(gap: &Gap) -> (Timestamp, Timestamp) {
    (gap.from, gap.to)
}

/// What two sorted lists of spans have in common.
fn common(a: &[(Timestamp, Timestamp)], b: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let (mut all, mut i, mut j) = (Vec::new(), 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (from, to) = (x.0.max(y.0), x.1.min(y.1));
        if from < to {
            all.push((from, to));
        }
        if x.1 <= y.1 { i += 1 } else { j += 1 }
    }
    all
}
