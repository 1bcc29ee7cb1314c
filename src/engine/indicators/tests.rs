//! The reference sequence of events, builders for such sequences, and checks for every indicator type.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Gap, GapCause, Level, Market, Trade};
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::Side;

mod checkpoint;
mod oracle;
mod properties;
mod silence;
mod vectors;

/// A symbol with these steps; one contract is one base unit.
fn symbol(price_step: &str, quantity_step: &str) -> SymbolSpec {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    SymbolSpec::new("X_USDT", decimal(price_step), decimal(quantity_step), Decimal::ONE).unwrap()
}

/// A time in seconds.
fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(0) + Span::from_seconds_f64(seconds)
}

#[derive(Clone, Debug)]
enum Event {
    Trade(Trade),
    Book(Vec<Level>, Vec<Level>),
    Mark(Price, Price),
    Funding(Rate),
    OpenInterest(Qty),
    Gap(Gap),
    /// Only time passes.
    Tick,
}

/// Events of one symbol in order of time.
#[derive(Clone)]
struct Tape {
    spec: SymbolSpec,
    events: Vec<(Timestamp, Event)>,
}

impl Tape {
    fn new() -> Self {
        Tape::of(symbol("0.01", "1"))
    }

    fn of(spec: SymbolSpec) -> Self {
        Tape { spec, events: Vec::new() }
    }

    /// Adds a trade; the taker is `B` or `S`.
    fn trade(self, seconds: f64, price: f64, qty: f64, taker: char) -> Self {
        let trade = Trade {
            price: self.ticks(price),
            qty: self.lots(qty),
            taker: if taker == 'B' { Side::Buy } else { Side::Sell },
        };
        self.event(at(seconds), Event::Trade(trade))
    }

    /// Replaces the book with one level a side.
    fn book(self, seconds: f64, bid: f64, bid_qty: f64, ask: f64, ask_qty: f64) -> Self {
        self.depth(seconds, &[(bid, bid_qty)], &[(ask, ask_qty)])
    }

    /// Replaces the book; best level first.
    fn depth(self, seconds: f64, bids: &[(f64, f64)], asks: &[(f64, f64)]) -> Self {
        let levels = |side: &[(f64, f64)]| {
            side.iter().map(|&(p, q)| Level { price: self.ticks(p), qty: self.lots(q) }).collect()
        };
        let event = Event::Book(levels(bids), levels(asks));
        self.event(at(seconds), event)
    }

    fn gap(self, from: f64, to: f64) -> Self {
        let gap = Gap { from: at(from), to: at(to), cause: GapCause::Disconnect };
        self.event(at(to), Event::Gap(gap))
    }

    fn tick(self, seconds: f64) -> Self {
        self.event(at(seconds), Event::Tick)
    }

    fn event(mut self, at: Timestamp, event: Event) -> Self {
        assert!(self.events.last().is_none_or(|(last, _)| *last <= at), "a tape runs forwards");
        self.events.push((at, event));
        self
    }

    fn ticks(&self, price: f64) -> Price {
        Price((price / self.spec.price_f64(Price(1))).round() as i64)
    }

    fn lots(&self, qty: f64) -> Qty {
        Qty((qty / self.spec.lot_f64()).round() as i64)
    }

    /// The value of a type after all events up to a time; parameters as in `"t1=30 method=rate"`.
    fn value_at(&self, kind: &str, params: &str, seconds: f64) -> Value {
        Player::new(self, &[spec_of(kind, params)]).play_until(at(seconds))[0]
    }

    /// Like `value_at`, but also read after every event: the result must not depend on earlier reads.
    fn value_at_asked_often(&self, kind: &str, params: &str, seconds: f64) -> Value {
        let mut player = Player::new(self, &[spec_of(kind, params)]);
        player.ask_always = true;
        player.play_until(at(seconds))[0]
    }
}

