//! Symbols that a paper session holds still: the exchange paused them, or what it sends does not fit the
//! terms that the session trades by. Entries stop, other symbols go on, and the terms are asked for again.
//!
//! What a halted symbol sends reaches neither engine nor recording; the ledger has a gap instead, so a replay
//! sees the same.

use crate::domain::contract::Contract;
use crate::domain::event::GapCause;
use crate::domain::order::Fill;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::session::inputs::{Arrived, Batch};
use crate::session::ports::ContractTerms;
use crate::session::rows::OffGrid;
use std::collections::{BTreeMap, BTreeSet};

/// First wait before terms are asked for again; doubles.
const ASK_AGAIN: Span = Span::from_seconds(1);

/// Longest such wait.
const ASK_AGAIN_AT_MOST: Span = Span::from_seconds(60);

/// How often in a row what is sent may not fit although the terms do; then the terms are not believed.
const MISFITS: u32 = 3;

/// After this long without any, the next one is the first again.
const MISFITS_FORGOTTEN: Span = Span::from_seconds(600);

/// Questions about terms that are under way at once; the others wait.
const ASKED_AT_ONCE: usize = 2;

/// What a session hears about its halts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A symbol is halted from here on.
    Halted(SymbolId, String),
    /// It goes on.
    Resumed(SymbolId),
    /// It cannot go on in this session.
    Changed(SymbolId, String),
    /// The venue reported an execution that fits no order: nothing more is begun on the symbol in this
    /// session.
    Unassigned(SymbolId, String),
}

impl News {
    /// Of symbols on which a process before this one saw executions that fit no order.
    pub fn unassigned_before(symbols: &BTreeSet<SymbolId>) -> impl Iterator<Item = News> + '_ {
        symbols.iter().map(|symbol| {
            let why = "before the restart an execution came that fits no open order".to_owned();
            News::Unassigned(*symbol, why)
        })
    }
}

/// The symbols that are halted, and the terms that are asked for.
#[derive(Default)]
pub(crate) struct Halts {
    halted: BTreeMap<SymbolId, Halt>,
    asked: BTreeMap<SymbolId, Asked>,
    /// How often what a symbol sent did not fit, and since the last time.
    misfits: BTreeMap<SymbolId, (u32, Timestamp)>,
    /// Symbols that their terms say are paused.
    paused: BTreeSet<SymbolId>,
    /// Symbols with an execution that fits no order, and whether their entries are withdrawn.
    unassigned: BTreeMap<SymbolId, bool>,
    news: Vec<News>,
}

struct Halt {
    /// Rows are missing from here on; `None`: none is yet.
    since: Option<Timestamp>,
    is_paused: bool,
    terms: Terms,
    /// Entries that were under way are withdrawn.
    is_withdrawn: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Terms {
    /// Those of the session.
    Fit,
    /// Not known now.
    Unknown,
    /// Others. `saw_price`: something came since that fits; `is_closing`: and its positions are being closed.
    Changed { saw_price: bool, is_closing: bool },
}

/// A question about a contract's terms.
struct Asked {
    is_under_way: bool,
    since: Timestamp,
    wait: Span,
    /// Whether it is asked only to see whether a pause is over.
    is_poll: bool,
}

impl Halts {
    /// What a session must do and tell, once.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The symbols on which nothing may be begun.
    pub(crate) fn halted(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.halted.keys().chain(self.unassigned.keys()).copied()
    }

    /// Symbols on which a process before this one saw executions that fit no order: nothing is begun there.
    /// That is told with every start, because no process knows whether the one before came to tell it.
    pub(crate) fn resume(&mut self, unassigned: &BTreeSet<SymbolId>) {
        self.unassigned.extend(unassigned.iter().map(|symbol| (*symbol, false)));
        self.news.extend(News::unassigned_before(unassigned));
    }

    /// The venue reported an execution that fits no order of ours. Its positions keep their exits; entries
    /// end.
    pub(crate) fn unassigned(&mut self, fill: &Fill) {
        self.unassigned.entry(fill.symbol).or_insert(false);
        let Fill { order, trade_id, qty, .. } = fill;
        let why =
            format!("execution {trade_id} of {} lots fits no open order (it names order {})", qty.0, order.0);
        self.news.push(News::Unassigned(fill.symbol, why));
    }

