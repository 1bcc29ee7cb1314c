//! Unit tests of the simulated venue: orders in, answers out.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Bar, Level};
use crate::domain::order::InsideBar;

const A: SymbolId = SymbolId(0);

fn seconds(value: i64) -> Timestamp {
    Timestamp::from_seconds(value)
}

fn table() -> SymbolTable {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    SymbolTable::new(1, vec![SymbolSpec::new("A_USDT", decimal("0.01"), decimal("1"), Decimal::ONE).unwrap()])
}

/// A venue with one symbol and the events it produced.
struct Bench {
    venue: Venue,
    table: SymbolTable,
    events: Vec<OrderEvent>,
    orders: u64,
}

impl Bench {
    fn new(change: impl FnOnce(&mut VenueConfig)) -> Self {
        let mut config = VenueConfig::frictionless();
        change(&mut config);
        Bench { venue: Venue::new(config, 1), table: table(), events: Vec::new(), orders: 0 }
    }

    fn trade(&mut self, at: i64, price: i64, qty: i64, taker: Side) {
        self.venue.on_trade(
            &self.table,
            A,
            seconds(at),
            Trade { price: Price(price), qty: Qty(qty), taker },
            &mut self.events,
        );
    }

    fn bar(&mut self, end: i64, [open, high, low, close]: [i64; 4]) {
        let [open, high, low, close] = [open, high, low, close].map(Price);
        let bar = Bar { open, high, low, close, volume: Qty(100), seconds: 60 };
        self.venue.on_market(&self.table, A, seconds(end), &Market::Bar(bar), &mut self.events);
    }

    fn order(&mut self, at: i64, instance: u32, side: Side, kind: OrderKind, purpose: Purpose) -> OrderId {
        self.send(at, OrderRequest { kind, purpose, side, ..request(instance) })
    }

    fn send(&mut self, at: i64, request: OrderRequest) -> OrderId {
        self.orders += 1;
        let id = OrderId(self.orders);
        self.venue.submit(seconds(at), &OrderRequest { id, ..request });
        self.arrive(at);
        id
    }

    fn arrive(&mut self, at: i64) {
        while self.venue.arrive(&self.table, seconds(at), &mut self.events) {}
    }

    /// (order, price, lots) of all fills so far; clears the events.
    fn fills(&mut self) -> Vec<(u64, i64, i64)> {
        let events = std::mem::take(&mut self.events);
        let fill = |event: &OrderEvent| match event {
            OrderEvent::Filled(fill) | OrderEvent::Liquidated { fill, .. } => {
                Some((fill.order.0, fill.price.0, fill.qty.0))
            }
            _ => None,
        };
        events.iter().filter_map(fill).collect()
    }
}

fn request(instance: u32) -> OrderRequest {
    OrderRequest {
        id: OrderId(0),
        instance,
        symbol: A,
        side: Side::Buy,
        kind: OrderKind::Market,
        qty: Qty(10),
        purpose: Purpose::Entry,
        leverage: 10,
        inside_bar: None,
    }
}

#[test]
fn resting_orders_share_what_passes_better_price_first_then_older() {
    let mut bench = Bench::new(|_| {});
    bench.trade(0, 10_000, 1, Side::Buy);
    let older = bench.order(0, 0, Side::Buy, OrderKind::Limit(Price(9_900)), Purpose::Entry).0;
    let newer = bench.order(0, 1, Side::Buy, OrderKind::Limit(Price(9_900)), Purpose::Entry).0;
    let better = bench.order(0, 2, Side::Buy, OrderKind::Limit(Price(9_950)), Purpose::Entry).0;
    bench.trade(1, 9_900, 12, Side::Sell);
    assert_eq!(bench.fills(), [(better, 9_950, 10), (older, 9_900, 2)], "12 lots are not filled twice");
    bench.trade(2, 9_800, 15, Side::Sell);
    assert_eq!(bench.fills(), [(older, 9_900, 8), (newer, 9_900, 7)]);
    bench.trade(3, 9_900, 100, Side::Sell);
    assert_eq!(bench.fills(), [(newer, 9_900, 3)]);
}

