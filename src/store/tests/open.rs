//! Open recordings: for any order of rows, commits, seals and kills, all committed rows are read back
//! unchanged.

use super::*;
use crate::limits::STORE_RECORD_BYTES;
use crate::store::records::{ControlKindV1, SessionControlV1, SessionRow};
use proptest::prelude::*;

mod disk;
mod order;
mod readers;

const SYMBOLS: [&str; 3] = ["BTC_USDT", "ETH_USDT", "ADA_USDT"];
const KINDS: [StreamKind; 4] =
    [StreamKind::Trades, StreamKind::BookChanges, StreamKind::BookSnapshots, StreamKind::Marks];

fn names() -> Vec<String> {
    SYMBOLS.map(str::to_owned).to_vec()
}

/// Row number `seq` of a stream: exchange times sometimes go back, receive times never do.
fn row(kind: StreamKind, seq: u64, received_ns: i64) -> Record {
    let mixed = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let price = Decimal::new(6_180_000 + (mixed % 997) as i64, 2).unwrap();
    let quantity = Decimal::new(1 + (mixed % 5_000) as i64, 0).unwrap();
    let side = if mixed % 3 == 0 { Side::Sell } else { Side::Buy };
    let body = match kind {
        StreamKind::Trades => {
            RecordBody::Trade { price, quantity, taker: side, id: (mixed % 7 != 0).then_some(seq) }
        }
        StreamKind::BookChanges => RecordBody::LevelChange {
            side,
            price,
            quantity,
            snapshot: seq == 0,
            update_id: Some(1_000_000_007 + seq / 3),
        },
        StreamKind::BookSnapshots => {
            RecordBody::SnapshotLevel { side, level: 1 + (seq % 20) as u16, price, quantity }
        }
        _ => RecordBody::Mark { mark: price, index: (mixed % 2 == 0).then_some(quantity) },
    };
    let late_ms = (mixed % 40) as i64 - 5;
    let exchange_at = Timestamp::from_nanos((received_ns / 1_000_000 - late_ms) * 1_000_000);
    Record { exchange_at, received_at: Some(Timestamp::from_nanos(received_ns)), body }
}

/// A recording with its expected content.
struct World {
    disk: SharedMemory,
    store: Arc<Store>,
    open: Option<OpenRecording>,
    id: String,
    bounds: Bounds,
    clock_ns: i64,
    /// Per symbol and kind: all rows, and how many of them are committed.
    rows: Vec<(Vec<Record>, usize)>,
    gaps: Vec<(String, RecordedGap)>,
    gaps_committed: usize,
}

impl World {
    fn new(bounds: Bounds) -> Self {
        let disk = SharedMemory::default();
        let store = Arc::new(Store::with_backend(disk.clone()).unwrap());
        let open = store.begin_recording(new_recording(1), names()).unwrap();
        open.set_bounds(bounds);
        let rows = vec![(Vec::new(), 0); SYMBOLS.len() * KINDS.len()];
        let id = open.id().to_owned();
        let clock_ns = 1_700_000_000_000_000_000;
        World {
            disk,
            store,
            open: Some(open),
            id,
            bounds,
            clock_ns,
            rows,
            gaps: Vec::new(),
            gaps_committed: 0,
        }
    }

    fn open(&mut self) -> &mut OpenRecording {
        self.open.as_mut().unwrap()
    }

    fn push(&mut self, stream: usize, count: usize) {
        let (symbol, kind) = (stream / KINDS.len(), KINDS[stream % KINDS.len()]);
        self.clock_ns += 3_100_000;
        let seq = self.rows[stream].0.len() as u64;
        let rows: Vec<Record> = (0..count as u64).map(|i| row(kind, seq + i, self.clock_ns)).collect();
        self.open().push(SymbolId(symbol as u32), &rows).unwrap();
        self.rows[stream].0.extend_from_slice(&rows);
    }

    fn gap(&mut self, symbol: usize) {
        let at = Timestamp::from_nanos(self.clock_ns);
        let gap = RecordedGap {
            stream: StreamKind::Trades,
            gap: Gap { from: at, to: at, cause: GapCause::Silence },
        };
        self.open().gap(SymbolId(symbol as u32), gap).unwrap();
        self.gaps.push((SYMBOLS[symbol].to_owned(), gap));
    }

    fn committed(&mut self) {
        self.rows.iter_mut().for_each(|(rows, committed)| *committed = rows.len());
        self.gaps_committed = self.gaps.len();
        let (open, bounds) = (self.open.as_ref().unwrap(), self.bounds);
        assert!(
            open.pending_rows() <= bounds.pending_rows
                && open.journal_bytes() <= bounds.journal_bytes + (1 << 16)
        );
    }

