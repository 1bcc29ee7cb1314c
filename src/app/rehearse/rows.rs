//! Recorded rows for the rehearsal exchange: all streams of all symbols merged by time, quantities in
//! contracts.
//!
//! A thread reads ahead through a bounded channel, so memory does not grow with the recording. Invariant: at
//! most one book stream of a symbol is replayed.

use crate::app::Failure;
use crate::domain::contract::Contract;
use crate::domain::contract_facts::FactSource;
use crate::domain::decimal::Decimal;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::files::{RecordBatch, Selection, SourceFile, expand, survey};
use crate::rehearsal::RowSource;
use crate::service::SourceError;
use crate::store::Store;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Rows per batch.
const BATCH: usize = 1_024;

/// Capacity of the channel in batches; when it is full, reading waits.
const BATCHES: usize = 16;

/// Source of market data.
#[derive(Clone)]
pub enum Origin {
    /// A recording of the store, by its id.
    Recording(Arc<Store>, String),
    /// Files or directories.
    Files(Vec<PathBuf>),
}

/// Market data opened for replay.
pub struct Found {
    /// Contract terms; the index is the symbol index of the rows.
    pub contracts: Vec<Contract>,
    /// The rows.
    pub source: Merged,
}

/// How one symbol is replayed.
#[derive(Clone)]
struct Plan {
    /// The symbol as recorded.
    name: String,
    contract: Contract,
    /// One contract in units of the recorded quantity.
    unit: Decimal,
    /// Streams that are replayed; at most one of them is a book stream.
    kinds: Vec<StreamKind>,
}

type Batch = Result<Vec<(usize, Record)>, String>;

/// Rows merged by time.
pub struct Merged {
    origin: Origin,
    plans: Arc<Vec<Plan>>,
    batches: Receiver<Batch>,
    rows: std::vec::IntoIter<(usize, Record)>,
}

/// Surveys market data and opens it for replay.
///
/// # Errors
/// Data that cannot be read, symbols that are not linear contracts, or no data at all.
pub fn find(origin: Origin) -> Result<Found, Failure> {
    let origin = match origin {
        Origin::Files(paths) => Origin::Files(expand(&paths)?.files),
        recording => recording,
    };
    let plans = match &origin {
        Origin::Recording(store, id) => recorded(store, id)?,
        Origin::Files(paths) => filed(paths)?,
    };
    if plans.is_empty() {
        return Err(Failure::input("there is no market data in what was named"));
    }
    let contracts = plans.iter().map(|plan| plan.contract.clone()).collect();
    let plans = Arc::new(plans);
    let batches = read_ahead(&origin, &plans);
    Ok(Found { contracts, source: Merged { origin, plans, batches, rows: Vec::new().into_iter() } })
}

impl RowSource for Merged {
    fn next(&mut self) -> Option<Result<(usize, Record), String>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.batches.recv().ok()? {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.rows = Vec::new().into_iter();
        self.batches = read_ahead(&self.origin, &self.plans);
        Ok(())
    }
}

fn recorded(store: &Store, id: &str) -> Result<Vec<Plan>, Failure> {
    let recording = store.recording(id)?;
    let mut plans = Vec::new();
    for symbol in &recording.symbols {
        let known = store.recorded_spec(id, &symbol.name)?;
        let spec = store.spec_of(id, &symbol.name)?;
        let spans: Vec<(StreamKind, i64)> = symbol
            .streams
            .iter()
            .filter_map(|stream| Some((stream.kind()?, stream.last_ns.saturating_sub(stream.first_ns))))
            .collect();
        plans.push(plan(&symbol.name, &spec, known.is_some(), &spans)?);
    }
    Ok(plans)
}

fn filed(paths: &[PathBuf]) -> Result<Vec<Plan>, Failure> {
    let survey = survey(paths, &Selection::default(), &mut |_| {})?;
    if let Some(file) = survey.files.iter().find(|file| !file.is_time_ordered) {
        let path = file.path.visible();
        return Err(Failure::input(format!(
            "{path} is not in time order over its symbols: import it, and rehearse the recording"
        )));
    }
    let mut plans = Vec::new();
    for symbol in &survey.symbols {
        let spec = symbol.facts.spec(&symbol.name, symbol.price_step(), symbol.quantity_step());
        let (spec, sources) = spec.ok_or_else(|| {
            Failure::input(format!("{}: its steps are too fine to count money exactly", symbol.name))
        })?;
        let of = |file: &crate::files::FileSurvey| {
            let found = file.symbols.iter().find(|found| found.name == symbol.name)?;
            Some((file.kind, found.last.nanos() - found.first.nanos()))
        };
        let spans: Vec<(StreamKind, i64)> = survey.files.iter().filter_map(of).collect();
        plans.push(plan(&symbol.name, &spec, sources.contract_size != FactSource::Assumed, &spans)?);
    }
    Ok(plans)
}

