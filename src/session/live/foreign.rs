//! What others do to the account: reports of it that differ, and executions that no order of ours made.
//!
//! Invariant: nothing is sent to close what is not ours; what cannot be explained stops entries of its symbol
//! and is told.

use super::backoff::backoff;
use super::desk::{Desk, REPORT_EVERY, REPORT_SOON, UNREAD_REPORTS};
use super::numbers::{NO_ORDER, made_up_trade};
use super::order::Tracked;
use super::positions::{Holding, Opened};
use super::reconcile::{Difference, WrittenOff};
use super::{Act, ExecutionFact, MadeBy, PREFIX, PositionKey, Report};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{ClosedBy, Fill, Liquidity, OrderEvent};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{ENDED_ORDERS_KNOWN, UNDECIDED_EXECUTIONS};
use std::collections::BTreeSet;

/// How long before the last moment at which both sides were equal executions are asked for: the clocks
/// differ.
const EXECUTIONS_BACK: Span = Span::from_seconds(60);

/// How long it may take to learn whether a stop of ours made an order that closed a position.
const WHO_CLOSED: Span = Span::from_seconds(1);

impl Desk {
    /// An execution that no order of ours made.
    pub(super) fn on_foreign_execution(&mut self, execution: ExecutionFact, now: Timestamp) {
        if self.counted.contains(&execution.trade_id)
            || self.undecided.iter().any(|(known, _)| known.trade_id == execution.trade_id)
        {
            return;
        }
        // Of a position before the one that is held, or from before the session: it did nothing to what is
        // held now.
        let is_before = |holding: &Holding| execution.is_closing && execution.at < holding.since;
        if execution.at < self.began || self.positions.get(execution.key).is_some_and(is_before) {
            self.count(execution.trade_id);
            return;
        }
        if !execution.is_closing || self.positions.qty(execution.key).is_zero() {
            self.count(execution.trade_id);
            if !execution.is_closing {
                // What shows there may be theirs.
                self.reconciliation.written_off.remove(&execution.key);
            } else if self.reconciliation.take_back(execution.key, execution.qty).is_some() {
                // It is booked already.
                return;
            }
            let why = format!(
                "execution {} of {} lots is of an order that is not ours: no position is opened on the symbol until the session ends",
                execution.trade_id, execution.qty.0
            );
            return self.block_foreign(execution.key.symbol, "foreign_trade", why);
        }
        if self.undecided.len() == UNDECIDED_EXECUTIONS {
            let (oldest, _) = self.undecided.remove(0);
            self.book_closed(&oldest, Some(ClosedBy::Manual), now);
        }
        self.undecided.push((execution, now));
        self.decide_who_closed(now);
    }

    /// Remembers an execution; whether it is new. The lowest numbers, which are the oldest, are forgotten
    /// first.
    pub(super) fn count(&mut self, trade_id: u64) -> bool {
        let is_new = self.counted.insert(trade_id);
        if self.counted.len() > ENDED_ORDERS_KNOWN {
            self.counted.pop_first();
        }
        is_new
    }

    /// Books what others closed once it is known who did.
    pub(super) fn decide_who_closed(&mut self, now: Timestamp) {
        let mut rest = Vec::new();
        for (execution, since) in std::mem::take(&mut self.undecided) {
            let by = match execution.made_by {
                MadeBy::Liquidation => None,
                MadeBy::Deleveraging => Some(ClosedBy::Deleveraging),
                MadeBy::Order if self.protection.has_made(execution.venue) => Some(ClosedBy::ResidentStop),
                MadeBy::Order if now - since >= WHO_CLOSED => Some(ClosedBy::Manual),
                MadeBy::Order => {
                    rest.push((execution, since));
                    continue;
                }
            };
            self.book_closed(&execution, by, now);
        }
        self.undecided = rest;
    }

