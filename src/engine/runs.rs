//! Runs of trades of one symbol: those at which nobody can act change market, indicators and account
//! together.
//!
//! Invariant: everything is as [`Engine::on_trade`], the definition, leaves it after the same trades one by
//! one. So a run stops before the first trade at which a price or a time is due or a test would be fulfilled,
//! and that one is a trade like any other.

use super::Engine;
use super::gate::Shut;
use super::indicators::{FORESEEN_TRADES, IndicatorSet};
use super::necessary::{GateRight, GateTest};
use super::output::Outputs;
use super::symbol::SymbolState;
use super::timers::refresh;
use super::value::compare;
use super::wake::Wake;
use crate::domain::event::Trade;
use crate::domain::ledger::EquityPoint;
use crate::domain::num::Price;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::{Span, Timestamp};

/// Trades foreseen at once after one of them fulfilled a test; doubled by each time that none does.
const FEW_TRADES: usize = 4;

impl Engine {
    /// Applies trades of one symbol, none of them later than [`Engine::next_clock`], up to the first that has
    /// consequences besides the value of the account or changes what is due when. Returns how many; the
    /// account after each that changed it is appended to `valued`, except after one with consequences, which
    /// are all in `out`.
    pub fn on_trades(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        trades: &[(Timestamp, Trade)],
        out: &mut Outputs,
        valued: &mut Vec<EquityPoint>,
    ) -> usize {
        let mut done = 0;
        loop {
            done += self.pass(table, symbol, &trades[done..], valued);
            let Some((at, trade)) = trades.get(done) else { return done };
            self.on_trade(table, symbol, *at, *trade, out);
            done += 1;
            if !out.is_quiet() || out.stop_session || self.timer_stale {
                return done;
            }
            valued.extend(out.equity.take());
        }
    }

    /// Applies the first of these trades, as many as can be told to be of no consequence. Returns how many.
    fn pass(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        trades: &[(Timestamp, Trade)],
        valued: &mut Vec<EquityPoint>,
    ) -> usize {
        let Some((first, _)) = trades.first() else { return 0 };
        let mut tests = std::mem::take(&mut self.tests);
        tests.clear();
        let wake = self.sleeps_until(symbol, *first, &mut tests);
        let mut passed = 0;
        if let Some(wake) = wake.filter(|wake| !wake.always) {
            let is_due =
                |(at, trade): &(Timestamp, Trade)| wake.is_due(*at, Some((trade.price, trade.price)));
            let quiet = trades.iter().position(is_due).unwrap_or(trades.len());
            passed = self.pass_quiet(table, symbol, &trades[..quiet], &tests, valued);
        }
        self.tests = tests;
        passed
    }

    /// When a trade of the symbol, the next one at `first`, has to be looked at: this is due, or one of the
    /// tests it appends is fulfilled. `None`: at the next trade, whatever it is.
    fn sleeps_until(
        &mut self,
        symbol: SymbolId,
        first: Timestamp,
        tests: &mut Vec<GateTest>,
    ) -> Option<Wake> {
        let state = &mut self.symbols[symbol.index()];
        if state.stale {
            refresh(state, &self.instances);
        }
        if !self.started || self.account.has_changed() || state.sleeps_until.always {
            return None;
        }
        let mut wake = state.sleeps_until;
        let mut positions_until = Timestamp::MAX;
        if self.account.holds(symbol) {
            if self.account.breach().is_some() {
                return None;
            }
            let (mark, until) = mark_without_trades(state, first);
            if mark.is_some_and(|mark| mark != self.account.marked_at(symbol)) {
                return None;
            }
            if let Some(mark) = state.market.mark(first) {
                // Stops and targets are compared with the mark price, which stays.
                let is_due = wake.is_due(first, Some((mark, mark)));
                wake = if is_due { return None } else { Wake { at: wake.at, ..Wake::NEVER } };
            }
            positions_until = until;
        }
        for group in &state.groups {
            match group.stays_shut()? {
                Shut::Until(due) => wake = wake.or(due),
                Shut::By(test) => tests.push(test),
            }
        }
        tests.extend_from_slice(&state.exit_tests);
        if tests.iter().any(|test| !is_foreseen(test, &state.indicators)) {
            return None;
        }
        for bars in &state.market.bars {
            wake.at = wake.at.min(bars.forming()?.end);
        }
        let behind = |last: Timestamp| last + Span::from_nanos(1);
        wake.at = wake.at.min(behind(self.account.day_end())).min(positions_until);
        Some(wake)
    }

