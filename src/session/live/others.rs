//! What others do to the account: reports of it that differ, and executions that no order of ours made.
//!
//! Invariant: nothing is sent to close what is not ours; what cannot be explained stops entries of its symbol and is told.

use super::desk::{Desk, REPORT_EVERY, REPORT_SOON, UNREAD_REPORTS};
use super::reconcile::Difference;
use super::{Act, Deal, MadeBy, PREFIX, Report};
use crate::domain::order::{ClosedBy, Fill, OrderEvent, OrderId};
use crate::domain::time::{Span, Timestamp};

/// How far back executions are asked for behind a difference.
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
        if !deal.is_closing || self.book.qty(deal.hold).is_zero() {
            self.counted.insert(deal.trade_id);
            let why = format!(
                "execution {} of {} lots is of an order that is not ours: nothing is begun on the symbol until the session ends",
                deal.trade_id, deal.qty.0
            );
            return self.foreign(deal.hold.symbol, "foreign_trade", why);
        }
        self.undecided.push((deal, now));
        self.decide_who_closed(now);
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
        self.counted.insert(deal.trade_id);
        let beyond = self.book.close(deal.hold, deal.qty);
        let fill = Fill {
            // No order of ours has this number.
            order: OrderId(u64::MAX),
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
        self.acts.push(Act::Answer(match by {
            None => OrderEvent::Liquidated { fill, instance },
            Some(by) => OrderEvent::Closed { fill, instance, by },
        }));
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
        for fact in &report.positions {
            self.protection.position(fact.hold, fact.number);
        }
        self.foreign_orders(report);
        // What happened since it was asked would look like a difference.
        if self.last_change >= asked {
            self.report_due = now + REPORT_SOON;
            return;
        }
        let found = self.reconciliation.compare(&self.book, report, now);
        for symbol in found.suspected {
            self.acts.push(Act::ExecutionsSince { symbol, since: asked - EXECUTIONS_BACK });
            self.report_due = now + REPORT_SOON;
        }
        for (hold, difference) in found.proven {
            let why = match difference {
                Difference::Less { ours, theirs } => {
                    format!(
                        "the venue has {} lots where the session has {}, and no execution explains it",
                        theirs.0, ours.0
                    )
                }
                Difference::More { ours, theirs } => format!(
                    "the venue has {} lots where the session has {}: what is more is not ours and is left alone",
                    theirs.0, ours.0
                ),
            };
            self.foreign(hold.symbol, "foreign_position", why);
        }
    }

    /// Open orders that should not be there: ours are cancelled, others are told.
    fn foreign_orders(&mut self, report: &Report) {
        for (client, venue, symbol) in &report.orders {
            let ours = client.as_deref().filter(|client| client.starts_with(PREFIX));
            match ours.map(|client| (client, self.tag.order(client))) {
                Some((_, Some(order))) if self.orders.get(&order).is_some_and(|order| !order.is_over()) => {}
                Some((client, _)) => {
                    self.acts.push(Act::Cancel { symbol: *symbol, client: client.to_owned() });
                }
                None => {
                    let why = format!("order {venue} on the symbol is not of this program: it is left alone");
                    self.foreign(*symbol, "foreign_order", why);
                }
            }
        }
    }
}
