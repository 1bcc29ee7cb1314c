//! A recording as a feed: order, book messages, clocks and time ranges, compared with a plain sort of the
//! rows.

use super::*;
use crate::domain::rng::Rng;
use proptest::prelude::*;

fn choice<'a>(recording: &'a str, symbols: &'a [SymbolId]) -> FeedChoice<'a> {
    FeedChoice {
        recording,
        symbols,
        streams: &[],
        clock: FeedClock::Exchange,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    }
}

fn table(store: &Store, id: &str, names: &[&str]) -> SymbolTable {
    SymbolTable::new(1, names.iter().map(|name| store.spec_of(id, name).unwrap()).collect())
}

fn play(mut feed: RecordingFeed<'_>) -> Vec<(Tick, String)> {
    let mut chunk = Chunk::default();
    let mut all = Vec::new();
    while feed.next(&mut chunk).unwrap() {
        assert!(chunk.ticks().len() <= crate::limits::FEED_CHUNK_TICKS);
        for tick in chunk.ticks() {
            let shown = match (tick.kind, chunk.market(tick)) {
                (TickKind::Gap(gap), _) => format!("gap {:?}", gap.cause),
                (_, Some(Market::BookSnapshot { bids, asks })) => {
                    let side = |levels: &[crate::domain::event::Level]| {
                        levels
                            .iter()
                            .map(|level| format!("{}x{}", level.price.0, level.qty.0))
                            .collect::<Vec<_>>()
                            .join(" ")
                    };
                    format!("book {} | {}", side(bids), side(asks))
                }
                (_, Some(Market::BookChange(changes))) => {
                    let shown = changes
                        .iter()
                        .map(|c| format!("{}{}x{}", c.side.as_str(), c.level.price.0, c.level.qty.0));
                    format!("change {}", shown.collect::<Vec<_>>().join(" "))
                }
                (_, Some(Market::Trade(trade))) => format!("trade {}x{}", trade.price.0, trade.qty.0),
                (_, market) => format!("{market:?}"),
            };
            all.push((*tick, shown));
        }
    }
    assert!(!feed.next(&mut chunk).unwrap(), "a feed that is over stays over");
    all
}

fn level(ms: i64, side: Side, level: u16, price: &str, quantity: &str) -> Record {
    record(ms, RecordBody::SnapshotLevel { side, level, price: number(price), quantity: number(quantity) })
}

fn change(ms: i64, side: Side, price: &str, quantity: &str, snapshot: bool, id: u64) -> Record {
    record(
        ms,
        RecordBody::LevelChange {
            side,
            price: number(price),
            quantity: number(quantity),
            snapshot,
            update_id: Some(id),
        },
    )
}

fn bar(ms: i64, close: &str) -> Record {
    let price = number(close);
    let body = RecordBody::Bar {
        open: price,
        high: price,
        low: price,
        close: price,
        volume: number("2"),
        quote_volume: None,
    };
    record(ms, body)
}

