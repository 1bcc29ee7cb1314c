//! From a true Z1 to a submitted entry: guards, size, limits, order.

use super::{Instance, Turn, Working};
use crate::domain::book::Book;
use crate::domain::decision::{DecisionKind, Guard, SectionName, State, Trigger};
use crate::domain::event::Level;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderKind, OrderRequest, Purpose, Side};
use crate::domain::strategy::EntryOrder;
use crate::domain::symbol::SymbolSpec;
use crate::engine::output::Action;
use crate::engine::own::OwnView;
use crate::engine::risk::{self, Approved, EntryImpact, RiskRefusal};

/// Depth within this distance of mid counts for the depth-share limit, percent.
const VISIBLE_DEPTH_PCT: f64 = 0.5;

impl Instance {
    /// Z1 is true: submits an entry, or records the refusal.
    pub(super) fn try_enter(&mut self, turn: &mut Turn<'_>, own: &OwnView) {
        match self.approve(turn, own) {
            Ok(approved) => self.submit_entry(approved, turn),
            Err(refusal) => self.refuse(refusal.guard, refusal.value, refusal.threshold, turn),
        }
    }

    /// The refusal an entry would get now, if any. Leaves the instance as it is: its rules, what it still
    /// waits for while warming up, its reference price and its reservation.
    pub(crate) fn would_refuse(&mut self, turn: &mut Turn<'_>) -> Option<RiskRefusal> {
        let own = self.own_view(turn);
        let before = (self.e1.clone(), self.warming.clone(), self.reference, self.reserved);
        let refusal = self.approve(turn, &own).err();
        (self.e1, self.warming, self.reference, self.reserved) = before;
        refusal
    }

    fn approve(&mut self, turn: &mut Turn<'_>, own: &OwnView) -> Result<Approved<OrderRequest>, RiskRefusal> {
        if !turn.enabled {
            return Err(RiskRefusal::new(Guard::SymbolDisabled, 0.0, 1.0));
        }
        if !self.is_warm(turn) {
            return Err(RiskRefusal::new(Guard::WarmUp, self.warming.len() as f64, 0.0));
        }
        if self.e1.evaluate(&mut super::values(turn, own), crate::engine::truth::Truth::False).is_true() {
            return Err(RiskRefusal::new(Guard::Emergency, 1.0, 0.0));
        }
        turn.account.admit(self.symbol, self.strategy, &self.def.limits, turn.at)?;
        let (reference, kind) = self.entry_price(turn, own)?;
        let tick = turn.spec.price_floor(reference);
        let stop_pct = self.planned_stop_pct(turn, own, reference);
        let wanted = self.wanted_lots(reference, tick, turn, own)?;
        let qty = self.shrink(wanted, tick, stop_pct, turn)?;
        let request = OrderRequest {
            id: crate::domain::order::OrderId(0),
            instance: self.index,
            symbol: self.symbol,
            side: self.side,
            kind,
            qty,
            purpose: Purpose::Entry,
            leverage: self.leverage(),
            inside_bar: None,
        };
        let impact = self.impact(turn, reference, tick, qty, stop_pct);
        let (notional, margin) =
            (impact.notional, Money(impact.notional.0 / i128::from(impact.leverage.max(1))));
        let approved = risk::approve_entry(&turn.account.config.risk, &impact, request)?;
        self.reference = reference;
        self.reserved = (notional, margin);
        Ok(approved)
    }

    pub(super) fn leverage(&self) -> u32 {
        self.def.limits.max_leverage.map_or(self.def.z1.leverage, |cap| cap.min(self.def.z1.leverage))
    }

    /// Reference price and execution type of the order.
    fn entry_price(&self, turn: &mut Turn<'_>, own: &OwnView) -> Result<(f64, OrderKind), RiskRefusal> {
        let no_price = RiskRefusal::new(Guard::NoPrice, 0.0, 0.0);
        let (bid, ask) = turn.touch().ok_or(no_price)?;
        let touch = if self.side == Side::Buy { ask } else { bid };
        let reference = match self.def.z1.price {
            Some(operand) => self.operand(operand, turn, own).map_err(|_| no_price)?,
            None => touch,
        };
        if reference <= 0.0 {
            return Err(no_price);
        }
        let limit = |price: f64| match self.side {
            Side::Buy => turn.spec.price_floor(price),
            Side::Sell => turn.spec.price_ceil(price),
        };
        let kind = match self.def.z1.order {
            EntryOrder::Market => OrderKind::Market,
            EntryOrder::Limit => OrderKind::Limit(limit(reference)),
            EntryOrder::LimitIoc { max_slippage_pct } => OrderKind::LimitIoc(limit(
                reference * (1.0 + self.side.sign() as f64 * max_slippage_pct / 100.0),
            )),
        };
        Ok((reference, kind))
    }