#[test]
fn a_bar_is_shared_too() {
    let mut bench = Bench::new(|_| {});
    bench.bar(60, [10_000; 4]);
    let ids: Vec<u64> = (0..12)
        .map(|i| bench.order(60, i, Side::Buy, OrderKind::Limit(Price(9_900)), Purpose::Entry).0)
        .collect();
    bench.bar(120, [10_000, 10_000, 9_800, 10_000]);
    let filled: i64 = bench.fills().iter().map(|(_, _, lots)| lots).sum();
    assert_eq!((filled, ids.len()), (100, 12), "12 orders of 10 lots and a bar of 100");
}

#[test]
fn a_cancel_never_overtakes_its_order() {
    let mut bench = Bench::new(|config| {
        config.order_latency = Span::from_millis(500);
        config.latency_jitter = 1.5;
    });
    for seed in 0..200 {
        bench.venue.rng = Rng::new(seed);
        bench.trade(0, 10_000, 1, Side::Buy);
        let id = bench.order(0, 0, Side::Buy, OrderKind::Limit(Price(9_000)), Purpose::Entry);
        bench.venue.cancel(seconds(0), id);
        bench.arrive(3_600);
        let ends: Vec<&OrderEvent> =
            bench.events.iter().filter(|event| matches!(event, OrderEvent::Done { .. })).collect();
        assert_eq!(ends.len(), 1, "seed {seed}: the order rests for ever");
        bench.events.clear();
    }
}

#[test]
fn an_exit_never_exceeds_its_position() {
    let mut bench = Bench::new(|_| {});
    bench.trade(0, 10_000, 1, Side::Buy);
    bench.send(0, request(0));
    let exit = OrderRequest { side: Side::Sell, purpose: Purpose::Exit, qty: Qty(25), ..request(0) };
    bench.send(1, exit);
    bench.send(2, exit);
    assert!(
        bench
            .events
            .contains(&OrderEvent::Rejected { order: OrderId(3), reason: RejectReason::NothingToReduce })
    );
    assert_eq!(bench.fills(), [(1, 10_000, 10), (2, 10_000, 10)]);
}

/// For any steps, prices and earlier costs, the position loses exactly what is left of its margin.
#[test]
fn a_liquidation_costs_exactly_the_margin() {
    for (leverage, side, last) in
        [(10, Side::Buy, 8_000), (7, Side::Sell, 13_000), (3, Side::Buy, 1), (100, Side::Sell, 10_001)]
    {
        let mut bench = Bench::new(|config| {
            config.fees = Some((Rate::ZERO, Rate::from_percent(0.06)));
            config.liquidation_fee_pct = 0.05;
        });
        bench.trade(0, 9_999, 1, Side::Buy);
        bench.send(0, OrderRequest { side, leverage, qty: Qty(13), ..request(0) });
        let paid = bench.events.iter().find_map(|event| match event {
            OrderEvent::Filled(fill) => Some(fill.fee),
            _ => None,
        });
        bench.trade(1, last, 1, Side::Buy);
        let fill = bench.events.iter().find_map(|event| match event {
            OrderEvent::Liquidated { fill, .. } => Some(*fill),
            _ => None,
        });
        let fill = fill.unwrap_or_else(|| panic!("{leverage} {side:?} was not liquidated"));
        let spec = bench.table.spec(A);
        let gross = spec.money(i128::from(side.sign()) * (i128::from(fill.price.0) - 9_999) * 13);
        let margin = Money(spec.money(9_999 * 13).0 / i128::from(leverage));
        assert_eq!(gross - fill.fee - paid.unwrap(), -margin, "{leverage} {side:?}");
        assert!(fill.fee >= Money::ZERO, "{leverage} {side:?}: {:?}", fill.fee);
    }
}