    /// Whether rows of a symbol are to be let through if they fit.
    pub(crate) fn lets_through(&self, symbol: SymbolId) -> bool {
        self.halted
            .get(&symbol)
            .is_none_or(|halt| !halt.is_paused && matches!(halt.terms, Terms::Changed { .. }))
    }

    /// Whether a symbol is halted.
    pub(crate) fn is_halted(&self, symbol: SymbolId) -> bool {
        self.halted.contains_key(&symbol)
    }

    /// A gap of the connection lies in the halt's own, which then begins no later.
    pub(crate) fn covers(&mut self, symbol: SymbolId, from: Timestamp) {
        if let Some(halt) = self.halted.get_mut(&symbol) {
            halt.since = Some(halt.since.map_or(from, |since| since.min(from)));
        }
    }

    /// A price of a symbol fitted.
    pub(crate) fn fitted(&mut self, symbol: SymbolId) {
        if let Some(Halt { terms: Terms::Changed { saw_price, .. }, .. }) = self.halted.get_mut(&symbol) {
            *saw_price = true;
        }
    }

    /// Rows of a symbol did not fit. Whether they are the first that are missing.
    pub(crate) fn misfit(&mut self, off: &OffGrid, name: &str, at: Timestamp) -> bool {
        if let Some(halt) = self.halted.get_mut(&off.symbol) {
            return halt.since.replace(halt.since.unwrap_or(at)).is_none();
        }
        let (misfits, last) = self.misfits.entry(off.symbol).or_insert((0, at));
        *misfits = if at - *last > MISFITS_FORGOTTEN { 1 } else { *misfits + 1 };
        *last = at;
        let is_believed = *misfits <= MISFITS;
        let terms =
            if is_believed { Terms::Unknown } else { Terms::Changed { saw_price: false, is_closing: false } };
        self.halted
            .insert(off.symbol, Halt { since: Some(at), is_paused: false, terms, is_withdrawn: false });
        let why = format!("it sent {}, which is not a multiple of its step {}", off.value, off.step);
        self.news.push(News::Halted(off.symbol, why.clone()));
        if is_believed {
            self.ask(off.symbol, at);
        } else {
            let why = format!(
                "{name} sends prices or quantities that do not fit the terms its exchange gives ({why})"
            );
            self.news.push(News::Changed(off.symbol, why));
        }
        true
    }

    /// The exchange said something about a contract. Whether it is halted by that.
    pub(crate) fn contract(&mut self, symbol: SymbolId, is_tradable: bool, at: Timestamp) -> bool {
        // Its steps may be others now.
        self.ask(symbol, at);
        if is_tradable {
            self.paused.remove(&symbol);
        }
        match self.halted.get_mut(&symbol) {
            Some(halt) => {
                halt.is_paused = !is_tradable;
                false
            }
            None if is_tradable => false,
            None => {
                self.halted.insert(
                    symbol,
                    Halt { since: Some(at), is_paused: true, terms: Terms::Fit, is_withdrawn: false },
                );
                self.news.push(News::Halted(symbol, "the exchange takes no orders for it now".to_owned()));
                true
            }
        }
    }

    /// Nobody listened for a while: whether a symbol is paused is asked for.
    pub(crate) fn look_over(&mut self, symbols: impl Iterator<Item = SymbolId>, now: Timestamp) {
        self.asked
            .extend(symbols.map(|symbol| (symbol, Asked { is_poll: true, ..Asked::after(Span::ZERO, now) })));
    }

    fn ask(&mut self, symbol: SymbolId, now: Timestamp) {
        // At once; but not again and again about a symbol that keeps sending what does not fit.
        let misfits = self.misfits.get(&symbol).map_or(0, |(misfits, _)| *misfits);
        let wait =
            if misfits <= 1 { Span::ZERO } else { Span::from_nanos(ASK_AGAIN.nanos() << misfits.min(6)) };
        let asked = self.asked.entry(symbol).or_insert(Asked::after(wait, now));
        if !asked.is_under_way && wait < asked.wait {
            *asked = Asked::after(wait, now);
        }
    }