    /// Reduces the lots to the largest order of the contract and to the limits of risk per trade, visible
    /// depth and expected slippage.
    fn shrink(
        &self,
        wanted: Qty,
        reference: Price,
        stop_pct: Option<f64>,
        turn: &Turn<'_>,
    ) -> Result<Qty, RiskRefusal> {
        let limits = &turn.account.config.risk;
        let mut lots = wanted.min(turn.spec.max_quantity);
        let mut because = Guard::BelowMinimum;
        if let (Some(limit), Some(stop)) = (limits.risk_per_trade_pct, stop_pct.filter(|stop| *stop > 0.0)) {
            let loss = turn.account.equity().to_f64() * limit / 100.0;
            let allowed = turn.spec.lots_for(Money::from_f64(loss / (stop / 100.0)), reference);
            if allowed < lots {
                (lots, because) = (allowed, Guard::RiskPerTrade);
            }
        }
        if turn.market.touch(turn.at).is_some() {
            let levels = turn.market.book.opposite_of(self.side);
            if let Some(share) = limits.max_depth_share_pct {
                let allowed = Qty(
                    (visible_lots(&turn.market.book, self.side, turn.spec) as f64 * share / 100.0) as i64
                );
                if allowed < lots {
                    (lots, because) = (allowed, Guard::Slippage);
                }
            }
            if let Some(limit) = limits.max_slippage_pct {
                let allowed = lots_within_slippage(levels, lots, limit);
                if allowed < lots {
                    (lots, because) = (allowed, Guard::Slippage);
                }
            }
        }
        if lots < turn.spec.min_quantity {
            return Err(RiskRefusal::new(because, lots.0 as f64, turn.spec.min_quantity.0 as f64));
        }
        Ok(lots)
    }

    fn impact(
        &self,
        turn: &Turn<'_>,
        reference: f64,
        tick: Price,
        qty: Qty,
        stop_pct: Option<f64>,
    ) -> EntryImpact {
        let leverage = self.leverage();
        let notional = turn.spec.notional(tick, qty);
        let tier = turn.spec.tier(notional, qty);
        let book =
            turn.market.touch(turn.at).map(|(bid, ask)| (turn.spec.price_f64(bid), turn.spec.price_f64(ask)));
        let mid = book.map(|(bid, ask)| (bid + ask) / 2.0);
        EntryImpact {
            equity: turn.account.equity(),
            notional,
            symbol_exposure: turn.account.symbol_exposure(self.symbol),
            total_exposure: turn.account.taken_exposure(),
            total_exposure_pct: self.def.limits.max_exposure_pct,
            used_margin: turn.account.used_margin(),
            leverage,
            tier_leverage: tier.max_leverage,
            stop_pct,
            liquidation_pct: 100.0 / f64::from(leverage) - tier.maintenance.percent(),
            spread_pct: book.zip(mid).map(|((bid, ask), mid)| 100.0 * (ask - bid) / mid),
            band_pct: mid.map(|mid| 100.0 * (reference - mid).abs() / mid),
        }
    }

    fn submit_entry(&mut self, approved: Approved<OrderRequest>, turn: &mut Turn<'_>) {
        let mut request = *approved.get();
        request.id = turn.account.next_order();
        turn.account.occupy(self.symbol, self.strategy, turn.at);
        turn.account.commit(self.strategy, self.reserved.0, self.reserved.1);
        turn.account.reserve(self.symbol, self.reserved.0);
        self.go(State::EntryEvaluation, Trigger::Section(SectionName::Z1), turn, Some(SectionName::Z1));
        self.entry = Some(Working {
            id: request.id,
            purpose: Purpose::Entry,
            qty: request.qty,
            filled: Qty::ZERO,
            mid_x2: turn.mid_x2(),
            submitted_at: turn.at,
            cancel_sent: false,
            limit: request.kind.limit(),
            rests: matches!(request.kind, OrderKind::Limit(_)),
        });
        self.e1.reset();
        self.ze1.reset();
        self.unknown_since = None;
        self.data_loss_warned = false;
        self.closing = None;
        self.retries = 0;
        self.retry_lots = None;
        self.retry_at = crate::domain::time::Timestamp::MAX;
        self.submitted(&request, turn);
        turn.out.actions.push(Action::Submit(approved.numbered(request.id)));
    }

    pub(super) fn submitted(&self, request: &OrderRequest, turn: &mut Turn<'_>) {
        let kind = DecisionKind::Submitted {
            order: request.id,
            side: request.side,
            qty: request.qty,
            limit: request.kind.limit(),
            purpose: request.purpose,
        };
        self.record(kind, turn, 0);
    }
}

fn visible_lots(book: &Book, side: Side, spec: &SymbolSpec) -> i64 {
    let (Some(bid), Some(ask)) = (book.bids().first(), book.asks().first()) else { return 0 };
    let mid = (spec.price_f64(bid.price) + spec.price_f64(ask.price)) / 2.0;
    let within =
        |level: &&Level| (spec.price_f64(level.price) - mid).abs() <= mid * VISIBLE_DEPTH_PCT / 100.0;
    book.opposite_of(side).iter().take_while(within).map(|level| level.qty.0).sum()
}

/// Lots that fill at an average price within `limit_pct` of the best level.
fn lots_within_slippage(levels: &[Level], wanted: Qty, limit_pct: f64) -> Qty {
    let Some(best) = levels.first() else { return Qty::ZERO };
    let (mut lots, mut cost) = (0_i64, 0.0);
    for level in levels {
        let take = level.qty.0.min(wanted.0 - lots);
        let distance = (level.price.0 - best.price.0).abs() as f64;
        let allowed = limit_pct / 100.0 * best.price.0 as f64;
        // Σ distance·lots may reach allowed·lots in total; beyond the allowed distance each lot uses up part
        // of what is left.
        let room = allowed * lots as f64 - cost;
        let most = if distance <= allowed {
            take
        } else {
            take.min((room / (distance - allowed)).floor().max(0.0) as i64)
        };
        lots += most;
        cost += distance * most as f64;
        if most < take || lots == wanted.0 {
            break;
        }
    }
    Qty(lots)
}