    /// Drops everything in memory, as if the process had been killed, and reopens the store.
    fn kill(&mut self) {
        self.open = None;
        self.store = Arc::new(Store::in_memory().unwrap());
        let copy = SharedMemory {
            bytes: Arc::new(Mutex::new(self.disk.bytes.lock().unwrap().clone())),
            ..SharedMemory::default()
        };
        self.disk = copy;
        self.store = Arc::new(Store::with_backend(self.disk.clone()).unwrap());
        assert_eq!(
            self.store.open_recordings().unwrap().iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
            [self.id.as_str()]
        );
        let open = self.store.resume_recording(&self.id).unwrap();
        open.set_bounds(self.bounds);
        self.rows.iter_mut().for_each(|(rows, committed)| rows.truncate(*committed));
        self.gaps.truncate(self.gaps_committed);
        let last = self.rows.iter().flat_map(|(rows, _)| rows.last()).filter_map(|row| row.received_at).max();
        assert_eq!(
            (open.rows(), open.last_received()),
            (self.rows.iter().map(|(rows, _)| rows.len() as u64).sum(), last)
        );
        self.open = Some(open);
    }

    fn check(&self) {
        let recording = self.store.recording(&self.id).unwrap();
        for (stream, (rows, _)) in self.rows.iter().enumerate() {
            let (name, kind) = (SYMBOLS[stream / KINDS.len()], KINDS[stream % KINDS.len()]);
            assert!(
                all_rows(&self.store, &self.id, name, kind) == *rows,
                "{name} {kind:?}: {} rows expected",
                rows.len()
            );
            let info = recording.symbol(name).unwrap().stream(kind);
            let ends = rows
                .iter()
                .map(|row| row.exchange_at.nanos())
                .min()
                .zip(rows.iter().map(|row| row.exchange_at.nanos()).max());
            assert_eq!(info.map(|info| (info.first_ns, info.last_ns)), ends);
            assert!(info.is_none_or(|info| info.has_receive_times));
        }
        assert_eq!(self.store.gaps(&self.id).unwrap(), self.gaps);
        let report = self.store.verify().unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize, usize),
    Gap(usize),
    Commit,
    Seal,
    SealByAReader,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => (0..SYMBOLS.len() * KINDS.len(), 1_usize..40).prop_map(|(stream, count)| Step::Push(stream, count)),
        2 => (0..SYMBOLS.len(), 3_000_usize..9_500).prop_map(|(symbol, count)| Step::Push(symbol * KINDS.len(), count)),
        2 => (0..SYMBOLS.len()).prop_map(Step::Gap),
        12 => Just(Step::Commit),
        1 => Just(Step::Seal),
        1 => Just(Step::SealByAReader),
        2 => Just(Step::Kill),
    ];
    proptest::collection::vec(step, 1..80)
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let small = (100_usize..20_000, 50_usize..9_000, 200_usize..90_000, 2_usize..60, 1_usize..4);
    let small =
        small.prop_map(|(uncommitted_rows, pending_rows, journal_bytes, journal_chunks, sealed_at_once)| {
            Bounds { uncommitted_rows, pending_rows, journal_bytes, journal_chunks, sealed_at_once }
        });
    prop_oneof![1 => Just(Bounds::default()), 3 => small]
}

#[test]
fn nothing_is_committed_behind_a_control_that_cannot_be_kept() {
    let mut world = World::new(Bounds::default());
    world.push(0, 2);
    let name = "x".repeat(STORE_RECORD_BYTES + 1);
    let kind = ControlKindV1::SymbolTable { version: 1, disabled: vec![name] };
    let control = SessionControlV1 { at_ns: 1, kind };
    let refused = world.open().control("exec_1", &control).unwrap_err().to_string();
    let open = world.open.as_ref().unwrap();
    let commits = [open.commit(RecordingCommit::default()), world.store.flush_recording(&world.id, None)];
    assert!(commits.iter().all(|said| said.as_ref().is_err_and(|said| said.to_string() == refused)));
    assert_eq!(open.rows_on_disk(), 0);
    assert_eq!(world.store.session_controls("exec_1").unwrap(), []);
}