/// Plans the replay of a symbol. With known contract terms the terms are kept; otherwise quantities are in
/// base units, and one quantity step becomes one contract.
fn plan(
    name: &str,
    spec: &SymbolSpec,
    has_terms: bool,
    spans: &[(StreamKind, i64)],
) -> Result<Plan, Failure> {
    let (base, quote) = split(name).ok_or_else(|| {
        Failure::input(format!("{name} is not a linear contract: its name does not end with USDT, USDC or USD, so it cannot be served"))
    })?;
    let (contract_size, quantity_step, unit) = if has_terms {
        (spec.contract_size, spec.quantity_step, Decimal::ONE)
    } else {
        (spec.quantity_step, Decimal::ONE, spec.quantity_step)
    };
    let rate = |parts: i64| Decimal::new(parts, 9).unwrap_or(Decimal::ZERO);
    let tier = spec.tiers.first();
    let contract = Contract {
        symbol: format!("{base}_{quote}"),
        display_name: format!("{base}_{quote} PERPETUAL"),
        base: base.to_owned(),
        quote: quote.to_owned(),
        settle: quote.to_owned(),
        contract_size,
        price_step: spec.price_step,
        quantity_step,
        min_quantity: quantity_step,
        max_quantity: quantity_step.times(1_000_000).unwrap_or(quantity_step),
        max_leverage: 200,
        maker_fee: rate(spec.maker_fee.0),
        taker_fee: rate(spec.taker_fee.0),
        maintenance: tier.map(|tier| rate(tier.maintenance.0)),
        tiers: Vec::new(),
        state: 0,
        is_api_allowed: true,
        listed_ms: None,
    };
    // The most detailed book stream that covers at least 90 % of the longest span.
    const BOOKS: [StreamKind; 3] = [StreamKind::BookChanges, StreamKind::BookSnapshots, StreamKind::Quotes];
    let span =
        |kind: StreamKind| spans.iter().filter(|(known, _)| *known == kind).map(|(_, span)| *span).max();
    let longest = BOOKS.iter().filter_map(|kind| span(*kind)).max().unwrap_or(0);
    let book = BOOKS.into_iter().find(|kind| span(*kind).is_some_and(|span| span >= longest / 10 * 9));
    let is_wanted = |kind: &StreamKind| !BOOKS.contains(kind) || Some(*kind) == book;
    let kinds = StreamKind::ALL
        .iter()
        .map(|(kind, _)| *kind)
        .filter(|kind| is_wanted(kind) && span(*kind).is_some())
        .collect();
    Ok(Plan { name: name.to_owned(), contract, unit, kinds })
}

/// Splits `BTCUSDT` or `BTC_USDT` into `BTC` and `USDT`.
fn split(name: &str) -> Option<(&str, &str)> {
    if let Some((base, quote)) = name.split_once('_') {
        return Some((base, quote)).filter(|(base, quote)| !base.is_empty() && !quote.is_empty());
    }
    ["USDT", "USDC", "USD"]
        .into_iter()
        .find_map(|quote| Some((name.strip_suffix(quote)?, quote)))
        .filter(|(base, _)| !base.is_empty())
}

fn read_ahead(origin: &Origin, plans: &Arc<Vec<Plan>>) -> Receiver<Batch> {
    let (sender, receiver) = sync_channel(BATCHES);
    let (origin, plans) = (origin.clone(), Arc::clone(plans));
    let errors = sender.clone();
    let reading = std::thread::Builder::new().name("rehearsal-rows".to_owned()).spawn(move || {
        if let Err(problem) = merge(&origin, &plans, &sender) {
            // Fails only when the receiver is gone, and then nobody needs the error.
            let _ = sender.send(Err(problem));
        }
    });
    if let Err(error) = reading {
        // The channel is empty, so this does not fail.
        let _ = errors.try_send(Err(format!("no thread could be started to read ahead: {error}")));
    }
    receiver
}

/// Next row of one stream or file with its symbol index; `None` at the end.
type Cursor<'a> = Box<dyn FnMut() -> Result<Option<(usize, Record)>, SourceError> + 'a>;

/// Sends all rows in time order; stops early when the receiver is dropped.
fn merge(origin: &Origin, plans: &[Plan], sender: &SyncSender<Batch>) -> Result<(), String> {
    let mut cursors = match origin {
        Origin::Recording(store, id) => recording_cursors(store, id, plans),
        Origin::Files(paths) => file_cursors(paths, plans),
    }
    .map_err(|error| error.to_string())?;
    let mut heads: BinaryHeap<Reverse<(Timestamp, StreamKind, usize)>> = BinaryHeap::new();
    let mut next: Vec<Option<(usize, Record)>> = vec![None; cursors.len()];
    let mut advance = |index: usize, next: &mut Vec<Option<(usize, Record)>>, heads: &mut BinaryHeap<_>| {
        next[index] = cursors[index]().map_err(|error| error.to_string())?;
        if let Some((_, record)) = &next[index] {
            heads.push(Reverse((record.exchange_at, record.body.stream(), index)));
        }
        Ok::<(), String>(())
    };
    for index in 0..next.len() {
        advance(index, &mut next, &mut heads)?;
    }
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(Reverse((_, _, index))) = heads.pop() {
        if let Some((symbol, record)) = next[index].take() {
            batch.push((symbol, in_contracts(record, plans[symbol].unit)?));
        }
        advance(index, &mut next, &mut heads)?;
        if batch.len() == BATCH && sender.send(Ok(std::mem::take(&mut batch))).is_err() {
            return Ok(());
        }
    }
    // Fails only when the receiver is gone.
    let _ = sender.send(Ok(batch));
    Ok(())
}

