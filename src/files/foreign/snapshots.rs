//! Tardis: one row with many levels (book_snapshot), and rows with prices that may be empty
//! (derivative_ticker).

use super::convert::{self, Clock};
use super::mapped::{OneExchange, wrong};
use super::{Foreign, Opening, Refused, Rows, Translate};
use crate::domain::file_mapping::TimeUnit;
use crate::domain::record::StreamKind;
use crate::files::columns::{Cells, Form};
use crate::files::error::{Problem, excerpt};
use crate::files::fields::csv_fields;
use crate::files::layout::{Layout, SYMBOL, TIME};
use crate::limits::BOOK_SNAPSHOT_LEVELS;

/// Slots of a snapshot level behind time and symbol, and of a mark price.
const SIDE: usize = 2;
const LEVEL: usize = 3;
const PRICE: usize = 4;
const QUANTITY: usize = 5;
const SNAPSHOT_RECV: usize = 6;
const MARK: usize = 2;
const INDEX: usize = 3;
const MARK_RECV: usize = 4;

/// Rows of snapshots or of tickers.
struct Tardis {
    cells: Cells,
    header: Vec<u8>,
    symbol: usize,
    exchange: Option<OneExchange>,
    time: (usize, Clock),
    recv: (usize, Clock),
    what: What,
}

enum What {
    /// Columns of price and amount by level, best first, of bids and of asks.
    Levels { bids: Vec<(usize, usize)>, asks: Vec<(usize, usize)>, is_cut: bool },
    /// Columns of mark and index price, and how many rows had no mark price.
    Ticker { mark: usize, index: Option<usize>, without: u64 },
}

/// The layout of a file with these column names.
pub(super) fn of_header(opening: &Opening<'_>) -> Result<Option<Foreign>, Problem> {
    let Ok(fields) = csv_fields(opening.first) else { return Ok(None) };
    let names: Vec<String> = fields.iter().map(|field| convert::column_name(field)).collect();
    let at = |name: &str| names.iter().position(|own| own == name);
    let (Some(symbol), Some(time), Some(recv)) = (at("symbol"), at("timestamp"), at("local_timestamp"))
    else {
        return Ok(None);
    };
    let levels = |side: &str| -> Vec<(usize, usize)> {
        (0..)
            .map_while(|n| Some((at(&format!("{side}[{n}].price"))?, at(&format!("{side}[{n}].amount"))?)))
            .collect()
    };
    let (mut bids, mut asks) = (levels("bids"), levels("asks"));
    let (kind, what) = if !bids.is_empty() && !asks.is_empty() {
        let is_cut = bids.len().max(asks.len()) > BOOK_SNAPSHOT_LEVELS;
        bids.truncate(BOOK_SNAPSHOT_LEVELS);
        asks.truncate(BOOK_SNAPSHOT_LEVELS);
        (StreamKind::BookSnapshots, What::Levels { bids, asks, is_cut })
    } else if let (Some(mark), Some(_)) = (at("mark_price"), at("funding_rate")) {
        (StreamKind::Marks, What::Ticker { mark, index: at("index_price"), without: 0 })
    } else {
        return Ok(None);
    };
    if let Some(at) = (0..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        return Err(Problem::RepeatedColumn(excerpt(names[at].as_bytes())));
    }
    let cells = Cells::new(Form::Csv { width: names.len() });
    let (time, recv) = ((time, Clock::of(TimeUnit::Any)), (recv, Clock::of(TimeUnit::Any)));
    let tardis = Tardis {
        cells,
        header: opening.first.to_vec(),
        symbol,
        exchange: OneExchange::of(&names),
        time,
        recv,
        what,
    };
    Ok(Some(Foreign::new(Layout::full(kind), tardis)))
}

impl Translate for Tardis {
    fn line(&mut self, line: &[u8], rows: &mut Rows) -> Result<(), Refused> {
        if self.header == line {
            return Ok(());
        }
        self.cells.split(line).map_err(|problem| (None, problem))?;
        if let Some(exchange) = &mut self.exchange {
            exchange.check(&self.cells, line)?;
        }
        let why = "is not a time between 2000 and 2200";
        let time = |(at, clock): &mut (usize, Clock), column: &'static str| {
            let text = self.cells.get(line, *at);
            clock.micros(text).map(|micros| micros.to_string()).ok_or_else(|| wrong(column, text, why))
        };
        let (exchange, received) = (time(&mut self.time, "timestamp_us")?, time(&mut self.recv, "recv_us")?);
        let symbol = self.cells.get(line, self.symbol);
        let begin = |rows: &mut Rows, recv_slot: usize| {
            rows.begin();
            rows.set(TIME, exchange.as_bytes());
            rows.set(SYMBOL, symbol);
            rows.set(recv_slot, received.as_bytes());
        };
        match &mut self.what {
            What::Levels { bids, asks, .. } => {
                for (side, levels) in [(&b"bid"[..], &*bids), (b"ask", &*asks)] {
                    for (index, (price, amount)) in levels.iter().enumerate() {
                        let price = self.cells.get(line, *price);
                        // A thin book has fewer levels.
                        if price.is_empty() {
                            break;
                        }
                        begin(rows, SNAPSHOT_RECV);
                        rows.set(SIDE, side);
                        rows.set(LEVEL, (index + 1).to_string().as_bytes());
                        rows.set(PRICE, price);
                        rows.set(QUANTITY, self.cells.get(line, *amount));
                    }
                }
            }
            What::Ticker { mark, index, without } => {
                let price = self.cells.get(line, *mark);
                if price.is_empty() {
                    *without += 1;
                    return Ok(());
                }
                begin(rows, MARK_RECV);
                rows.set(MARK, price);
                if let Some(index) = index {
                    rows.set(INDEX, self.cells.get(line, *index));
                }
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        match &self.what {
            What::Levels { is_cut, .. } => {
                let mut notes = vec!["read as Tardis book_snapshot".to_owned()];
                if *is_cut {
                    notes.push(format!("levels beyond {BOOK_SNAPSHOT_LEVELS} are left out"));
                }
                notes
            }
            What::Ticker { without, .. } => {
                let mut notes = vec!["read as Tardis derivative_ticker: mark and index price only, without funding and open interest".to_owned()];
                if *without > 0 {
                    notes.push("rows without a mark price are left out".to_owned());
                }
                notes
            }
        }
    }
}