#[test]
fn streams_of_one_moment_come_gaps_first_then_in_the_order_of_their_kinds() {
    let store = Store::in_memory().unwrap();
    let rows = [
        (
            "A",
            StreamKind::Trades,
            vec![trade(60_000, "10.5", "1"), trade(60_000, "10.6", "2"), trade(70_000, "10.7", "3")],
        ),
        (
            "A",
            StreamKind::BookSnapshots,
            vec![
                level(60_000, Side::Buy, 2, "10.3", "5"),
                level(60_000, Side::Buy, 1, "10.4", "4"),
                level(60_000, Side::Sell, 1, "10.5", "6"),
            ],
        ),
        ("A", StreamKind::Bars, vec![bar(0, "10.5"), bar(10_000, "10.7")]),
        (
            "A",
            StreamKind::Marks,
            vec![record(60_000, RecordBody::Mark { mark: number("10.5"), index: None })],
        ),
        ("A", StreamKind::Funding, vec![record(60_000, RecordBody::Funding { rate: number("-0.0001") })]),
        (
            "A",
            StreamKind::Quotes,
            vec![record(
                60_000,
                RecordBody::Quote {
                    bid_price: number("1"),
                    bid_quantity: number("1"),
                    ask_price: number("2"),
                    ask_quantity: number("1"),
                    update_id: None,
                },
            )],
        ),
    ];
    let gap = Gap { from: at_ms(50_000), to: at_ms(60_000), cause: GapCause::Silence };
    let both = [StreamKind::Trades, StreamKind::BookSnapshots]
        .map(|stream| ("A".to_owned(), RecordedGap { stream, gap }));
    let id = import(&store, 1, &rows, &both);
    let symbols = [SymbolId(0)];
    let table = table(&store, &id, &["A"]);
    let ticks = play(store.feed(choice(&id, &symbols), &table).unwrap());
    let shown: Vec<String> =
        ticks.iter().map(|(tick, shown)| format!("{} {shown}", tick.at.millis())).collect();
    // A bar of 10 s that opens at 0 is known at 10 s.
    assert!(shown[0].starts_with("10000 Some(Bar") && shown[1].starts_with("20000 Some(Bar"), "{shown:#?}");
    assert_eq!(shown[2..5], ["60000 gap Silence", "60000 book 104x4 103x5 | 105x6", "60000 trade 105x1"]);
    assert_eq!(shown[5], "60000 trade 106x2");
    assert!(
        shown[6].starts_with("60000 Some(Mark")
            && shown[7].contains("Rate(-100000)")
            && shown[8] == "70000 trade 107x3"
    );
    assert_eq!(shown.len(), 9);
    // Of the bars that end at 10 s and at 20 s the second is of this time.
    let bars = FeedChoice {
        streams: &[(SymbolId(0), StreamKind::Bars)],
        from: at_ms(10_000),
        to: at_ms(20_000),
        ..choice(&id, &symbols)
    };
    let times = play(store.feed(bars, &table).unwrap()).iter().map(|(tick, _)| tick.at).collect::<Vec<_>>();
    assert_eq!(times, [at_ms(20_000)]);
    let only = FeedChoice { streams: &[(SymbolId(0), StreamKind::Marks)], ..choice(&id, &symbols) };
    assert_eq!(play(store.feed(only, &table).unwrap()).len(), 1);
    let of_another = FeedChoice { streams: &[(SymbolId(1), StreamKind::Marks)], ..choice(&id, &symbols) };
    assert_eq!(play(store.feed(of_another, &table).unwrap()).len(), 0);
}

#[test]
fn changes_of_one_message_are_one_tick_and_a_late_start_gets_the_book_as_it_is() {
    let store = Store::in_memory().unwrap();
    let rows = vec![
        change(1_000, Side::Buy, "10", "5", true, 1),
        change(1_000, Side::Sell, "11", "6", true, 1),
        change(1_000, Side::Buy, "9", "1", true, 1),
        change(2_000, Side::Buy, "10", "0", false, 2),
        change(2_000, Side::Sell, "11", "7", false, 2),
        change(2_000, Side::Sell, "12", "1", false, 3),
        change(3_000, Side::Buy, "8", "2", false, 4),
    ];
    let id = import(&store, 1, &[("A", StreamKind::BookChanges, rows)], &[]);
    let (symbols, table) = ([SymbolId(0)], table(&store, &id, &["A"]));
    let shown = |from: i64, to: i64| -> Vec<String> {
        let span = FeedChoice { from: at_ms(from), to: at_ms(to), ..choice(&id, &symbols) };
        play(store.feed(span, &table).unwrap())
            .into_iter()
            .map(|(tick, text)| format!("{} {text}", tick.at.millis()))
            .collect()
    };
    let all = [
        "1000 book 10x5 9x1 | 11x6",
        "2000 change buy10x0 sell11x7",
        "2000 change sell12x1",
        "3000 change buy8x2",
    ];
    assert_eq!(shown(0, 9_000), all);
    assert_eq!(shown(1_000, 3_000), all[..3]);
    assert_eq!(shown(2_500, 9_000), ["2500 book 9x1 | 11x7 12x1", "3000 change buy8x2"]);
    assert_eq!(shown(8_000, 9_000), ["8000 book 9x1 8x2 | 11x7 12x1"]);
    assert_eq!(shown(2_500, 2_600), ["2500 book 9x1 | 11x7 12x1"]);
    assert!(shown(9_000, 9_000).is_empty());
}