#[test]
fn as_many_controls_wait_for_a_commit_as_rows_would() {
    let mut world = World::new(Bounds { uncommitted_rows: 4, ..Bounds::default() });
    let mut done = |kind: &ControlKindV1| {
        let control = SessionControlV1 { at_ns: 1, kind: kind.clone() };
        world.open().control("exec_1", &control).unwrap();
        world.store.session_controls("exec_1").unwrap().len()
    };
    assert_eq!([1, 2, 3, 4].map(|_| done(&ControlKindV1::Pause)), [0, 0, 0, 4]);
    let disabled = vec!["A_USDT".to_owned(); 100];
    assert_eq!(done(&ControlKindV1::SymbolTable { version: 2, disabled }), 5, "one that is long counts more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_happens_what_was_committed_comes_back(steps in steps(), bounds in bounds()) {
        // A push that commits on its own would commit more than the model expects.
        let mut world = World::new(Bounds { uncommitted_rows: usize::MAX, ..bounds });
        for step in steps {
            match step {
                Step::Push(stream, count) => world.push(stream, count),
                Step::Gap(symbol) => world.gap(symbol),
                Step::Commit => {
                    world.open().commit(RecordingCommit::default()).unwrap();
                    world.committed();
                }
                Step::Seal => {
                    world.open().seal().unwrap();
                    world.committed();
                    world.check();
                }
                Step::SealByAReader => {
                    world.store.flush_recording(&world.id, None).unwrap();
                    world.committed();
                    world.check();
                }
                Step::Kill => world.kill(),
            }
        }
        let id = world.open.take().unwrap().finish(RecordingEnd::default()).unwrap();
        prop_assert_eq!(world.store.recording(&id).unwrap().state, RecordingState::Complete);
        world.check();
        prop_assert_eq!(world.store.verify().unwrap().chunks, 0, "a complete recording needs no journal");
        prop_assert!(world.store.resume_recording(&id).is_err());
    }
}

#[test]
fn a_thousand_streams_stay_within_their_bounds() {
    let store = Arc::new(Store::in_memory().unwrap());
    let symbols: Vec<String> = (0..500).map(|i| format!("S{i}_USDT")).collect();
    let open = store.begin_recording(new_recording(1), symbols.clone()).unwrap();
    let bounds = Bounds { pending_rows: 60_000, journal_bytes: 1 << 20, ..Bounds::default() };
    open.set_bounds(bounds);
    let mut clock_ns = 1_700_000_000_000_000_000;
    let rounds = 40;
    for round in 0..rounds {
        for symbol in 0..500_u64 {
            clock_ns += 1_000;
            for kind in [StreamKind::Trades, StreamKind::Marks] {
                // A few streams are far busier than the others.
                let count = if symbol < 10 { 50 } else { 5 };
                let rows: Vec<Record> = (0..count).map(|i| row(kind, round * count + i, clock_ns)).collect();
                open.push(SymbolId(symbol as u32), &rows).unwrap();
            }
        }
        open.commit(RecordingCommit::default()).unwrap();
        assert!(open.pending_rows() <= bounds.pending_rows, "{}", open.pending_rows());
        // The last chunk may exceed the limit.
        assert!(open.journal_bytes() <= bounds.journal_bytes + (400 << 10), "{}", open.journal_bytes());
    }
    let expected = rounds * 2 * (10 * 50 + 490 * 5);
    assert_eq!(open.rows(), expected);
    let id = open.finish(RecordingEnd::default()).unwrap();
    assert_eq!(store.recording(&id).unwrap().rows(), expected);
    assert!(store.verify().unwrap().is_sound());
    let sealed = all_rows(&store, &id, "S3_USDT", StreamKind::Trades);
    assert_eq!((sealed.len() as u64, sealed[77].body), (rounds * 50, row(StreamKind::Trades, 77, 0).body));
}

#[test]
fn rows_that_cannot_be_kept_are_refused_and_nothing_of_them_is() {
    let store = Arc::new(Store::in_memory().unwrap());
    let twice = vec!["A".to_owned(), "A".to_owned()];
    assert!(
        store.begin_recording(new_recording(9), twice).is_err()
            && store.begin_recording(new_recording(9), vec![String::new()]).is_err()
    );
    assert!(store.recordings().unwrap().is_empty());
    let open = store.begin_recording(new_recording(1), names()).unwrap();
    assert!(store.begin_recording(new_recording(1), names()).is_err());
    let a = SymbolId(0);
    let good = row(StreamKind::Trades, 1, 2_000_000_000);
    open.push(a, &[good]).unwrap();
    let refused = |open: &OpenRecording, symbol, rows: &[Record], why: &str| {
        let error = open.push(symbol, rows).unwrap_err();
        assert!(error.to_string().contains(why) && error.exit_code() == 64, "{error}");
    };
    refused(
        &open,
        a,
        &[good, row(StreamKind::Trades, 1, 1_999_999_999)],
        "row 2 of this message was received before",
    );
    refused(&open, a, &[Record { received_at: None, ..good }], "no receive time");
    refused(&open, a, &[good, row(StreamKind::Marks, 1, 3_000_000_000)], "another kind");
    refused(&open, SymbolId(7), &[good], "none at index 7");
    let large = RecordBody::Trade {
        price: number("0.000000000000000001"),
        quantity: number("1"),
        taker: Side::Buy,
        id: None,
    };
    refused(&open, a, &[Record { body: large, ..good }], "prices of BTC_USDT");
    assert_eq!(open.rows(), 1);
    assert!(matches!(store.delete_recording(open.id()), Err(StoreError::Refused(_))));
    assert!(store.resume_recording(open.id()).is_err() && store.complete_recording(open.id()).is_err());
    let id = open.finish(RecordingEnd::default()).unwrap();
    assert_eq!(all_rows(&store, &id, SYMBOLS[0], StreamKind::Trades), [good]);
    assert_eq!(store.spec_of(&id, SYMBOLS[0]).unwrap().price_step, number("0.01"));
    store.delete_recording(&id).unwrap();
    assert_eq!(store.verify().unwrap(), VerifyReport::default());
}