fn recording_cursors<'a>(store: &'a Store, id: &str, plans: &[Plan]) -> Result<Vec<Cursor<'a>>, SourceError> {
    let mut cursors: Vec<Cursor<'a>> = Vec::new();
    for (index, plan) in plans.iter().enumerate() {
        for kind in &plan.kinds {
            let mut rows = store.rows(id, &plan.name, *kind)?;
            cursors.push(Box::new(move || Ok(rows.next().transpose()?.map(|record| (index, record)))));
        }
    }
    Ok(cursors)
}

fn file_cursors(paths: &[PathBuf], plans: &[Plan]) -> Result<Vec<Cursor<'static>>, SourceError> {
    let indices: Arc<BTreeMap<String, (usize, Vec<StreamKind>)>> = Arc::new(
        plans
            .iter()
            .enumerate()
            .map(|(index, plan)| (plan.name.clone(), (index, plan.kinds.clone())))
            .collect(),
    );
    let mut cursors: Vec<Cursor<'static>> = Vec::new();
    for path in paths {
        let mut file = SourceFile::open(path)?;
        let indices = Arc::clone(&indices);
        let mut batch = RecordBatch::default();
        let mut at = 0;
        cursors.push(Box::new(move || {
            loop {
                while let Some((symbol, record)) = batch.rows().get(at) {
                    at += 1;
                    let known = indices.get(file.symbol(*symbol));
                    if let Some((index, _)) = known.filter(|(_, kinds)| kinds.contains(&record.body.stream()))
                    {
                        return Ok(Some((*index, *record)));
                    }
                }
                at = 0;
                if !file.read(&mut batch)? {
                    return Ok(None);
                }
            }
        }));
    }
    Ok(cursors)
}

/// Converts a row's quantities to contracts.
fn in_contracts(mut record: Record, unit: Decimal) -> Result<Record, String> {
    if unit == Decimal::ONE {
        return Ok(record);
    }
    let count = |quantity: &mut Decimal| {
        let contracts = quantity.in_steps_of(unit).and_then(|count| Decimal::new(count, 0));
        *quantity = contracts.ok_or_else(|| {
            format!("a quantity of {quantity} is not a whole number of contracts of {unit}")
        })?;
        Ok::<(), String>(())
    };
    match &mut record.body {
        RecordBody::Trade { quantity, .. }
        | RecordBody::SnapshotLevel { quantity, .. }
        | RecordBody::LevelChange { quantity, .. } => {
            count(quantity)?;
        }
        RecordBody::Quote { bid_quantity, ask_quantity, .. } => {
            count(bid_quantity)?;
            count(ask_quantity)?;
        }
        RecordBody::Bar { volume, .. } => count(volume)?,
        RecordBody::Mark { .. } | RecordBody::Funding { .. } => {}
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_contracts() {
        assert_eq!(split("BTCUSDT"), Some(("BTC", "USDT")));
        assert_eq!(split("1000BONK_USDT"), Some(("1000BONK", "USDT")));
        assert_eq!((split("USDT"), split("EURJPY")), (None, None));
    }

    #[test]
    fn files_are_merged_with_one_book_and_whole_contracts() {
        let file =
            |stream: &str| PathBuf::from(format!("tests/data/binance-usdm_BTCUSDT_20240808{stream}.csv.gz"));
        let files = [".trades", ".book20", "-start.l2", "-start.bbo"].map(file);
        let mut found = find(Origin::Files(files.to_vec())).unwrap_or_else(|failure| panic!("{failure}"));
        let contract = &found.contracts[0];
        assert_eq!(
            (contract.symbol.as_str(), contract.contract_size.to_string().as_str()),
            ("BTC_USDT", "0.001")
        );
        let mut kinds = BTreeMap::new();
        let mut last = Timestamp::MIN;
        while let Some(row) = found.source.next() {
            let (symbol, record) = row.unwrap();
            assert!(symbol == 0 && record.exchange_at >= last);
            last = record.exchange_at;
            *kinds.entry(record.body.stream()).or_insert(0) += 1;
        }
        assert_eq!(
            kinds,
            BTreeMap::from([(StreamKind::BookSnapshots, 68_880), (StreamKind::Trades, 21_313)])
        );
        found.source.rewind().unwrap();
        assert!(found.source.next().is_some_and(|row| row.is_ok()));
    }
}
