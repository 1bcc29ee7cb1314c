//! What others do to the account: reports of it that differ, and executions that no order of ours made.
//!
//! Invariant: nothing is sent to close what is not ours; what cannot be explained stops entries of its symbol and is told.

use super::backoff::backoff;
use super::book::Holding;
use super::desk::{Desk, REPORT_EVERY, REPORT_SOON, UNREAD_REPORTS};
use super::numbers::{NO_ORDER, made_up_trade};
use super::order::Tracked;
use super::reconcile::{Difference, WrittenOff};
use super::{Act, Deal, Hold, MadeBy, PREFIX, Report};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{ClosedBy, Fill, Liquidity, OrderEvent};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::ENDED_ORDERS_KNOWN;
use std::collections::BTreeSet;

/// How far executions are asked for behind the last moment at which both sides were equal: the clocks differ.
const EXECUTIONS_BACK: Span = Span::from_seconds(60);

/// How long it may take to learn whether a stop of ours made an order that closed a position.
const WHO_CLOSED: Span = Span::from_seconds(1);

impl Desk {
    /// An execution that no order of ours made.
    pub(super) fn of_others(&mut self, deal: Deal, now: Timestamp) {
        if self.counted.contains(&deal.trade_id)
            || self.undecided.iter().any(|(known, _)| known.trade_id == deal.trade_id)
        {
            return;
        }
        // Of a position before the one that is held, or from before the session: it did nothing to what is held now.
        let is_before = |holding: &Holding| deal.is_closing && deal.at < holding.since;
        if deal.at < self.began || self.book.get(deal.hold).is_some_and(is_before) {
            self.count(deal.trade_id);
            return;
        }
        if !deal.is_closing || self.book.qty(deal.hold).is_zero() {
            self.count(deal.trade_id);
            if !deal.is_closing {
                // What shows there may be theirs.
                self.reconciliation.written_off.remove(&deal.hold);
            } else if self.reconciliation.take_back(deal.hold, deal.qty).is_some() {
                // It is booked already.
                return;
            }
            let why = format!(
                "execution {} of {} lots is of an order that is not ours: nothing is begun on the symbol until the session ends",
                deal.trade_id, deal.qty.0
            );
            return self.foreign(deal.hold.symbol, "foreign_trade", why);
        }
        self.undecided.push((deal, now));
        self.decide_who_closed(now);
    }