    /// Applies trades at which nothing is due, as long as no test is fulfilled and no loss limit is reached.
    fn pass_quiet(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        trades: &[(Timestamp, Trade)],
        tests: &[GateTest],
        valued: &mut Vec<EquityPoint>,
    ) -> usize {
        let spec = table.spec(symbol);
        let foresees = self.symbols[symbol.index()].indicators.sees_every_trade();
        let mut passed = 0;
        while passed < trades.len() {
            let state = &mut self.symbols[symbol.index()];
            let rest = &trades[passed..];
            let asked = if foresees { rest.len().min(state.foresight) } else { rest.len() };
            let quiet = if foresees { foresee(state, spec, &rest[..asked], tests) } else { asked };
            let kept = self.keep(symbol, spec, &rest[..quiet], valued);
            passed += kept;
            if kept < asked {
                break;
            }
        }
        passed
    }

    /// Applies trades up to the first at which a loss limit is reached.
    fn keep(
        &mut self,
        symbol: SymbolId,
        spec: &SymbolSpec,
        trades: &[(Timestamp, Trade)],
        valued: &mut Vec<EquityPoint>,
    ) -> usize {
        let state = &mut self.symbols[symbol.index()];
        let mut kept = trades.len();
        let holds = self.account.holds(symbol);
        let mark = trades.first().and_then(|(first, _)| mark_without_trades(state, *first).0);
        if holds && mark.is_none() {
            kept = self.account.follow(symbol, spec, trades, valued);
        }
        let trades = &trades[..kept];
        if holds {
            trades.iter().for_each(|(_, trade)| state.excursion.trade(trade.price));
        }
        state.market.trades(trades);
        state.indicators.turn();
        state.indicators.take_foreseen(kept);
        for group in &mut state.groups {
            group.pass(trades);
        }
        kept
    }
}

/// The price at which positions are valued whatever is traded from `first` on, if there is one: the mark
/// price, or the mid price of a book; and until when that is so.
fn mark_without_trades(state: &SymbolState, first: Timestamp) -> (Option<Price>, Timestamp) {
    if let Some(mark) = state.market.last_mark.filter(|mark| first < mark.ends()) {
        return (Some(mark.price), mark.ends());
    }
    let fresh = state.market.book_lives_until().filter(|until| first <= *until);
    let Some((until, (bid, ask))) = fresh.zip(state.market.quotes()) else { return (None, Timestamp::MAX) };
    (Some(Price((bid.0 + ask.0) / 2)), until + Span::from_nanos(1))
}

/// Whether the values that a test reads can be told in advance.
fn is_foreseen(test: &GateTest, set: &IndicatorSet) -> bool {
    let other = match test.right {
        GateRight::Number(_) => test.slot,
        GateRight::Slot(other, ..) => other,
    };
    set.foreseen(test.slot).is_some() && set.foreseen(other).is_some()
}

/// Foresees trades; returns how many of them fulfil no test.
fn foresee(
    state: &mut SymbolState,
    spec: &SymbolSpec,
    trades: &[(Timestamp, Trade)],
    tests: &[GateTest],
) -> usize {
    let mut prices = [0.0; FORESEEN_TRADES];
    for (price, (_, trade)) in prices.iter_mut().zip(trades) {
        *price = spec.price_f64(trade.price);
    }
    if !state.indicators.foresee(&prices[..trades.len()]) {
        return 0;
    }
    let fulfilled = tests.iter().fold(0, |all, test| all | fulfilled_at(test, &state.indicators));
    let quiet = (fulfilled.trailing_zeros() as usize).min(trades.len());
    let doubled = (2 * state.foresight).min(FORESEEN_TRADES);
    state.foresight = if quiet < trades.len() { FEW_TRADES } else { doubled };
    quiet
}

/// At which of the trades that were foreseen a test is fulfilled, a bit each.
#[inline]
fn fulfilled_at(test: &GateTest, set: &IndicatorSet) -> u32 {
    const NOTHING: [f64; FORESEEN_TRADES] = [f64::NAN; FORESEEN_TRADES];
    let left = set.foreseen(test.slot).unwrap_or(&NOTHING);
    let mut right = NOTHING;
    match test.right {
        GateRight::Number(number) => right.fill(number),
        GateRight::Slot(other, multiplier, offset) => {
            let values = set.foreseen(other).unwrap_or(&NOTHING);
            for (right, value) in right.iter_mut().zip(values) {
                *right = value * multiplier + offset;
            }
        }
    }
    let mut fulfilled = 0;
    for (index, (left, right)) in left.iter().zip(&right).enumerate() {
        fulfilled |= u32::from(compare(*left, test.comparison, *right)) << index;
    }
    fulfilled
}
