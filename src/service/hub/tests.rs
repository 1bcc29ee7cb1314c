//! Examples of the hub, and a comparison with a model that keeps everything ever published.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const START: u64 = 5_000_000;

fn hub(updates_max: usize) -> Arc<Hub> {
    Arc::new(Hub::keeping(Timestamp::from_seconds(5), updates_max))
}

fn subscribe(hub: &Arc<Hub>, topic: &str, start: Start) -> Cursor {
    hub.subscribe(topic, Filter::default(), start, &Arc::default()).unwrap()
}

fn read(cursor: &mut Cursor) -> Result<Vec<u64>, FellBehind> {
    let mut updates = Vec::new();
    while cursor.read(3, &mut updates)? == More::Yes {}
    Ok(updates.iter().map(|update| update.seq).collect())
}

fn is_ready(future: impl Future) -> bool {
    matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
}

#[test]
fn what_is_published_is_read_in_order_by_everybody() {
    let hub = hub(8);
    hub.publish("orders", "fill", None, None, json!({"unread": true}));
    assert_eq!(hub.topics(), 0, "a topic nobody reads is not kept");
    let (mut one, mut two) = (subscribe(&hub, "orders", Start::Now), subscribe(&hub, "orders", Start::Now));
    hub.publish("orders", "fill", Some("exec_1"), Some("A_USDT"), json!({"price": 1.5, "event": "forged"}));
    hub.publish("orders", "order_update", None, None, json!([1]));
    let mut updates = Vec::new();
    assert_eq!(one.read(10, &mut updates), Ok(More::No));
    assert_eq!(&*updates[0].json, r#"{"event":"fill","session_id":"exec_1","symbol":"A_USDT","price":1.5}"#);
    assert_eq!(&*updates[1].json, r#"{"event":"order_update","value":[1]}"#);
    assert_eq!(read(&mut two), Ok(vec![START + 1, START + 2]));
    assert_eq!(read(&mut two), Ok(vec![]));
    hub.publish("orders", "fill", None, None, Value::Null);
    assert_eq!(read(&mut two), Ok(vec![START + 3]));
}

#[test]
fn who_is_too_slow_is_told_and_who_comes_back_goes_on() {
    let hub = hub(4);
    let mut slow = subscribe(&hub, "orders", Start::Now);
    for _ in 0..5 {
        hub.publish("orders", "fill", None, None, Value::Null);
    }
    assert_eq!(read(&mut slow), Err(FellBehind));
    let mut back = subscribe(&hub, "orders", Start::After(START + 1));
    assert!(back.resumed());
    assert_eq!(read(&mut back), Ok((START + 2..=START + 5).collect()));
    for lost in [START, START + 6, 0, u64::MAX] {
        let mut lost = subscribe(&hub, "orders", Start::After(lost));
        assert!(!lost.resumed());
        assert_eq!((lost.seen(), read(&mut lost)), (START + 5, Ok(vec![])));
    }
}

#[test]
fn large_updates_push_old_ones_out() {
    let hub = hub(100);
    let mut cursor = subscribe(&hub, "orders", Start::Now);
    hub.publish("orders", "fill", None, None, json!({"text": "x".repeat(TOPIC_BYTES / 2)}));
    hub.publish("orders", "fill", None, None, json!({"text": "x".repeat(TOPIC_BYTES / 2)}));
    assert_eq!(read(&mut cursor), Err(FellBehind));
    assert_eq!(read(&mut subscribe(&hub, "orders", Start::After(START + 1))), Ok(vec![START + 2]));
}

#[test]
fn a_finished_session_leaves_when_nobody_reads_it() {
    let hub = hub(8);
    let mut cursor = subscribe(&hub, "session/exec_1", Start::Now);
    let values = subscribe(&hub, "market_data", Start::Now);
    hub.publish("session/exec_1", "session_completed", Some("exec_1"), None, Value::Null);
    for session in ["exec_1", "exec_2"] {
        hub.publish("market_data", "tick", Some(session), Some("A_USDT"), Value::Null);
    }
    hub.end_session("exec_1");
    assert_eq!((hub.topics(), read(&mut cursor)), (2, Ok(vec![START + 1])), "who reads it reads to the end");
    drop(cursor);
    assert_eq!(hub.topics(), 1);
    assert_eq!(
        read(&mut subscribe(&hub, "market_data", Start::Now)),
        Ok(vec![START + 2]),
        "values of others stay"
    );
    drop(values);
    let again = subscribe(&hub, "session/exec_1", Start::After(START));
    assert!(!again.resumed() && again.seen() > START, "numbers are never given twice");
    hub.end_session("exec_1");
    drop(again);
    subscribe(&hub, "session/exec_2", Start::Now);
    hub.end_session("exec_2");
    assert_eq!(hub.topics(), 1);
}

#[test]
fn topics_are_bounded() {
    let hub = hub(8);
    let name = |n: usize| format!("session/exec_{n}");
    let mut held: Vec<Cursor> = (0..HUB_TOPICS).map(|n| subscribe(&hub, &name(n), Start::Now)).collect();
    let refused = hub.subscribe("one_more", Filter::default(), Start::Now, &Arc::default()).unwrap_err();
    assert_eq!((refused.kind, refused.code), (RefusalKind::TooMany, "too_many_topics"));
    for n in 0..HUB_TOPICS / 2 {
        hub.publish(&name(n), "fill", None, None, Value::Null);
    }
    held.truncate(10);
    assert_eq!(hub.topics(), HUB_TOPICS / 2, "what nothing was published in is not kept");
    for n in HUB_TOPICS / 2..HUB_TOPICS {
        held.push(subscribe(&hub, &name(n), Start::Now));
    }
    held.push(subscribe(&hub, "one_more", Start::Now));
    assert_eq!(hub.topics(), HUB_TOPICS / 2 + 11, "what nobody reads makes room");
}

#[test]
fn filters_skip_without_losing_the_place() {
    let hub = hub(8);
    let filter = Filter { session_id: Some("exec_1".into()), symbols: vec!["A_USDT".into()] };
    let mut cursor = hub.subscribe("orders", filter, Start::Now, &Arc::default()).unwrap();
    for (session, symbol) in [("exec_1", "A_USDT"), ("exec_2", "A_USDT"), ("exec_1", "B_USDT")] {
        hub.publish("orders", "fill", Some(session), Some(symbol), Value::Null);
    }
    hub.publish("orders", "config_reloaded", None, None, Value::Null);
    assert_eq!(read(&mut cursor), Ok(vec![START + 1, START + 4]));
    for _ in 0..20 {
        hub.publish("orders", "fill", Some("exec_2"), None, Value::Null);
        assert_eq!(read(&mut cursor), Ok(vec![]));
    }
    assert_eq!(cursor.seen(), START + 24);
}

#[test]
fn no_wake_up_is_lost() {
    let hub = hub(8);
    let bell = Arc::<ReaderWakeup>::default();
    let mut cursor = hub.subscribe("orders", Filter::default(), Start::Now, &bell).unwrap();
    assert!(is_ready(bell.rung()), "rings for what may be there already");
    assert!(!is_ready(bell.rung()));
    hub.publish("orders", "fill", None, None, Value::Null);
    let mut run = Box::pin(hub.run());
    let mut wake = || assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    wake();
    // Published between the wakeup and the wait: the wakeup is kept.
    hub.publish("orders", "fill", None, None, Value::Null);
    wake();
    assert!(is_ready(bell.rung()) && !is_ready(bell.rung()));
    assert_eq!(read(&mut cursor), Ok(vec![START + 1, START + 2]));
    hub.publish("orders", "fill", None, None, Value::Null);
    wake();
    assert!(is_ready(bell.rung()));
}

#[test]
fn threads_publish_while_others_read() {
    const PUBLISHED: u64 = 2_000;
    let hub = hub(3 * PUBLISHED as usize);
    let mut cursors: Vec<Cursor> = (0..2).map(|_| subscribe(&hub, "orders", Start::Now)).collect();
    let publishers: Vec<_> = (0..3)
        .map(|_| {
            let hub = hub.clone();
            std::thread::spawn(move || {
                (0..PUBLISHED).for_each(|n| hub.publish("orders", "fill", None, None, json!({ "n": n })))
            })
        })
        .collect();
    for cursor in &mut cursors {
        let mut next = START + 1;
        while next <= START + 3 * PUBLISHED {
            for seq in read(cursor).unwrap() {
                assert_eq!(seq, next);
                next += 1;
            }
        }
    }
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
}

#[derive(Clone, Debug)]
enum Step {
    Publish { topic: usize, session: usize, symbol: usize },
    Subscribe { topic: usize, session: Option<usize>, after: Option<u64> },
    Read { reader: usize, most: usize },
    Leave { reader: usize },
}

const TOPICS: [&str; 2] = ["orders", "market_data"];
const SESSIONS: [&str; 2] = ["exec_1", "exec_2"];
const SYMBOLS: [&str; 3] = ["A_USDT", "B_USDT", "C_USDT"];
const RING: usize = 5;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2_usize, 0..2_usize, 0..3_usize).prop_map(|(topic, session, symbol)| Step::Publish { topic, session, symbol }),
        1 => (0..2_usize, prop::option::of(0..2_usize), prop::option::of(0..12_u64))
            .prop_map(|(topic, session, after)| Step::Subscribe { topic, session, after }),
        3 => (0..4_usize, 1..4_usize).prop_map(|(reader, most)| Step::Read { reader, most }),
        1 => (0..4_usize).prop_map(|reader| Step::Leave { reader }),
    ];
    prop::collection::vec(step, 1..120)
}