#[test]
fn a_message_longer_than_a_block_stays_one_tick() {
    let store = Store::in_memory().unwrap();
    let rows: Vec<Record> =
        (1..6_000).map(|i| change(1_000, Side::Sell, &i.to_string(), "1", false, 7)).collect();
    let id = import(&store, 1, &[("A", StreamKind::BookChanges, rows)], &[]);
    let ticks = play(store.feed(choice(&id, &[SymbolId(0)]), &table(&store, &id, &["A"])).unwrap());
    assert_eq!(ticks.len(), 1);
    assert!(matches!(ticks[0].0.kind, TickKind::BookChange { count: 5_999, .. }));
}

#[test]
fn the_receive_clock_orders_by_arrival_and_is_refused_where_it_is_missing() {
    let store = Store::in_memory().unwrap();
    let late = |ms: i64, received: i64| Record { received_at: Some(at_ms(received)), ..trade(ms, "1", "1") };
    let rows = [
        ("A", StreamKind::Trades, vec![late(1_000, 5_000), late(1_001, 4_000), late(1_002, 6_000)]),
        ("B", StreamKind::Trades, vec![late(3_000, 3_500), late(3_001, 5_500)]),
        ("C", StreamKind::Trades, vec![trade(1, "1", "1")]),
    ];
    let id = import(&store, 1, &rows, &[]);
    let (symbols, table) = ([SymbolId(0), SymbolId(1)], table(&store, &id, &["A", "B", "C"]));
    let received = FeedChoice { clock: FeedClock::Receive, ..choice(&id, &symbols) };
    let order: Vec<(u32, i64)> = play(store.feed(received, &table).unwrap())
        .iter()
        .map(|(tick, _)| (tick.symbol.0, tick.at.millis()))
        .collect();
    assert_eq!(order, [(1, 3_500), (0, 5_000), (0, 5_000), (1, 5_500), (0, 6_000)]);
    let missing = FeedChoice { clock: FeedClock::Receive, symbols: &[SymbolId(2)], ..received };
    assert!(store.feed(missing, &table).err().unwrap().to_string().contains("no receive times"));
}

#[test]
fn a_feed_that_goes_on_gives_the_rest_of_the_whole_one_and_skips_what_it_can() {
    let store = Store::in_memory().unwrap();
    let received = |ms: i64, body: RecordBody| Record { received_at: Some(at_ms(ms)), ..record(ms, body) };
    let noise = |i: i64| Rng::new(i as u64).between(1, 900_000);
    let trade = |i: i64| received(2 * i, trade(0, &noise(i).to_string(), &noise(i + 7).to_string()).body);
    let change = |i: i64| {
        received(
            6 * i + 1,
            change(0, Side::Buy, &noise(i).to_string(), &noise(i + 3).to_string(), i == 0, i as u64).body,
        )
    };
    let rows = [
        ("A", StreamKind::Trades, (0..60_000).map(trade).collect::<Vec<_>>()),
        ("A", StreamKind::BookChanges, (0..20_000).map(change).collect()),
    ];
    let gap = |to: i64| RecordedGap {
        stream: StreamKind::Trades,
        gap: Gap { from: at_ms(to - 1), to: at_ms(to), cause: GapCause::Restart },
    };
    let gaps = [30_001, 70_003].map(|to| ("A".to_owned(), gap(to)));
    let id = import(&store, 1, &rows, &gaps);
    let (symbols, table) = ([SymbolId(0)], table(&store, &id, &["A"]));
    let received = FeedChoice { clock: FeedClock::Receive, ..choice(&id, &symbols) };
    let whole = play(store.feed(received, &table).unwrap());
    assert_eq!(whole.len(), 80_002);
    let segments = store.feed_on(FeedChoice { from: at_ms(119_000), ..received }, &table).unwrap().rows();
    assert!(segments < 40_000, "{segments} rows are read for the last thousand");
    for from in [0, 1, 2, 5_999, 30_000, 30_001, 30_002, 70_003, 90_007, 119_998, 119_999, 130_000] {
        let rest = play(store.feed_on(FeedChoice { from: at_ms(from), ..received }, &table).unwrap());
        let expected: Vec<_> = whole.iter().filter(|(tick, _)| tick.at >= at_ms(from)).collect();
        let (rest, expected) = (rest.iter().map(told), expected.into_iter().map(told));
        assert!(rest.eq(expected), "from {from}");
    }
}