/// The loss stays the margin, and the parts of the result add up to it without a fee that is earned.
#[test]
fn funding_beyond_the_margin_makes_no_negative_fee_of_the_liquidation() {
    for (side, rate_pct, entry) in [
        (Side::Buy, 2.0, 9_999),
        (Side::Sell, -2.0, 9_999),
        (Side::Buy, 1.0003, 7),
        (Side::Sell, -80.0, 9_999),
        // What is lacking is a little more than a whole number of price steps.
        (Side::Buy, 1.000_100_1, 1_000_000),
    ] {
        let mut bench = Bench::new(|config| {
            config.fees = Some((Rate::ZERO, Rate::from_percent(0.06)));
            config.liquidation_fee_pct = 0.05;
        });
        bench.trade(0, entry, 1, Side::Buy);
        bench.send(0, OrderRequest { side, leverage: 100, qty: Qty(13), ..request(0) });
        let funding = Market::Funding { rate: Rate::from_percent(rate_pct) };
        bench.venue.on_market(&bench.table, A, seconds(1), &funding, &mut bench.events);
        bench.trade(2, entry, 1, Side::Buy);
        let (mut fees, mut funding, mut last) = (Vec::new(), Money::ZERO, None);
        for event in &bench.events {
            match event {
                OrderEvent::Filled(fill) => fees.push(fill.fee),
                OrderEvent::Funding { amount, .. } => funding += *amount,
                OrderEvent::Liquidated { fill, .. } => {
                    fees.push(fill.fee);
                    last = Some(fill.price);
                }
                _ => {}
            }
        }
        let spec = bench.table.spec(A);
        let exit = last.unwrap_or_else(|| panic!("{side:?} was not liquidated"));
        let gross = spec.money(i128::from(side.sign()) * (i128::from(exit.0) - i128::from(entry)) * 13);
        let margin = Money(spec.money(i128::from(entry) * 13).0 / 100);
        assert!(-funding > margin, "{side:?}: {funding:?}");
        assert!(fees.len() == 2 && fees.iter().all(|fee| *fee >= Money::ZERO), "{side:?}: {fees:?}");
        assert_eq!(gross + funding - fees[0] - fees[1], -margin, "{side:?}");
        // What the fee takes is less than a price step of the whole quantity.
        assert!(fees[1] <= spec.money(13), "{side:?}: {fees:?}");
    }
}

#[test]
fn what_is_decided_at_a_bars_end_waits_for_the_next_open() {
    let mut bench = Bench::new(|_| {});
    bench.bar(60, [10_000, 10_000, 10_000, 10_050]);
    let id = bench.order(60, 0, Side::Buy, OrderKind::Market, Purpose::Entry).0;
    assert!(bench.fills().is_empty(), "not at the close that was decided on");
    bench.bar(120, [10_100, 10_200, 10_000, 10_150]);
    assert_eq!(bench.fills(), [(id, 10_100, 10)]);
    // Decided while a bar runs: its open is earlier than the decision, its close is later.
    let id = bench.order(150, 1, Side::Buy, OrderKind::Market, Purpose::Entry).0;
    bench.bar(180, [10_160, 10_300, 10_100, 10_250]);
    assert_eq!(bench.fills(), [(id, 10_250, 10)]);
    // A cancel waits behind its waiting order.
    let id = bench.order(190, 2, Side::Buy, OrderKind::Limit(Price(10_000)), Purpose::Entry);
    bench.venue.cancel(seconds(190), id);
    bench.arrive(190);
    bench.bar(240, [10_250; 4]);
    assert!(bench.events.contains(&OrderEvent::Done { order: id, filled: Qty::ZERO }), "{:?}", bench.events);
}