/// Reference model: everything ever published, and the position of each reader.
#[derive(Default)]
struct Model {
    published: [Vec<(usize, usize)>; 2],
    exists: [bool; 2],
}

impl Model {
    /// What a reader at `seen` gets: sequence numbers and its new position, or `None` when it fell behind.
    fn read(
        &self,
        topic: usize,
        seen: usize,
        session: Option<usize>,
        most: usize,
    ) -> Option<(Vec<u64>, usize)> {
        let all = &self.published[topic];
        if topic == 0 && seen + RING < all.len() {
            return None;
        }
        let newest: BTreeMap<_, _> = all.iter().enumerate().map(|(at, key)| (key, at)).collect();
        let kept = |at: &usize| topic == 0 || newest[&all[*at]] == *at;
        let wanted: Vec<usize> = (seen..all.len())
            .filter(kept)
            .filter(|at| session.is_none_or(|session| all[*at].0 == session))
            .collect();
        let place = wanted.get(most).copied().unwrap_or(all.len());
        Some((wanted.iter().take(most).map(|at| START + 1 + *at as u64).collect(), place))
    }
}

proptest! {
    #[test]
    fn behaves_like_a_list_of_everything(steps in steps()) {
        let hub = hub(RING);
        let mut model = Model::default();
        let mut readers: Vec<(Cursor, usize, Option<usize>, usize)> = Vec::new();
        for step in steps {
            match step {
                Step::Publish { topic, session, symbol } => {
                    hub.publish(TOPICS[topic], "fill", Some(SESSIONS[session]), Some(SYMBOLS[symbol]), Value::Null);
                    if model.exists[topic] {
                        model.published[topic].push((session, symbol));
                    }
                }
                Step::Subscribe { topic, session, after } if readers.len() < 4 => {
                    let filter = Filter { session_id: session.map(|session| SESSIONS[session].into()), symbols: Vec::new() };
                    let start = after.map_or(Start::Now, |after| Start::After(START + after));
                    let cursor = hub.subscribe(TOPICS[topic], filter, start, &Arc::default()).unwrap();
                    model.exists[topic] = true;
                    let length = model.published[topic].len();
                    // What came before the first update of a topic, nobody knows.
                    let there =
                        |after: &usize| topic == 0 && (1..=length).contains(after) && after + RING >= length;
                    let resumed = after.map(|after| after as usize).filter(there);
                    prop_assert_eq!(cursor.resumed(), resumed.is_some());
                    let seen = if topic == 1 { 0 } else { resumed.unwrap_or(length) };
                    readers.push((cursor, topic, session, seen));
                }
                Step::Read { reader, most } => {
                    let Some((cursor, topic, session, seen)) = readers.get_mut(reader) else { continue };
                    let mut updates = Vec::new();
                    let got = cursor.read(most, &mut updates).ok();
                    let expected = model.read(*topic, *seen, *session, most);
                    prop_assert_eq!(got.is_some(), expected.is_some());
                    let Some((numbers, place)) = expected else { continue };
                    prop_assert_eq!(updates.iter().map(|update| update.seq).collect::<Vec<_>>(), numbers);
                    *seen = place;
                    prop_assert_eq!(got == Some(More::No), place == model.published[*topic].len());
                }
                Step::Leave { reader } if reader < readers.len() => {
                    let (_, topic, ..) = readers.remove(reader);
                    let read = readers.iter().any(|(_, other, ..)| *other == topic);
                    model.exists[topic] &= read || !model.published[topic].is_empty();
                }
                Step::Subscribe { .. } | Step::Leave { .. } => {}
            }
        }
    }
}