    fn book_closed(&mut self, execution: &ExecutionFact, by: Option<ClosedBy>, now: Timestamp) {
        let Some(instance) = self.positions.get(execution.key).map(|holding| holding.instance) else {
            return;
        };
        self.count(execution.trade_id);
        let beyond = self.positions.close(execution.key, execution.qty);
        let fill = Fill {
            order: NO_ORDER,
            symbol: execution.key.symbol,
            side: execution.key.closing_side(),
            price: execution.price,
            qty: execution.qty - beyond,
            cumulative: execution.qty,
            trade_id: execution.trade_id,
            fee: execution.fee,
            liquidity: execution.liquidity,
            at: execution.at,
        };
        self.answer(match by {
            None => OrderEvent::Liquidated { fill, instance, level: None },
            Some(by) => OrderEvent::Closed { fill, instance, by },
        });
        let who = by.map_or("liquidation", |by| by.as_str());
        let why = format!("{} lots were closed by {who}, not by an order of the session", fill.qty.0);
        self.alert(Some(execution.key.symbol), "closed_by_others", why);
        (self.last_change, self.report_due) = (now, now);
    }

    /// What the venue says of the account, or why that could not be learned. `asked`: when the question left.
    pub fn on_report(&mut self, report: Result<&Report, String>, asked: Timestamp, now: Timestamp) {
        self.is_report_asked = false;
        self.report_due = now + REPORT_EVERY;
        let report = match report {
            Ok(report) => report,
            Err(why) => {
                self.unread_reports += 1;
                self.report_due = now + REPORT_SOON;
                if self.unread_reports == UNREAD_REPORTS {
                    let why = format!(
                        "the account could not be read {UNREAD_REPORTS} times in a row ({why}): no entries until it is"
                    );
                    self.alert(None, "account_unread", why);
                }
                return;
            }
        };
        self.unread_reports = 0;
        // What happened since it was asked would look like a difference.
        if self.last_change >= asked {
            self.report_due = now + REPORT_SOON;
            return;
        }
        self.protection.on_positions(&report.positions, asked);
        let has_orders = self.open_orders(report, now);
        let found = self.reconciliation.compare(&self.positions, report, has_orders, asked, now);
        for symbol in found.suspected {
            self.report_due = now + REPORT_SOON;
            if self.read_after.get(&symbol).is_none_or(|(after, _)| now >= *after)
                && self.reading.insert(symbol)
            {
                self.acts
                    .push(Act::ExecutionsSince { symbol, since: self.equal_until(symbol) - EXECUTIONS_BACK });
            }
        }
        for (key, difference) in found.proven {
            self.differs(key, difference, now);
        }
    }

    /// Executions on a symbol were read, or could not be; then they are asked for with the next report.
    pub fn on_executions_of_symbol(&mut self, symbol: SymbolId, is_read: bool, now: Timestamp) {
        self.reading.remove(&symbol);
        if is_read {
            self.read_after.remove(&symbol);
            self.reconciliation.executions_read(symbol);
        } else {
            let tries = self.read_after.get(&symbol).map_or(0, |(_, tries)| *tries);
            self.read_after.insert(symbol, (now + backoff(REPORT_SOON, tries), tries + 1));
        }
        self.report_soon(now);
    }

    /// Until when the executions on a symbol are known to be complete: the last report that found no
    /// difference; of a process before this one none is known, so the beginning of the oldest position.
    fn equal_until(&self, symbol: SymbolId) -> Timestamp {
        let of_symbol = |order: &&Tracked| order.intent.order.symbol == symbol;
        let positions = self.positions.iter().filter(|(key, _)| key.symbol == symbol);
        let open = self.orders.values().filter(of_symbol).filter(|order| !order.is_over());
        let oldest =
            positions.map(|(_, holding)| holding.since).chain(open.map(|order| order.intent.at)).min();
        let last = || self.orders.values().filter(of_symbol).map(|order| order.intent.at).max();
        self.reconciliation.equal_asked.or(oldest).or_else(last).unwrap_or(self.last_change)
    }

