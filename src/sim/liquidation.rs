//! Isolated margin: when it is used up and what the liquidation costs.
//!
//! Invariant: a liquidated position loses exactly its margin, liquidation fee included; the account loses no
//! more.

use super::{ALWAYS_SAFE, Margin, Venue};
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::{Fill, Liquidity, OrderEvent, OrderId, Side};
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;

impl Venue {
    /// Liquidates positions by the mark price, or by this event's lowest and highest price while no mark
    /// counts.
    pub(super) fn check_margins(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        prices: (Price, Price),
        events: &mut Vec<OrderEvent>,
    ) {
        let book = &self.books[symbol.index()];
        let mark = book.mark(at);
        let (low, high) = mark.map_or(prices, |mark| (mark, mark));
        if low > book.safe.0 && high < book.safe.1 {
            return;
        }
        let spec = table.spec(symbol);
        let own = self.margins.iter().filter(|(_, margin)| margin.symbol == symbol);
        let used_up =
            own.filter_map(|(instance, margin)| Some((*instance, margin.used_up(spec, low, high)?)));
        let used_up: Vec<(u32, (Price, Price))> = used_up.collect();
        for (instance, (price, met_by)) in used_up {
            let level = ExitLevel { price, met_by: Some(MetBy::of(mark, met_by)) };
            self.liquidate(spec, instance, level, at, events);
        }
    }

    /// Liquidates one position if its margin is used up at a price; returns whether it was.
    pub(super) fn check_margin(
        &mut self,
        table: &SymbolTable,
        instance: u32,
        at: Timestamp,
        price: Price,
        events: &mut Vec<OrderEvent>,
    ) -> bool {
        let Some(margin) = self.margins.get(&instance) else { return false };
        let spec = table.spec(margin.symbol);
        let mark = self.books[margin.symbol.index()].mark(at);
        let price = mark.unwrap_or(price);
        let Some((price, met_by)) = margin.used_up(spec, price, price) else { return false };
        let level = ExitLevel { price, met_by: Some(MetBy::of(mark, met_by)) };
        self.liquidate(spec, instance, level, at, events);
        true
    }

    fn liquidate(
        &mut self,
        spec: &SymbolSpec,
        instance: u32,
        level: ExitLevel,
        at: Timestamp,
        events: &mut Vec<OrderEvent>,
    ) {
        let Some(margin) = self.margins.remove(&instance) else { return };
        let symbol = margin.symbol;
        self.books[symbol.index()].forget_position();
        self.counts.liquidations += 1;
        let (price, fee) = margin.final_fill(spec, self.config.liquidation_fee_pct);
        assert!(
            margin.loss(spec, price, fee) <= margin.whole(spec.money(margin.cost)),
            "a liquidation at {} costs more than the margin of the position",
            price.0
        );
        let fill = Fill {
            order: OrderId(0),
            symbol,
            side: margin.side.opposite(),
            price,
            qty: Qty(margin.lots),
            cumulative: Qty(margin.lots),
            trade_id: self.next_trade_id(),
            fee,
            liquidity: Liquidity::Taker,
            at,
        };
        events.push(OrderEvent::Liquidated { fill, instance, level: Some(level) });
        self.books[symbol.index()].resting.retain(|order| {
            if order.request.instance == instance {
                events.push(OrderEvent::Done { order: order.request.id, filled: order.filled });
            }
            order.request.instance != instance
        });
    }
}

impl Margin {
    fn entry(&self, spec: &SymbolSpec) -> f64 {
        let notional = spec.money(self.cost).to_f64();
        notional / spec.qty_f64(Qty(self.lots))
    }

    /// The price at which the margin is used up, and which of two prices is at it or beyond it; `None` when
    /// neither is.
    fn used_up(&self, spec: &SymbolSpec, low: Price, high: Price) -> Option<(Price, Price)> {
        let (below, above) = self.limits(spec);
        match self.side {
            Side::Buy => (low <= below).then_some((below, low)),
            Side::Sell => (high >= above).then_some((above, high)),
        }
    }

    /// Prices at or beyond which the margin is used up, (below, above).
    pub(super) fn limits(&self, spec: &SymbolSpec) -> (Price, Price) {
        let notional = spec.money(self.cost);
        let maintenance = spec.tier(notional, Qty(self.lots)).maintenance.fraction();
        let dir = self.side.sign() as f64;
        let liquidation = self.entry(spec) * (1.0 + dir * (maintenance - self.share_left(notional)));
        match self.side {
            Side::Buy => (spec.price_floor(liquidation), ALWAYS_SAFE.1),
            Side::Sell => (ALWAYS_SAFE.0, spec.price_ceil(liquidation)),
        }
    }

    /// The margin at entry.
    fn whole(&self, notional: Money) -> Money {
        Money(notional.0 / i128::from(self.leverage))
    }

    /// What is left of the margin after fees and funding, before the loss of the position itself.
    fn left(&self, notional: Money) -> Money {
        self.whole(notional) - self.paid
    }

    /// What the position has cost once it is closed at this price and fee.
    fn loss(&self, spec: &SymbolSpec, price: Price, fee: Money) -> Money {
        self.paid + fee - spec.money(self.gross(price))
    }

    /// Gross result at a price, ticks × lots.
    fn gross(&self, price: Price) -> i128 {
        i128::from(self.side.sign()) * (i128::from(price.0) * i128::from(self.lots) - self.cost)
    }

    /// That amount as a fraction of the notional.
    fn share_left(&self, notional: Money) -> f64 {
        1.0 / f64::from(self.leverage) - self.paid.to_f64() / notional.to_f64()
    }

    /// Price and fee of the closing fill, which together take exactly what is left of the margin. The price
    /// is the tick at which loss and liquidation fee use it up, or the next one nearer to the entry; the fee
    /// takes the remainder.
    ///
    /// Where funding took more than the margin, nothing is left for a loss or a fee: the position is closed
    /// at the price whose profit covers what is lacking. The fee is negative only for a short whose funding
    /// cost more than its whole value.
    fn final_fill(&self, spec: &SymbolSpec, liquidation_fee_pct: f64) -> (Price, Money) {
        let notional = spec.money(self.cost);
        let fee_rate = Rate::from_percent(liquidation_fee_pct).fraction();
        let dir = self.side.sign() as f64;
        // loss + fee·(1 − dir·loss) = what is left, all as fractions of the notional at entry.
        let left = self.share_left(notional);
        let lost_share = ((left - fee_rate) / (1.0 - dir * fee_rate)).max(left.min(0.0));
        let exact = self.entry(spec) * (1.0 - dir * lost_share);
        let price = match self.side {
            Side::Buy => spec.price_ceil(exact),
            Side::Sell => spec.price_floor(exact),
        };
        let fee_at = |price: Price| self.left(notional) + spec.money(self.gross(price));
        // The fractions are rounded, so the price may be short of what is lacking by less than a tick.
        let next = Price(price.0 + self.side.sign());
        let price = if fee_at(price) < Money::ZERO { next } else { price };
        let price = Price(price.0.max(1));
        (price, fee_at(price))
    }
}