    /// Remembers an execution; whether it is new. The lowest numbers, which are the oldest, are forgotten first.
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
        for (deal, since) in std::mem::take(&mut self.undecided) {
            let by = match deal.made_by {
                MadeBy::Liquidation => None,
                MadeBy::Deleveraging => Some(ClosedBy::Deleveraging),
                MadeBy::Order if self.protection.made(deal.venue) => Some(ClosedBy::ResidentStop),
                MadeBy::Order if now - since >= WHO_CLOSED => Some(ClosedBy::Manual),
                MadeBy::Order => {
                    rest.push((deal, since));
                    continue;
                }
            };
            self.book_closed(&deal, by, now);
        }
        self.undecided = rest;
    }

    fn book_closed(&mut self, deal: &Deal, by: Option<ClosedBy>, now: Timestamp) {
        let Some(instance) = self.book.get(deal.hold).map(|holding| holding.instance) else { return };
        self.count(deal.trade_id);
        let beyond = self.book.close(deal.hold, deal.qty);
        let fill = Fill {
            order: NO_ORDER,
            symbol: deal.hold.symbol,
            side: deal.hold.closing_side(),
            price: deal.price,
            qty: deal.qty - beyond,
            cumulative: deal.qty,
            trade_id: deal.trade_id,
            fee: deal.fee,
            liquidity: deal.liquidity,
            at: deal.at,
        };
        self.answer(match by {
            None => OrderEvent::Liquidated { fill, instance },
            Some(by) => OrderEvent::Closed { fill, instance, by },
        });
        let who = by.map_or("liquidation", |by| by.as_str());
        let why = format!("{} lots were closed by {who}, not by an order of the session", fill.qty.0);
        self.alert(Some(deal.hold.symbol), "closed_by_others", why);
        (self.last_change, self.report_due) = (now, now);
    }

    /// What the venue says of the account, or why that could not be learned. `asked`: when the question left.
    pub fn report(&mut self, report: Result<&Report, String>, asked: Timestamp, now: Timestamp) {
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
        self.protection.positions(&report.positions, asked);
        let has_orders = self.open_orders(report, now);
        let found = self.reconciliation.compare(&self.book, report, has_orders, asked, now);
        for symbol in found.suspected {
            self.report_due = now + REPORT_SOON;
            if self.read_after.get(&symbol).is_none_or(|(after, _)| now >= *after)
                && self.reading.insert(symbol)
            {
                self.acts
                    .push(Act::ExecutionsSince { symbol, since: self.equal_until(symbol) - EXECUTIONS_BACK });
            }
        }
        for (hold, difference) in found.proven {
            self.differs(hold, difference, now);
        }
    }

    /// Executions on a symbol were read, or could not be; then they are asked for with the next report.
    pub fn executions_read(&mut self, symbol: SymbolId, is_read: bool, now: Timestamp) {
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

    /// Until when the executions on a symbol are known to be complete: the last report that found no difference; of a process
    /// before this one none is known, so the beginning of the oldest position.
    fn equal_until(&self, symbol: SymbolId) -> Timestamp {
        let of_symbol = |order: &&Tracked| order.intent.order.symbol == symbol;
        let positions = self.book.iter().filter(|(hold, _)| hold.symbol == symbol);
        let open = self.orders.values().filter(of_symbol).filter(|order| !order.is_over());
        let oldest =
            positions.map(|(_, holding)| holding.since).chain(open.map(|order| order.intent.at)).min();
        let last = || self.orders.values().filter(of_symbol).map(|order| order.intent.at).max();
        self.reconciliation.equal_asked.or(oldest).or_else(last).unwrap_or(self.last_change)
    }

    /// A difference that no execution explains.
    fn differs(&mut self, hold: Hold, difference: Difference, now: Timestamp) {
        let is_being_explained = self.undecided.iter().any(|(deal, _)| deal.hold == hold)
            || self.unidentified.iter().any(|deal| deal.hold == hold)
            || self.orders.values().any(|order| order.intent.hold() == hold && order.may_have_filled());
        if is_being_explained {
            return self.report_soon(now);
        }
        let why = match difference {
            Difference::Less { .. } if !self.reconciliation.is_gone(hold, now) => {
                return self.report_soon(now);
            }
            Difference::Less { ours, theirs } => {
                self.book_unexplained(hold, ours - theirs, now);
                format!(
                    "the venue has {} lots where the session has {}, and no execution explains it: what is missing is booked as closed \
                     at its stop",
                    theirs.0, ours.0
                )
            }
            Difference::More { ours, theirs } if self.take_back(hold, theirs - ours, now) => return,
            Difference::More { ours, theirs } => format!(
                "the venue has {} lots where the session has {}: what is more is not ours and is left alone",
                theirs.0, ours.0
            ),
        };
        self.foreign(hold.symbol, "foreign_position", why);
    }

    /// What the venue does not have any more is closed, also when nobody says at which price: its stop is the likeliest.
    fn book_unexplained(&mut self, hold: Hold, qty: Qty, now: Timestamp) {
        let price = self.protection.stop_of(hold).or_else(|| self.book.average(hold)).unwrap_or(Price(0));
        let deal = Deal {
            trade_id: made_up_trade(now),
            venue: 0,
            client: None,
            hold,
            is_closing: true,
            price,
            qty,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            made_by: MadeBy::Order,
            at: now,
        };
        self.write_off(hold, qty);
        self.book_closed(&deal, Some(ClosedBy::Manual), now);
    }

    pub(super) fn write_off(&mut self, hold: Hold, qty: Qty) {
        let price = self.book.average(hold).unwrap_or(Price(0));
        if let Some(Holding { instance, since, .. }) = self.book.get(hold).copied() {
            self.reconciliation.write_off(hold, WrittenOff { qty, price, instance, since });
        }
    }

    /// What was booked as closed without an execution, and the venue still has, is ours: it is booked again, protected, and closed
    /// like everything that the engine lacks. Whether there was such.
    fn take_back(&mut self, hold: Hold, more: Qty, now: Timestamp) -> bool {
        let Some(back) = self.reconciliation.take_back(hold, more) else { return false };
        self.book.open(hold, back.instance, (back.qty, back.price), back.since);
        self.protection.follow(&self.book, now);
        let why = format!(
            "the venue still has {} lots that were taken for closed: they are the session's again, and are closed",
            back.qty.0
        );
        self.alert(Some(hold.symbol), "position_taken_back", why);
        (self.last_change, self.report_due) = (now, now);
        true
    }

    /// Open orders that should not be there: ours are cancelled, others are told when they are there twice, unless a stop of ours
    /// made them. Whether one of ours was among them.
    fn open_orders(&mut self, report: &Report, now: Timestamp) -> bool {
        let (mut strangers, mut has_ours) = (BTreeSet::new(), false);
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
                None if self.protection.made(*venue) => {}
                None if self.strangers.contains(venue) => {
                    let why = format!("order {venue} on the symbol is not of this program: it is left alone");
                    strangers.insert(*venue);
                    self.foreign(*symbol, "foreign_order", why);
                }
                None => {
                    strangers.insert(*venue);
                    self.report_due = self.report_due.min(now + REPORT_SOON);
                }
            }
        }
        self.strangers = strangers;
        has_ours
    }
}