    /// A difference that no execution explains.
    fn differs(&mut self, key: PositionKey, difference: Difference, now: Timestamp) {
        let is_being_explained = self.undecided.iter().any(|(execution, _)| execution.key == key)
            || self.unidentified.iter().any(|execution| execution.key == key)
            || self.orders.values().any(|order| order.intent.position() == key && order.may_have_filled());
        if is_being_explained {
            return self.report_soon(now);
        }
        let why = match difference {
            Difference::Less { .. } if !self.reconciliation.is_gone(key, now) => {
                return self.report_soon(now);
            }
            Difference::Less { ours, theirs } => {
                self.book_unexplained(key, ours - theirs, now);
                format!(
                    "the venue has {} lots where the session has {}, and no execution explains it: what is missing is booked as closed \
                     at its stop",
                    theirs.0, ours.0
                )
            }
            Difference::More { ours, theirs } if self.take_back(key, theirs - ours, now) => return,
            Difference::More { ours, theirs } => format!(
                "the venue has {} lots where the session has {}: what is more is not ours and is left alone",
                theirs.0, ours.0
            ),
        };
        self.block_foreign(key.symbol, "foreign_position", why);
    }

    /// What the venue does not have any more is closed, also when nobody says at which price: its stop is the
    /// likeliest.
    fn book_unexplained(&mut self, key: PositionKey, qty: Qty, now: Timestamp) {
        let price = self.protection.stop_of(key).or_else(|| self.positions.average(key)).unwrap_or(Price(0));
        let execution = ExecutionFact {
            trade_id: made_up_trade(now),
            venue: 0,
            client: None,
            key,
            is_closing: true,
            price,
            qty,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            made_by: MadeBy::Order,
            at: now,
        };
        self.write_off(key, qty);
        self.book_closed(&execution, Some(ClosedBy::Manual), now);
    }

    pub(super) fn write_off(&mut self, key: PositionKey, qty: Qty) {
        let price = self.positions.average(key).unwrap_or(Price(0));
        if let Some(Holding { instance, since, .. }) = self.positions.get(key).copied() {
            self.reconciliation.write_off(key, WrittenOff { qty, price, instance, since });
        }
    }

    /// What was booked as closed without an execution, and the venue still has, is ours: it is booked again,
    /// protected, and closed like everything that the engine lacks. Whether there was such.
    fn take_back(&mut self, key: PositionKey, more: Qty, now: Timestamp) -> bool {
        let Some(back) = self.reconciliation.take_back(key, more) else { return false };
        let opened = Opened { instance: back.instance, qty: back.qty, price: back.price, at: back.since };
        self.positions.open(key, opened);
        self.protection.follow(&self.positions, now);
        let why = format!(
            "the venue still has {} lots that were booked as closed: they are the session's again, and are closed",
            back.qty.0
        );
        self.alert(Some(key.symbol), "position_taken_back", why);
        (self.last_change, self.report_due) = (now, now);
        true
    }

    /// Open orders that should not be there: ours are cancelled, others are told when they are there twice,
    /// unless a stop of ours made them. Whether one of ours was among them.
    fn open_orders(&mut self, report: &Report, now: Timestamp) -> bool {
        let (mut foreign_orders, mut has_ours) = (BTreeSet::new(), false);
        for (client, venue, symbol) in &report.orders {
            let ours = client.as_deref().filter(|client| client.starts_with(PREFIX));
            match ours.map(|client| (client, self.tag.order(client))) {
                Some((_, Some(order))) if self.orders.get(&order).is_some_and(|order| !order.is_over()) => {
                    has_ours = true;
                }
                Some((client, order)) => {
                    has_ours |= order.is_some();
                    self.acts.push(Act::Cancel { symbol: *symbol, client: client.to_owned() });
                }
                None if self.protection.has_made(*venue) => {}
                None if self.foreign_orders.contains(venue) => {
                    let why = format!("order {venue} on the symbol is not of this program: it is left alone");
                    foreign_orders.insert(*venue);
                    self.block_foreign(*symbol, "foreign_order", why);
                }
                None => {
                    foreign_orders.insert(*venue);
                    self.report_due = self.report_due.min(now + REPORT_SOON);
                }
            }
        }
        self.foreign_orders = foreign_orders;
        has_ours
    }
}
