//! Symbols that a paper session holds still: the exchange paused them, or what it sends does not fit the terms that the
//! session trades by. Entries stop, other symbols go on, and the terms are asked for again.
//!
//! What a halted symbol sends reaches neither engine nor recording; the ledger has a gap instead, so a replay sees the same.

use super::intake::{Arrived, Batch};
use crate::clock::{self, Stopwatch};
use crate::domain::contract::Contract;
use crate::domain::event::GapCause;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::service::market::Market;
use crate::session::rows::OffGrid;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// First wait before terms are asked for again; doubles.
const ASK_AGAIN: Span = Span::from_seconds(1);

/// Longest such wait.
const ASK_AGAIN_AT_MOST: Span = Span::from_seconds(60);

/// How often in a row what is sent may not fit although the terms do; then the terms are not believed.
const MISFITS: u32 = 3;

/// After this long without any, the next one is the first again.
const MISFITS_FORGOTTEN: Span = Span::from_seconds(600);

/// What a session hears about its halts.
pub(super) enum News {
    /// A symbol is halted from here on.
    Halted(SymbolId, String),
    /// It goes on.
    Resumed(SymbolId),
    /// It cannot go on in this session.
    Changed(SymbolId, String),
}

/// The symbols that are halted, and the terms that are asked for.
#[derive(Default)]
pub(super) struct Halts {
    halted: BTreeMap<SymbolId, Halt>,
    asked: BTreeMap<SymbolId, Asked>,
    /// How often what a symbol sent did not fit, and since the last time.
    misfits: BTreeMap<SymbolId, (u32, Stopwatch)>,
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
    answer: Option<oneshot::Receiver<Result<Contract, ExchangeError>>>,
    since: Stopwatch,
    wait: Span,
    /// Whether it is asked only to see whether a pause is over.
    is_poll: bool,
}

impl Halts {
    /// What a session must do and tell, once.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The symbols on which nothing may be begun.
    pub(super) fn halted(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.halted.keys().copied()
    }

    /// Whether rows of a symbol are to be let through if they fit.
    pub(super) fn lets_through(&self, symbol: SymbolId) -> bool {
        self.halted.get(&symbol).is_none_or(|halt| !halt.is_paused && matches!(halt.terms, Terms::Changed { .. }))
    }

    /// Whether a symbol is halted.
    pub(super) fn is_halted(&self, symbol: SymbolId) -> bool {
        self.halted.contains_key(&symbol)
    }

    /// A gap of the connection lies in the halt's own, which then begins no later.
    pub(super) fn covers(&mut self, symbol: SymbolId, from: Timestamp) {
        if let Some(halt) = self.halted.get_mut(&symbol) {
            halt.since = Some(halt.since.map_or(from, |since| since.min(from)));
        }
    }

    /// A price of a symbol fitted.
    pub(super) fn fitted(&mut self, symbol: SymbolId) {
        if let Some(Halt { terms: Terms::Changed { saw_price, .. }, .. }) = self.halted.get_mut(&symbol) {
            *saw_price = true;
        }
    }

    /// Rows of a symbol did not fit. Whether they are the first that are missing.
    pub(super) fn misfit(&mut self, off: &OffGrid, name: &str, at: Timestamp) -> bool {
        if let Some(halt) = self.halted.get_mut(&off.symbol) {
            return halt.since.replace(halt.since.unwrap_or(at)).is_none();
        }
        let (misfits, last) = self.misfits.entry(off.symbol).or_insert_with(|| (0, Stopwatch::start()));
        *misfits = if last.elapsed() > MISFITS_FORGOTTEN { 1 } else { *misfits + 1 };
        *last = Stopwatch::start();
        let is_believed = *misfits <= MISFITS;
        let terms = if is_believed { Terms::Unknown } else { Terms::Changed { saw_price: false, is_closing: false } };
        self.halted.insert(off.symbol, Halt { since: Some(at), is_paused: false, terms, is_withdrawn: false });
        let why = format!("it sent {}, which is no multiple of its step {}", off.value, off.step);
        self.news.push(News::Halted(off.symbol, why.clone()));
        if is_believed {
            self.ask(off.symbol);
        } else {
            let why = format!("{name} sends prices or quantities that do not fit the terms its exchange gives ({why})");
            self.news.push(News::Changed(off.symbol, why));
        }
        true
    }

    /// The exchange said something about a contract. Whether it is halted by that.
    pub(super) fn contract(&mut self, symbol: SymbolId, is_tradable: bool, at: Timestamp) -> bool {
        // Its steps may be others now.
        self.ask(symbol);
        match self.halted.get_mut(&symbol) {
            Some(halt) => {
                halt.is_paused = !is_tradable;
                false
            }
            None if is_tradable => false,
            None => {
                self.halted.insert(symbol, Halt { since: Some(at), is_paused: true, terms: Terms::Fit, is_withdrawn: false });
                self.news.push(News::Halted(symbol, "the exchange takes no orders for it now".to_owned()));
                true
            }
        }
    }

