//! What the engine keeps of one symbol.

use super::account::Account;
use super::excursion::Excursion;
use super::gate::RuleGroup;
use super::indicators::IndicatorSet;
use super::instance::Turn;
use super::market::MarketState;
use super::necessary::GateTest;
use super::output::Outputs;
use super::wake::Wake;
use crate::checkpoint::saved;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;

/// One symbol with its market, indicators and instances.
pub(super) struct SymbolState {
    pub(super) market: MarketState,
    pub(super) indicators: IndicatorSet,
    pub(super) excursion: Excursion,
    /// Indices of the symbol's instances, ordered by priority, then strategy.
    pub(super) instances: Vec<u32>,
    pub(super) groups: Vec<RuleGroup>,
    /// Indices of the instances that do not wait for S1, and the earliest [`Wake`] of any of them.
    pub(super) busy: Vec<u32>,
    pub(super) wake: Wake,
    /// When one of them has something to do at a trade: this is due, or one of the tests is fulfilled.
    pub(super) sleeps_until: Wake,
    pub(super) exit_tests: Vec<GateTest>,
    /// How many trades to foresee next.
    pub(super) foresight: usize,
    /// The next timer of a busy instance; valid while `timer_known`.
    pub(super) timer: Timestamp,
    pub(super) timer_known: bool,
    pub(super) stale: bool,
    pub(super) warming: bool,
    /// Whether the symbol is evaluated once a second even without events.
    pub(super) on_clock: bool,
    /// Whether a group has an interval, so that an event may put its check off.
    pub(super) puts_off: bool,
}

saved!(SymbolState {
    market, indicators, excursion, busy, wake, sleeps_until, exit_tests, foresight, timer, timer_known, stale, warming,
} each { groups } fixed { instances, on_clock, puts_off });

impl SymbolState {
    /// What an instance of this symbol works with at a moment that has no prices of its own.
    #[inline]
    pub(super) fn turn<'a>(
        &'a mut self,
        table: &'a SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        account: &'a mut Account,
        out: &'a mut Outputs,
    ) -> Turn<'a> {
        Turn {
            at,
            spec: table.spec(symbol),
            enabled: table.is_enabled(symbol),
            prices: None,
            market: &self.market,
            set: &mut self.indicators,
            excursion: &mut self.excursion,
            account,
            out,
        }
    }
}