    /// Asks for terms that are wanted and looks at those that came.
    pub(crate) fn look(&mut self, terms: &mut impl ContractTerms, table: &SymbolTable, now: Timestamp) {
        let mut under_way = self.asked.values().filter(|asked| asked.is_under_way).count();
        let symbols: Vec<SymbolId> = self.asked.keys().copied().collect();
        for symbol in symbols {
            let spec = table.spec(symbol);
            let Some(asked) = self.asked.get_mut(&symbol) else { continue };
            if !asked.is_under_way {
                if under_way < ASKED_AT_ONCE && now - asked.since >= asked.wait {
                    asked.is_under_way = terms.ask(symbol, &spec.name);
                    under_way += 1;
                }
                continue;
            }
            match terms.answer(symbol, &spec.name) {
                None => {}
                Some(Some(contract)) => {
                    let is_poll = asked.is_poll;
                    self.asked.remove(&symbol);
                    self.learn(symbol, spec, &contract, is_poll, now);
                }
                Some(None) => asked.again(now),
            }
        }
    }

    fn learn(
        &mut self,
        symbol: SymbolId,
        spec: &SymbolSpec,
        contract: &Contract,
        is_poll: bool,
        now: Timestamp,
    ) {
        if !fits(spec, contract) {
            let why = format!(
                "{} has other terms now: price step {} (was {}), quantity step {} (was {}), contract size {} (was {})",
                spec.name,
                contract.price_step,
                spec.price_step,
                contract.quantity_step,
                spec.quantity_step,
                contract.contract_size,
                spec.contract_size
            );
            let halt = Halt { since: None, is_paused: false, terms: Terms::Unknown, is_withdrawn: false };
            let halt = self.halted.entry(symbol).or_insert(halt);
            if !matches!(halt.terms, Terms::Changed { .. }) {
                halt.terms = Terms::Changed { saw_price: false, is_closing: false };
                self.news.push(News::Changed(symbol, why));
            }
        } else if let Some(halt) = self.halted.get_mut(&symbol) {
            if halt.terms == Terms::Unknown {
                halt.terms = Terms::Fit;
            }
            // The message that ends a pause may be missed. But an answer right behind the message that began
            // it may be older.
            halt.is_paused &= contract.state != 0 || !is_poll;
            if halt.is_paused {
                self.asked.insert(symbol, Asked { is_poll: true, ..Asked::after(ASK_AGAIN_AT_MOST, now) });
            }
        } else if contract.state != 0 && is_poll {
            self.paused.insert(symbol);
        }
    }

    /// Ends the halts that are over and begins those that terms ask for, all at one time, by symbol as a
    /// replay sees them.
    pub(crate) fn turn(&mut self, at: Timestamp, streams: &[StreamKind], batch: &mut Batch) {
        let paused = std::mem::take(&mut self.paused);
        let symbols: BTreeSet<SymbolId> = self.halted.keys().chain(&paused).copied().collect();
        for symbol in symbols {
            match self.halted.get_mut(&symbol) {
                Some(halt) if paused.contains(&symbol) => halt.is_paused = true,
                Some(halt) if halt.is_over() => {
                    batch.arrived.push((at, halt.gap(symbol, streams, at)));
                    self.halted.remove(&symbol);
                    self.news.push(News::Resumed(symbol));
                }
                Some(_) => {}
                None => {
                    self.contract(symbol, false, at);
                    batch.arrived.extend(begin(symbol, streams, at));
                }
            }
        }
    }

    /// The session ends: the gaps of all halts up to then.
    pub(crate) fn end_all(&mut self, at: Timestamp, streams: &[StreamKind], batch: &mut Batch) {
        for (symbol, halt) in std::mem::take(&mut self.halted) {
            batch.arrived.push((at, halt.gap(symbol, streams, at)));
        }
    }