    fn ask(&mut self, symbol: SymbolId) {
        // At once; but not again and again about a symbol that keeps sending what does not fit.
        let misfits = self.misfits.get(&symbol).map_or(0, |(misfits, _)| *misfits);
        let wait = if misfits <= 1 { Span::ZERO } else { Span::from_nanos(ASK_AGAIN.nanos() << misfits.min(6)) };
        let asked = self.asked.entry(symbol).or_insert_with(|| Asked::after(wait));
        if asked.answer.is_none() && wait < asked.wait {
            *asked = Asked::after(wait);
        }
    }

    /// Asks for terms that are wanted and looks at those that came.
    pub(super) fn look(&mut self, market: &Market, table: &SymbolTable) {
        let symbols: Vec<SymbolId> = self.asked.keys().copied().collect();
        for symbol in symbols {
            let spec = table.spec(symbol);
            let Some(asked) = self.asked.get_mut(&symbol) else { continue };
            let Some(answer) = &mut asked.answer else {
                if asked.since.elapsed() >= asked.wait {
                    asked.answer = market.ask_contract(&spec.name);
                }
                continue;
            };
            match answer.try_recv() {
                Err(TryRecvError::Empty) => {}
                Ok(Ok(contract)) => {
                    let is_poll = asked.is_poll;
                    self.asked.remove(&symbol);
                    if let Err(refusal) = market.learn(&contract, clock::now()) {
                        tracing::warn!(symbol = spec.name, %refusal, "the terms of a contract were not kept");
                    }
                    self.learn(symbol, spec, &contract, is_poll);
                }
                Ok(Err(error)) => {
                    tracing::warn!(symbol = spec.name, %error, "the terms of a contract did not come; they are asked for again");
                    asked.again();
                }
                Err(TryRecvError::Closed) => asked.again(),
            }
        }
    }

    fn learn(&mut self, symbol: SymbolId, spec: &SymbolSpec, contract: &Contract, is_poll: bool) {
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
            // The message that ends a pause may be missed. But an answer right behind the message that began it may be older.
            halt.is_paused &= contract.state != 0 || !is_poll;
            if halt.is_paused {
                self.asked.insert(symbol, Asked { is_poll: true, ..Asked::after(ASK_AGAIN_AT_MOST) });
            }
        }
    }

    /// Ends the halts that are over at a time: their gaps.
    pub(super) fn end_those_over(&mut self, at: Timestamp, streams: &[StreamKind], batch: &mut Batch) {
        let over = |halt: &Halt| !halt.is_paused && halt.terms == Terms::Fit && halt.is_withdrawn;
        let over: BTreeSet<SymbolId> = self.halted.iter().filter(|(_, halt)| over(halt)).map(|(symbol, _)| *symbol).collect();
        for symbol in over {
            if let Some(halt) = self.halted.remove(&symbol) {
                batch.arrived.push((at, halt.gap(symbol, streams, at)));
                self.news.push(News::Resumed(symbol));
            }
        }
    }

    /// The session ends: the gaps of all halts up to then.
    pub(super) fn end_all(&mut self, at: Timestamp, streams: &[StreamKind], batch: &mut Batch) {
        for (symbol, halt) in std::mem::take(&mut self.halted) {
            batch.arrived.push((at, halt.gap(symbol, streams, at)));
        }
    }

    /// Symbols whose signals and entries must be withdrawn now, each once.
    pub(super) fn take_withdrawals(&mut self) -> Vec<SymbolId> {
        let open = self.halted.iter_mut().filter(|(_, halt)| !halt.is_withdrawn);
        let take = |(symbol, halt): (&SymbolId, &mut Halt)| {
            halt.is_withdrawn = true;
            *symbol
        };
        open.map(take).collect()
    }

    /// Symbols whose positions can be closed now, each once: their terms changed, and a price came that fits.
    pub(super) fn take_closings(&mut self) -> Vec<SymbolId> {
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

impl Halt {
    fn gap(&self, symbol: SymbolId, streams: &[StreamKind], to: Timestamp) -> Arrived {
        Arrived::Gap { symbol, streams: streams.to_vec(), from: self.since.unwrap_or(to).min(to), cause: GapCause::Halt }
    }
}

impl Asked {
    fn after(wait: Span) -> Self {
        Asked { answer: None, since: Stopwatch::start(), wait, is_poll: false }
    }

    fn again(&mut self) {
        self.answer = None;
        self.since = Stopwatch::start();
        self.wait = (self.wait + self.wait).max(ASK_AGAIN).min(ASK_AGAIN_AT_MOST);
    }
}

/// Whether everything that these terms allow is a whole number of the session's steps and means the same.
fn fits(spec: &SymbolSpec, contract: &Contract) -> bool {
    contract.price_step.in_steps_of(spec.price_step).is_some()
        && contract.quantity_step.in_steps_of(spec.quantity_step).is_some()
        && contract.contract_size == spec.contract_size
}