/// A tick in words; levels stand at other places in chunks of another size.
fn told((tick, shown): &(Tick, String)) -> (Timestamp, String) {
    (tick.at, shown.clone())
}

#[test]
fn a_step_that_does_not_fit_is_refused_and_a_finer_one_is_exact() {
    let store = Store::in_memory().unwrap();
    let id = import(&store, 1, &[("A", StreamKind::Trades, vec![trade(1, "10.5", "3")])], &[]);
    let spec = |price: &str| {
        crate::domain::symbol::SymbolSpec::new("A", number(price), number("0.5"), Decimal::ONE).unwrap()
    };
    let symbols = [SymbolId(0)];
    let fine = SymbolTable::new(1, vec![spec("0.05")]);
    let ticks = play(store.feed(choice(&id, &symbols), &fine).unwrap());
    assert!(
        matches!(ticks[0].0.kind, TickKind::Trade(trade) if (trade.price, trade.qty) == (Price(210), Qty(6)))
    );
    let coarse = SymbolTable::new(1, vec![spec("1")]);
    assert_eq!(store.feed(choice(&id, &symbols), &coarse).err().unwrap().exit_code(), 64);
    store.put_recorded_specs(&id, &[spec("0.05")]).unwrap();
    assert_eq!(store.spec_of(&id, "A").unwrap().price_step, number("0.05"));
}

fn walk(steps: &[i64], symbol: i64) -> Vec<Record> {
    let mut at = 1_000;
    let rows = steps.iter().enumerate().map(|(i, step)| {
        at += step;
        trade(at, &(symbol * 100_000 + i as i64 + 1).to_string(), "1")
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The oracle is a stable sort of all rows by (time, symbol).
    #[test]
    fn a_merge_is_a_stable_sort(
        a in proptest::collection::vec(0_i64..3, 1..9_000),
        b in proptest::collection::vec(0_i64..9, 0..300),
        c in proptest::collection::vec(0_i64..2, 0..5_000),
        from in 0_i64..9_000,
        length in 0_i64..9_000,
    ) {
        let store = Store::in_memory().unwrap();
        let streams: Vec<(&str, Vec<Record>)> =
            [("A", walk(&a, 1)), ("B", walk(&b, 2)), ("C", walk(&c, 3))].into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
        let rows: Vec<_> = streams.iter().map(|(name, rows)| (*name, StreamKind::Trades, rows.clone())).collect();
        let id = import(&store, 1, &rows, &[]);
        let names: Vec<&str> = streams.iter().map(|(name, _)| *name).collect();
        let symbols: Vec<SymbolId> = (0..names.len() as u32).map(SymbolId).collect();
        let table = table(&store, &id, &names);
        let span = FeedChoice { from: at_ms(from), to: at_ms(from + length), ..choice(&id, &symbols) };
        let mut expected: Vec<(i64, u32, Decimal)> = Vec::new();
        for (symbol, (_, rows)) in streams.iter().enumerate() {
            for row in rows.iter().filter(|row| (from..from + length).contains(&row.exchange_at.millis())) {
                let RecordBody::Trade { price, .. } = row.body else { unreachable!() };
                expected.push((row.exchange_at.millis(), symbol as u32, price));
            }
        }
        expected.sort_by_key(|(at, symbol, _)| (*at, *symbol));
        let got: Vec<(i64, u32, Decimal)> = play(store.feed(span, &table).unwrap())
            .iter()
            .map(|(tick, _)| {
                let TickKind::Trade(trade) = tick.kind else { unreachable!() };
                (tick.at.millis(), tick.symbol.0, table.spec(tick.symbol).price_decimal(trade.price))
            })
            .collect();
        prop_assert_eq!(got, expected);
    }
}