    /// Symbols whose signals and entries must be withdrawn now, each once.
    pub(crate) fn take_withdrawals(&mut self) -> Vec<SymbolId> {
        let halted = self.halted.iter_mut().map(|(symbol, halt)| (symbol, &mut halt.is_withdrawn));
        let open = halted.chain(&mut self.unassigned).filter(|(_, is_withdrawn)| !**is_withdrawn);
        let take = |(symbol, is_withdrawn): (&SymbolId, &mut bool)| {
            *is_withdrawn = true;
            *symbol
        };
        open.map(take).collect()
    }

    /// Symbols whose positions can be closed now, each once: their terms changed, and a price came that fits.
    pub(crate) fn take_closings(&mut self) -> Vec<SymbolId> {
        let mut closings = Vec::new();
        for (symbol, halt) in &mut self.halted {
            if let Terms::Changed { saw_price: true, is_closing } = &mut halt.terms
                && !std::mem::replace(is_closing, true)
            {
                closings.push(*symbol);
            }
        }
        closings
    }
}

/// What tells of a halt that begins: what was known holds no longer, and rows are missing from here on.
pub(crate) fn begin(
    symbol: SymbolId,
    streams: &[StreamKind],
    at: Timestamp,
) -> impl Iterator<Item = (Timestamp, Arrived)> {
    let gap = Arrived::Gap { symbol, streams: streams.to_vec(), from: at, cause: GapCause::Halt };
    let lost = streams.iter().map(move |stream| Arrived::Lost { symbol, stream: *stream, since: at });
    std::iter::once(gap).chain(lost).map(move |arrived| (at, arrived))
}

impl Halt {
    fn is_over(&self) -> bool {
        !self.is_paused && self.terms == Terms::Fit && self.is_withdrawn
    }

    fn gap(&self, symbol: SymbolId, streams: &[StreamKind], to: Timestamp) -> Arrived {
        Arrived::Gap {
            symbol,
            streams: streams.to_vec(),
            from: self.since.unwrap_or(to).min(to),
            cause: GapCause::Halt,
        }
    }
}

impl Asked {
    fn after(wait: Span, since: Timestamp) -> Self {
        Asked { is_under_way: false, since, wait, is_poll: false }
    }