/// A spec from text, checked like one from a document.
fn spec_of(kind: &str, params: &str) -> IndicatorSpec {
    let kind = find(kind).unwrap_or_else(|| panic!("no type {kind}"));
    let mut given = Vec::new();
    for pair in params.split_whitespace() {
        let (name, text) = pair.split_once('=').unwrap();
        let param = kind
            .params
            .iter()
            .find(|param| param.name == name)
            .unwrap_or_else(|| panic!("{} has no {name}", kind.name));
        let value = match &param.accepts {
            Accepts::Number { min, max, .. } => {
                let value = text.parse().unwrap();
                assert!((*min..=*max).contains(&value), "{name} {value} is out of bounds");
                ParamValue::Number(value)
            }
            Accepts::Count { min, max, .. } => {
                let value: u32 = text.parse().unwrap();
                assert!((*min..=*max).contains(&value), "{name} {value} is out of bounds");
                ParamValue::Number(f64::from(value))
            }
            Accepts::Flag(_) => ParamValue::Flag(text.parse().unwrap()),
            Accepts::Word(words) => {
                assert!(words.contains(&text), "{name} accepts {words:?}");
                ParamValue::Word(text.to_owned())
            }
            Accepts::Windows(_) | Accepts::Indicator => panic!("no text form for {name}"),
        };
        given.push((name, value));
    }
    let spec = kind.spec(&given);
    assert_eq!((kind.check)(&spec), None, "{spec:?}");
    spec
}

/// Feeds the events to market and indicators as the engine does.
struct Player<'a> {
    tape: &'a Tape,
    market: MarketState,
    set: IndicatorSet,
    slots: Vec<SlotId>,
    next: usize,
    ask_always: bool,
}

impl<'a> Player<'a> {
    fn new(tape: &'a Tape, specs: &[IndicatorSpec]) -> Self {
        let (mut market, mut set) = (MarketState::default(), IndicatorSet::default());
        let slots = specs.iter().map(|spec| set.intern(spec, &mut market)).collect();
        Player { tape, market, set, slots, next: 0, ask_always: false }
    }

    /// All values at a time, after every event up to it.
    fn play_until(&mut self, now: Timestamp) -> Vec<Value> {
        while let Some((at, event)) = self.tape.events.get(self.next).filter(|(at, _)| *at <= now) {
            self.apply(*at, event);
            self.next += 1;
            if self.ask_always {
                self.ask(*at);
            }
        }
        self.set.turn();
        self.set.close_bars(&mut self.market, now, &self.tape.spec);
        self.ask(now)
    }

    fn ask(&mut self, now: Timestamp) -> Vec<Value> {
        let look = Look { now, spec: &self.tape.spec, market: &self.market };
        self.slots.iter().map(|&slot| self.set.value(slot, look)).collect()
    }

    fn apply(&mut self, at: Timestamp, event: &Event) {
        self.set.turn();
        self.set.close_bars(&mut self.market, at, &self.tape.spec);
        let spec = &self.tape.spec;
        match event {
            Event::Trade(trade) => {
                self.market.apply(spec, at, &Market::Trade(*trade));
                if self.set.sees_every_trade() {
                    self.set.on_trade(spec.price_f64(trade.price));
                }
            }
            Event::Book(bids, asks) => self.market.apply(spec, at, &Market::BookSnapshot { bids, asks }),
            Event::Mark(mark, index) => {
                self.market.apply(spec, at, &Market::Mark { mark: *mark, index: Some(*index) })
            }
            Event::Funding(rate) => self.market.apply(spec, at, &Market::Funding { rate: *rate }),
            Event::OpenInterest(qty) => self.market.apply(spec, at, &Market::OpenInterest(*qty)),
            Event::Gap(gap) => {
                self.market.gap(*gap);
                self.set.on_gap();
            }
            Event::Tick => {}
        }
    }
}

/// The reference sequence: T = 100, contract size 1.
fn reference() -> Tape {
    Tape::new()
        .trade(0.0, 10.00, 100.0, 'B')
        .book(0.0, 9.99, 1000.0, 10.01, 1000.0)
        .trade(20.0, 10.00, 50.0, 'S')
        .trade(40.0, 10.10, 80.0, 'B')
        .trade(55.0, 10.00, 70.0, 'S')
        .book(60.0, 10.00, 1500.0, 10.02, 900.0)
        .trade(70.0, 10.20, 120.0, 'B')
        .book(80.0, 10.30, 1600.0, 10.34, 600.0)
        .trade(85.0, 10.50, 300.0, 'B')
        .book(90.0, 10.60, 2000.0, 10.66, 500.0)
        .trade(92.0, 10.80, 400.0, 'B')
        .trade(96.0, 11.00, 500.0, 'B')
        .book(97.0, 10.85, 900.0, 10.97, 1100.0)
        .trade(98.0, 10.90, 200.0, 'S')
}