#[test]
fn a_session_and_its_rows_are_on_disk_together() {
    let mut world = World::new(Bounds::default());
    let session = |state: &str, reached_ns| SessionRow {
        id: "exec_a".into(),
        state: state.into(),
        reached_ns,
        ..SessionRow::default()
    };
    let events = |first_seq| EventSegment { first_seq, lines: "{\"event\":1}\n{\"event\":2}\n".into() };
    let control = |at_ns, kind| SessionControlV1 { at_ns, kind };
    let controls = [
        control(1, ControlKindV1::Pause),
        control(2, ControlKindV1::Resume),
        control(3, ControlKindV1::CloseAndEnd),
    ];
    world.push(0, 3);
    let (row, first) = (session("running", Some(7)), events(1));
    controls[..2].iter().for_each(|control| world.open().control("exec_a", control).unwrap());
    world.open().commit(RecordingCommit { session: Some((&row, &first)) }).unwrap();
    world.committed();
    // Without new rows, only the session is written.
    world.open().control("exec_a", &controls[2]).unwrap();
    world.open().commit(RecordingCommit { session: Some((&row, &events(3))) }).unwrap();
    world.kill();
    assert_eq!(world.store.session("exec_a").unwrap().reached_ns, Some(7));
    assert_eq!(world.store.session_controls("exec_a").unwrap(), controls);
    assert_eq!(world.store.last_session_event("exec_a").unwrap(), 4);
    let ended = session("completed", Some(8));
    let result = Some(new_result("exec_a", 1, "{}"));
    world.open().control("exec_a", &control(9, ControlKindV1::End)).unwrap();
    let id = world
        .open
        .take()
        .unwrap()
        .finish(RecordingEnd { session: Some((&ended, &events(5))), result })
        .unwrap();
    assert_eq!(world.store.session("exec_a").unwrap().state, "completed");
    assert_eq!(world.store.result_document("exec_a").unwrap(), "{}");
    assert_eq!(world.store.session_controls("exec_a").unwrap().len(), 4);
    assert_eq!(world.store.recording(&id).unwrap().state, RecordingState::Complete);
    world.check();
}

#[test]
fn what_was_done_before_a_row_is_on_disk_with_it_whoever_commits() {
    let mut world = World::new(Bounds::default());
    let interrupted = SessionControlV1 { at_ns: 1, kind: ControlKindV1::Pause };
    world.open().control("exec_a", &interrupted).unwrap();
    world.push(0, 3);
    world.store.flush_recording(&world.id, None).unwrap();
    world.committed();
    world.kill();
    assert_eq!(world.store.session_controls("exec_a").unwrap(), [interrupted]);
}

#[test]
fn only_rows_that_are_on_disk_are_counted() {
    let mut world = World::new(Bounds::default());
    let counted = |world: &World| world.store.counted_recording(&world.id).unwrap().rows();
    world.push(0, 5_000);
    assert_eq!(counted(&world), 0, "a full block is made, nothing is committed");
    world.open().commit(RecordingCommit::default()).unwrap();
    world.committed();
    assert_eq!(counted(&world), 5_000);
    world.push(0, 70);
    assert_eq!(counted(&world), 5_000);
    world.kill();
    assert_eq!(counted(&world), 5_000, "after a kill nothing that was told is gone");
}

#[test]
fn a_recording_that_was_only_begun_leaves_nothing() {
    let mut world = World::new(Bounds::default());
    world.store.discard_recording(world.open.take().unwrap());
    assert_eq!(world.store.verify().unwrap(), VerifyReport::default());
}

#[test]
fn blocks_end_up_full_however_often_a_stream_is_sealed() {
    let mut world = World::new(Bounds::default());
    for _ in 0..90 {
        world.push(0, 100);
        world.open().seal().unwrap();
    }
    let report = world.store.verify().unwrap();
    assert_eq!((report.rows, report.blocks), (9_000, 3), "{report:?}");
    assert_eq!(
        world.store.recording(&world.id).unwrap().bytes() + world.open().journal_bytes() as u64,
        world.open().bytes()
    );
    world.check();
}