    fn again(&mut self, now: Timestamp) {
        self.is_under_way = false;
        self.since = now;
        self.wait = (self.wait + self.wait).max(ASK_AGAIN).min(ASK_AGAIN_AT_MOST);
    }
}

/// Whether everything that these terms allow is a whole number of the session's steps and means the same.
fn fits(spec: &SymbolSpec, contract: &Contract) -> bool {
    contract.price_step.in_steps_of(spec.price_step).is_some()
        && contract.quantity_step.in_steps_of(spec.quantity_step).is_some()
        && contract.contract_size == spec.contract_size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;

    const A: SymbolId = SymbolId(0);
    const STREAMS: [StreamKind; 2] = [StreamKind::Trades, StreamKind::Marks];

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    fn spec() -> SymbolSpec {
        SymbolSpec::new("A_USDT", decimal("0.01"), decimal("1"), decimal("0.1")).unwrap()
    }

    fn contract(price_step: &str, state: i64) -> Contract {
        Contract {
            symbol: "A_USDT".to_owned(),
            display_name: "A".to_owned(),
            base: "A".to_owned(),
            quote: "USDT".to_owned(),
            settle: "USDT".to_owned(),
            contract_size: decimal("0.1"),
            price_step: decimal(price_step),
            quantity_step: decimal("1"),
            min_quantity: decimal("1"),
            max_quantity: decimal("100"),
            max_leverage: 10,
            maker_fee: Decimal::ZERO,
            taker_fee: Decimal::ZERO,
            maintenance: None,
            tiers: Vec::new(),
            state,
            is_api_allowed: true,
            listed_ms: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second)
    }

    fn off() -> OffGrid {
        OffGrid { symbol: A, value: decimal("1.001"), step: decimal("0.01") }
    }

    /// Lets the session do what follows, and returns the gaps that are told at a second.
    fn turn(halts: &mut Halts, second: i64) -> Vec<(Timestamp, Timestamp)> {
        let mut batch = Batch::default();
        halts.take_withdrawals();
        halts.turn(at(second), &STREAMS, &mut batch);
        let gap = |(to, arrived): &(Timestamp, Arrived)| match arrived {
            Arrived::Gap { from, .. } => Some((*from, *to)),
            _ => None,
        };
        batch.arrived.iter().filter_map(gap).collect()
    }

    #[test]
    fn terms_that_fit_end_a_halt_and_its_gap_covers_all_that_was_missed() {
        let mut halts = Halts::default();
        assert!(
            halts.misfit(&off(), "A_USDT", at(1)) && !halts.misfit(&off(), "A_USDT", at(2)),
            "the first is said"
        );
        halts.covers(A, at(0));
        assert_eq!((turn(&mut halts, 3), halts.lets_through(A)), (vec![], false));
        halts.learn(A, &spec(), &contract("0.05", 0), false, at(0));
        assert_eq!(turn(&mut halts, 4), [(at(0), at(4))]);
        assert!(halts.lets_through(A) && !halts.is_halted(A));
        assert!(matches!(&halts.take_news()[..], [News::Halted(A, _), News::Resumed(A)]));
    }

    #[test]
    fn an_execution_that_fits_no_order_is_told_again_by_every_process() {
        let mut halts = Halts::default();
        halts.resume(&BTreeSet::from([A]));
        assert!(matches!(&halts.take_news()[..], [News::Unassigned(A, _)]));
        assert_eq!((halts.take_withdrawals(), halts.take_news().len()), (vec![A], 0), "once each");
    }

    #[test]
    fn other_terms_close_positions_at_the_first_price_that_fits_and_last() {
        let mut halts = Halts::default();
        halts.misfit(&off(), "A_USDT", at(1));
        halts.learn(A, &spec(), &contract("0.001", 0), false, at(0));
        assert_eq!((turn(&mut halts, 2), halts.take_closings()), (vec![], vec![]));
        assert!(halts.lets_through(A), "what fits is seen");
        halts.fitted(A);
        assert_eq!((halts.take_closings(), halts.take_closings()), (vec![A], vec![]), "once");
        halts.learn(A, &spec(), &contract("0.01", 0), false, at(0));
        assert_eq!(turn(&mut halts, 9), [], "for the rest of the session");
    }

    #[test]
    fn prices_that_do_not_fit_again_and_again_are_believed_more_than_terms() {
        let mut halts = Halts::default();
        for second in 0..3 {
            halts.misfit(&off(), "A_USDT", at(2 * second));
            halts.learn(A, &spec(), &contract("0.01", 0), false, at(0));
            assert_eq!(turn(&mut halts, 2 * second + 1).len(), 1);
        }
        halts.take_news();
        halts.misfit(&off(), "A_USDT", at(9));
        assert!(matches!(&halts.take_news()[..], [News::Halted(A, _), News::Changed(A, _)]));
    }

    #[test]
    fn a_pause_is_believed_until_the_exchange_says_otherwise() {
        let mut halts = Halts::default();
        assert!(halts.contract(A, false, at(1)));
        halts.learn(A, &spec(), &contract("0.01", 0), false, at(0));
        assert_eq!(turn(&mut halts, 2), [], "an answer right behind the message may be older than it");
        halts.learn(A, &spec(), &contract("0.01", 0), true, at(0));
        assert_eq!(turn(&mut halts, 3), [(at(1), at(3))]);
        // Seen in the terms only, in the middle of another halt.
        halts.misfit(&off(), "A_USDT", at(4));
        halts.paused.insert(A);
        assert_eq!(turn(&mut halts, 5), []);
        halts.learn(A, &spec(), &contract("0.01", 4), false, at(0));
        assert_eq!(turn(&mut halts, 6), [], "its terms fit, and it is still paused");
        halts.contract(A, true, at(7));
        assert_eq!(turn(&mut halts, 7), [(at(4), at(7))]);
    }
}