#[test]
fn an_exit_inside_a_bar_acts_at_its_price_unless_the_margin_ended_before() {
    let open = |bench: &mut Bench| {
        bench.bar(60, [10_000; 4]);
        bench.send(60, request(0));
        bench.bar(120, [10_000; 4]);
        assert_eq!(bench.fills().len(), 1);
    };
    let exit = |price: i64, worst: i64| OrderRequest {
        side: Side::Sell,
        purpose: Purpose::Emergency,
        inside_bar: Some(InsideBar { price: Price(price), worst: Price(worst) }),
        ..request(0)
    };
    let mut bench = Bench::new(|_| {});
    open(&mut bench);
    bench.send(180, exit(9_700, 9_700));
    assert_eq!(bench.fills(), [(2, 9_700, 10)]);
    let mut bench = Bench::new(|_| {});
    open(&mut bench);
    bench.send(180, exit(10_500, 8_000));
    assert!(
        bench.events.iter().any(|event| matches!(event, OrderEvent::Liquidated { .. })),
        "{:?}",
        bench.events
    );
}

#[test]
fn the_end_of_bars_closes_positions_and_cancels_entries() {
    let mut bench = Bench::new(|_| {});
    bench.bar(60, [10_000; 4]);
    bench.send(60, request(0));
    bench.bar(120, [10_000, 10_000, 10_000, 10_020]);
    bench.fills();
    let exit = bench.order(120, 0, Side::Sell, OrderKind::Market, Purpose::Exit).0;
    let entry = bench.order(120, 1, Side::Buy, OrderKind::Market, Purpose::Entry);
    bench.venue.end_bars(&bench.table, seconds(120), &mut bench.events);
    assert!(bench.events.contains(&OrderEvent::Done { order: entry, filled: Qty::ZERO }));
    assert_eq!(bench.fills(), [(exit, 10_020, 10)]);
}

#[test]
fn the_order_in_which_one_trade_fills_two_sides_does_not_depend_on_other_orders() {
    let filled = |is_alone: bool| {
        let mut bench = Bench::new(|_| {});
        let limit = |price: i64| OrderKind::Limit(Price(price));
        let level = |price: i64| [Level { price: Price(price), qty: Qty(1_000) }];
        let book = |bench: &mut Bench, middle: i64| {
            let (bids, asks) = (level(middle - 1), level(middle + 1));
            let market = Market::BookSnapshot { bids: &bids, asks: &asks };
            bench.venue.on_market(&bench.table, A, seconds(1), &market, &mut bench.events);
        };
        book(&mut bench, 9_000);
        if !is_alone {
            bench.order(1, 9, Side::Sell, limit(9_800), Purpose::Entry);
        }
        book(&mut bench, 11_000);
        let buy = bench.order(1, 1, Side::Buy, limit(10_200), Purpose::Entry);
        book(&mut bench, 9_000);
        let sell = bench.order(1, 2, Side::Sell, limit(9_900), Purpose::Entry);
        bench.trade(1, 10_000, 1_000, Side::Buy);
        let fills = bench.fills();
        let own = fills.iter().filter_map(|(order, ..)| [buy.0, sell.0].iter().position(|id| id == order));
        own.collect::<Vec<_>>()
    };
    assert_eq!(filled(true), [0, 1]);
    assert_eq!(filled(false), filled(true));
}

#[test]
fn trades_are_calm_by_a_mark_only_while_it_counts() {
    let mut bench = Bench::new(|_| {});
    bench.trade(0, 10_000, 1, Side::Buy);
    let open = Market::Mark { mark: Price(10_000), index: None };
    bench.venue.on_market(&bench.table, A, seconds(1), &open, &mut bench.events);
    bench.order(1, 0, Side::Buy, OrderKind::Market, Purpose::Entry);
    let calm = |at: i64| bench.venue.calm(A, seconds(at)).unwrap();
    let until = seconds(61) + Span::from_nanos(1);
    assert_eq!((calm(2), calm(61)), (Calm { until, ..Calm::ALWAYS }, Calm { until, ..Calm::ALWAYS }));
    assert!(calm(62).below > Price(8_000) && calm(62).until == Timestamp::MAX);
    bench.trade(61, 8_000, 1, Side::Sell);
    assert_eq!(bench.venue.counts().liquidations, 0);
    bench.trade(62, 8_000, 1, Side::Sell);
    assert_eq!(bench.venue.counts().liquidations, 1);
}
