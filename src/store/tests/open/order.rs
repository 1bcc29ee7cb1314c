//! Replay of rows whose exchange times go back: both clocks, compared with a plain sort.

use super::*;

/// Trades of one symbol, from steps of exchange time (ms) and receive time (µs).
fn walk(symbol: i64, steps: &[(i64, i64)]) -> Vec<Record> {
    let (mut exchange_ms, mut received_ns) = (1_000, 1_000_000_000_i64);
    let rows = steps.iter().enumerate().map(|(i, (exchange, received))| {
        exchange_ms += exchange;
        received_ns += received * 1_000;
        let price = Decimal::new(symbol * 100_000 + i as i64 + 1, 0).unwrap();
        let body = RecordBody::Trade { price, quantity: Decimal::ONE, taker: Side::Buy, id: None };
        Record {
            exchange_at: at_ms(exchange_ms),
            received_at: Some(Timestamp::from_nanos(received_ns)),
            body,
        }
    });
    rows.collect()
}

fn times(rows: &[Record], clock: FeedClock) -> Vec<i64> {
    let mut last = i64::MIN;
    let time = |row: &Record| match clock {
        FeedClock::Exchange => row.exchange_at.nanos(),
        FeedClock::Receive => row.received_at.unwrap().nanos(),
    };
    rows.iter()
        .map(|row| {
            last = last.max(time(row));
            last
        })
        .collect()
}

fn replay(store: &Store, id: &str, clock: FeedClock, from: Timestamp, to: Timestamp) -> Vec<(i64, u32, i64)> {
    let specs = ["A", "B", "C"].map(|name| {
        crate::domain::symbol::SymbolSpec::new(name, Decimal::ONE, Decimal::ONE, Decimal::ONE).unwrap()
    });
    let table = SymbolTable::new(1, specs.to_vec());
    let symbols = [SymbolId(0), SymbolId(1), SymbolId(2)];
    let mut feed = store
        .feed(FeedChoice { recording: id, symbols: &symbols, streams: &[], clock, from, to }, &table)
        .unwrap();
    let (mut chunk, mut all) = (Chunk::default(), Vec::new());
    while feed.next(&mut chunk).unwrap() {
        for tick in chunk.ticks() {
            let TickKind::Trade(trade) = tick.kind else { unreachable!() };
            all.push((tick.at.nanos(), tick.symbol.0, trade.price.0));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The oracle: no stream's time goes back, and streams are merged by a stable sort.
    #[test]
    fn both_clocks_order_rows_that_go_back(
        a in proptest::collection::vec((-4_i64..6, 0_i64..900), 1..14_000),
        b in proptest::collection::vec((-20_i64..24, 0_i64..5_000), 0..900),
        c in proptest::collection::vec((-1_i64..2, 0_i64..3), 0..5_000),
        seals in proptest::collection::vec(1_usize..5_000, 1..8),
        from in 0_i64..9_000,
        length in 0_i64..9_000,
    ) {
        let store = Arc::new(Store::in_memory().unwrap());
        let open = store.begin_recording(new_recording(1), ["A", "B", "C"].map(str::to_owned).to_vec()).unwrap();
        let rows = [walk(1, &a), walk(2, &b), walk(3, &c)];
        for (symbol, rows) in rows.iter().enumerate() {
            let (mut rest, mut sizes) = (rows.as_slice(), seals.iter().cycle());
            while !rest.is_empty() {
                let (batch, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                open.push(SymbolId(symbol as u32), batch).unwrap();
                open.seal().unwrap();
                rest = behind;
            }
        }
        let id = open.finish(RecordingEnd::default()).unwrap();
        for clock in [FeedClock::Exchange, FeedClock::Receive] {
            let (from, to) = (at_ms(from), at_ms(from + length));
            let mut expected = Vec::new();
            for (symbol, rows) in rows.iter().enumerate() {
                for (at, row) in times(rows, clock).into_iter().zip(rows) {
                    let RecordBody::Trade { price, .. } = row.body else { unreachable!() };
                    if from.nanos() <= at && at < to.nanos() {
                        expected.push((at, symbol as u32, price.mantissa()));
                    }
                }
            }
            expected.sort_by_key(|(at, symbol, _)| (*at, *symbol));
            let got = replay(&store, &id, clock, from, to);
            prop_assert_eq!(got.len(), expected.len());
            prop_assert_eq!(got.iter().zip(&expected).position(|(got, expected)| got != expected), None);
        }
        prop_assert!(store.verify().unwrap().is_sound());
    }
}

#[test]
fn two_snapshots_of_one_moment_are_two_ticks() {
    let store = Arc::new(Store::in_memory().unwrap());
    let open = store.begin_recording(new_recording(1), vec!["A".into()]).unwrap();
    let level = |side, level, price: &str| {
        let body = RecordBody::SnapshotLevel { side, level, price: number(price), quantity: Decimal::ONE };
        Record { exchange_at: at_ms(1_000), received_at: Some(at_ms(2_000)), body }
    };
    let book = |bid: &str, ask: &str| [level(Side::Buy, 1, bid), level(Side::Sell, 1, ask)];
    open.push(SymbolId(0), &book("10", "12")).unwrap();
    open.push(SymbolId(0), &book("9", "11")).unwrap();
    let id = open.finish(RecordingEnd::default()).unwrap();
    let table = SymbolTable::new(1, vec![store.spec_of(&id, "A").unwrap()]);
    for clock in [FeedClock::Exchange, FeedClock::Receive] {
        let choice = FeedChoice {
            recording: &id,
            symbols: &[SymbolId(0)],
            streams: &[],
            clock,
            from: Timestamp::MIN,
            to: Timestamp::MAX,
        };
        let mut feed = store.feed(choice, &table).unwrap();
        let mut chunk = Chunk::default();
        assert!(feed.next(&mut chunk).unwrap());
        let best: Vec<i64> = chunk
            .ticks()
            .iter()
            .filter_map(|tick| match chunk.market(tick) {
                Some(Market::BookSnapshot { bids, asks }) if bids.len() == 1 && asks.len() == 1 => {
                    Some(bids[0].price.0)
                }
                _ => None,
            })
            .collect();
        assert_eq!(best, [10, 9]);
    }
}
