//! Tests of the server side over an in-memory socket pair, with time advanced by hand.

use super::*;
use crate::auth::Role;
use crate::clock;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{STREAM_FRAGMENTS, STREAM_MESSAGE_BURST, STREAM_SUBSCRIPTIONS, TOPIC_UPDATES};
use crate::service::{DAEMON, RefusalKind};
use futures_util::{SinkExt, StreamExt};
use hyper_tungstenite::tungstenite::Message;
use hyper_tungstenite::tungstenite::protocol::Role as Side;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Accepts tokens `name` or `name:seconds`; the session `gone` does not exist.
#[derive(Default)]
struct Program {
    revoked: AtomicBool,
}

impl Backend for Program {
    fn authenticate(&self, token: &str) -> Result<Caller, Refusal> {
        let (name, seconds) = token.split_once(':').unwrap_or((token, "900"));
        match name {
            "nobody" => Err(Refusal::new(
                RefusalKind::Unauthenticated,
                "authentication_failed",
                "this token does not count",
            )),
            name => Ok(login(name, seconds.parse().unwrap())),
        }
    }

    fn is_current(&self, _: &Caller) -> bool {
        !self.revoked.load(Ordering::Relaxed)
    }

    fn now<'a>(&'a self, subscribe: &'a Subscribe) -> BoxFuture<'a, Value> {
        Box::pin(async {
            match subscribe.key.session_id.as_deref() {
                Some("busy") => std::future::pending().await,
                Some("told") => json!({"now": 7}),
                _ => Value::Null,
            }
        })
    }

    fn check(&self, subscribe: &Subscribe) -> Result<(), Refusal> {
        match subscribe.key.session_id.as_deref() {
            Some("gone") => Err(Refusal::not_found("session_not_found", "there is no session gone")),
            _ => Ok(()),
        }
    }

    fn snapshot(&self, login: &Caller, subscribe: &Subscribe) -> Result<Value, Refusal> {
        match subscribe.key.session_id.as_deref() {
            Some("broken") => Err(Refusal::new(RefusalKind::Internal, "internal_error", "secret path")),
            _ => Ok(json!({"for": &*login.name, "symbols": subscribe.symbols})),
        }
    }

    /// The log has the positions 10 to 15, which are events 1 to 6 of a session or of the daemon, and is read
    /// two at a time.
    fn missed(&self, subscribe: &Subscribe, after: u64) -> Result<Missed, Refusal> {
        if after < 9 {
            return Err(Refusal::conflict("cursor_expired", "they have been removed"));
        }
        let session_id = if subscribe.key.stream == "sessions" { DAEMON } else { "exec_1" };
        let event = |position: u64| {
            let seq = position - 9;
            let json = json!({ "seq": seq }).to_string();
            MissedEvent { session_id: session_id.to_owned(), seq, position: Some(position), json }
        };
        let position = (after + 2).min(15);
        Ok(Missed { events: (after + 1..=position).map(event).collect(), position, more: position < 15 })
    }
}

fn login(name: &str, seconds: i64) -> Caller {
    let expires = clock::now() + Span::from_seconds(seconds);
    Caller { name: name.into(), role: Role::Viewer, jti: "".into(), family: "".into(), expires }
}

struct World {
    program: Arc<Program>,
    hub: Arc<Hub>,
    streams: Arc<Streams>,
    logins: watch::Sender<()>,
    stop: watch::Sender<bool>,
}

struct Peer {
    socket: WebSocketStream<DuplexStream>,
    server: JoinHandle<()>,
}

impl World {
    fn new() -> Self {
        World::holding(STREAM_CLIENTS)
    }

    fn holding(clients_max: u32) -> Self {
        let (program, hub) =
            (Arc::<Program>::default(), Arc::new(Hub::new(Timestamp::from_micros(1_000).unwrap())));
        let (stop, stopping) = watch::channel(false);
        let logins = watch::Sender::new(());
        let streams = Arc::new(Streams::holding(
            clients_max,
            program.clone(),
            hub.clone(),
            logins.subscribe(),
            stopping,
        ));
        tokio::spawn({
            let hub = hub.clone();
            async move { hub.run().await }
        });
        World { program, hub, streams, logins, stop }
    }

    async fn connect(&self, login: Option<Caller>) -> Peer {
        let (ours, theirs) = tokio::io::duplex(16 << 10);
        let streams = self.streams.clone();
        let server = open(ours).await;
        let server = tokio::spawn(async move { streams.serve(server, login).await });
        Peer { socket: WebSocketStream::from_raw_socket(theirs, Side::Client, None).await, server }
    }

    fn fill(&self, topic: &str, session: &str, symbol: &str, n: usize) {
        self.hub.publish(topic, "fill", Some(session), Some(symbol), json!({ "n": n }));
    }
}

impl Peer {
    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("{other:?} instead of text"),
            }
        }
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        self.hear().await
    }

    async fn subscribe(&mut self, stream: &str, params: Value) -> (Value, Value) {
        let answer =
            self.ask(json!({"type": "subscribe", "stream": stream, "params": params, "id": "s"})).await;
        assert_eq!(answer["type"], "response", "{answer}");
        (answer, self.hear().await)
    }

    /// Reads to the end; returns the number of messages and the close code.
    async fn end(&mut self) -> (usize, u16) {
        let mut messages = 0;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return (messages, frame.code.into()),
                Some(Ok(Message::Text(_))) => messages += 1,
                Some(Ok(_)) => {}
                other => panic!("{other:?} instead of a close frame"),
            }
        }
    }

    async fn quiet(&mut self) {
        assert!(timeout(Duration::from_secs(1), self.hear()).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_comes_first() {
    let world = World::new();
    let mut peer = world.connect(None).await;
    let refused = peer.ask(json!({"type": "subscribe", "stream": "sessions", "id": "1"})).await;
    assert_eq!(
        (&refused["type"], &refused["id"], &refused["error_code"]),
        (&json!("error"), &json!("1"), &json!("not_authenticated"))
    );
    assert_eq!(
        peer.ask(json!({"type": "auth", "token": "nobody"})).await["error_code"],
        "authentication_failed"
    );
    let welcome = peer.ask(json!({"type": "auth", "token": "ann", "id": "2"})).await;
    assert_eq!(
        (&welcome["id"], &welcome["data"]["username"], &welcome["data"]["role"]),
        (&json!("2"), &json!("ann"), &json!("viewer"))
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(peer.ask(json!({"type": "ping", "id": "3"})).await["data"]["timestamp"].is_string());

    let mut late = world.connect(None).await;
    assert!(timeout(Duration::from_millis(4_900), late.hear()).await.is_err());
    assert_eq!(timeout(Duration::from_millis(200), late.end()).await.unwrap(), (0, 4401));
    let mut guessing = world.connect(None).await;
    for _ in 0..3 {
        guessing.say(json!({"type": "auth", "token": "nobody"})).await;
    }
    assert_eq!(guessing.end().await, (3, 4401));
}

#[tokio::test(start_paused = true)]
async fn sessions_that_take_their_time_keep_no_other_client_waiting() {
    let world = World::new();
    let mut waiting = Vec::new();
    for _ in 0..=STREAM_BLOCKING {
        let mut peer = world.connect(Some(login("ann", 900))).await;
        let subscribe = json!({"type": "subscribe", "stream": "session", "params": {"session_id": "busy"}});
        peer.say(subscribe).await;
        waiting.push(peer);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut other = world.connect(None).await;
    let welcome = other.ask(json!({"type": "auth", "token": "ann:900", "id": "1"}));
    let welcome = timeout(Duration::from_secs(1), welcome).await.unwrap();
    assert_eq!(welcome["data"]["username"], "ann");
    let (_, snapshot) = other.subscribe("session", json!({"session_id": "told"})).await;
    assert_eq!(snapshot["data"], json!({"for": "ann", "symbols": [], "now": 7}));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_and_then_updates_without_a_hole() {
    let world = World::new();
    let mut peer = world.connect(Some(login("ann", 900))).await;
    let (answer, snapshot) = peer.subscribe("orders", json!({})).await;
    assert_eq!(
        answer,
        json!({"type": "response", "id": "s", "data": {"stream": "orders", "resumed": false}})
    );
    assert_eq!(
        snapshot,
        json!({"type": "snapshot", "stream": "orders", "seq": 1_000, "data": {"for": "ann", "symbols": []}})
    );
    for n in 0..200 {
        world.fill("orders", "exec_1", "A_USDT", n);
    }
    for n in 0..200 {
        let update = peer.hear().await;
        let data = json!({"event": "fill", "session_id": "exec_1", "symbol": "A_USDT", "n": n});
        assert_eq!(update, json!({"type": "update", "stream": "orders", "seq": 1_001 + n, "data": data}));
    }
    assert_eq!(peer.ask(json!({"type": "unsubscribe", "stream": "orders", "id": "u"})).await["id"], "u");
    world.fill("orders", "exec_1", "A_USDT", 0);
    peer.quiet().await;
    assert_eq!(
        peer.ask(json!({"type": "unsubscribe", "stream": "orders"})).await["error_code"],
        "not_subscribed"
    );
    // A second subscription of the same stream replaces the first.
    peer.subscribe("orders", json!({})).await;
    peer.subscribe("orders", json!({})).await;
    world.fill("orders", "exec_1", "A_USDT", 1);
    assert_eq!(peer.hear().await["seq"], 1_202);
    peer.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_goes_on_or_starts_anew() {
    let world = World::new();
    let mut first = world.connect(Some(login("ann", 900))).await;
    first.subscribe("session", json!({"session_id": "exec_1"})).await;
    for n in 0..5 {
        world.fill("session/exec_1", "exec_1", "A_USDT", n);
    }
    assert_eq!(first.hear().await["seq"], 1_001);
    drop(first);
    let mut again = world.connect(Some(login("ann", 900))).await;
    let (answer, update) =
        again.subscribe("session", json!({"session_id": "exec_1", "resume_from": 1_003})).await;
    assert_eq!(answer["data"], json!({"stream": "session", "session_id": "exec_1", "resumed": true}));
    assert_eq!(
        (&update["type"], &update["seq"], &update["session_id"]),
        (&json!("update"), &json!(1_004), &json!("exec_1"))
    );
    let mut stale = world.connect(Some(login("ann", 900))).await;
    for from in [5, 999_999] {
        let (answer, snapshot) =
            stale.subscribe("session", json!({"session_id": "exec_1", "resume_from": from})).await;
        assert_eq!((&answer["data"]["resumed"], &snapshot["seq"]), (&json!(false), &json!(1_005)));
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_late_goes_on_from_the_event_log() {
    let world = World::new();
    world.hub.log.reached(15);
    let tell = |seq| world.hub.publish("orders", "fill", Some("exec_1"), None, json!({ "seq": seq }));
    let mut peer = world.connect(Some(login("ann", 900))).await;
    let missed = json!({"resume_from": 5, "resume_after": 10});
    let (answer, first) = peer.subscribe("orders", missed).await;
    assert_eq!(answer["data"]["resumed"], true);
    // They were written and are published while the log is sent: none comes twice.
    (5..=7).for_each(tell);
    let mut heard = vec![first];
    while heard.len() < 6 {
        heard.push(peer.hear().await);
    }
    for (index, update) in heard.iter().enumerate() {
        let (offset, is_new) = (index as u64, index == 5);
        assert_eq!(update["data"]["seq"], 2 + offset, "{update}");
        assert_eq!(update["seq"], 1 + offset);
        assert_eq!(update["cursor"], if is_new { 1_003 } else { 0 });
        assert_eq!(update["position"], if is_new { 15 } else { 11 + offset });
    }
    peer.quiet().await;
    // What is in memory comes from there, and what is not in the log any more with a snapshot.
    let (answer, update) = peer.subscribe("orders", json!({"resume_from": 1_002, "resume_after": 9})).await;
    assert_eq!((&answer["data"]["resumed"], &update["data"]["seq"]), (&json!(true), &json!(7)));
    let (answer, snapshot) = peer.subscribe("orders", json!({"resume_after": 3})).await;
    assert_eq!((&answer["data"]["resumed"], &snapshot["position"]), (&json!(false), &json!(15)));
    // Prices are not in the log.
    let (answer, snapshot) = peer.subscribe("market_data", json!({"resume_after": 10})).await;
    assert_eq!((&answer["data"]["resumed"], &snapshot["position"]), (&json!(false), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn events_of_the_daemon_come_once_to_who_comes_back() {
    let world = World::new();
    let tell = |fields| world.hub.publish("sessions", "config_reloaded", Some(DAEMON), None, fields);
    let mut peer = world.connect(Some(login("ann", 900))).await;
    let (answer, first) = peer.subscribe("sessions", json!({"resume_after": 10})).await;
    assert_eq!(answer["data"]["resumed"], true);
    // The first two are also sent from the log.
    (5..=7).for_each(|seq| tell(json!({ "seq": seq })));
    // The disk refused it, so it has no number.
    tell(json!({}));
    let mut seqs = vec![first["data"]["seq"].as_u64()];
    while seqs.len() < 7 {
        seqs.push(peer.hear().await["data"]["seq"].as_u64());
    }
    assert_eq!(seqs, [Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), None]);
    peer.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn filtered_streams_count_for_themselves_and_resume() {
    let world = World::new();
    let mut peer = world.connect(Some(login("ann", 900))).await;
    let params = json!({"session_id": "exec_1", "symbols": ["A_USDT"]});
    let (_, snapshot) = peer.subscribe("orders", params).await;
    assert_eq!(
        (&snapshot["session_id"], &snapshot["data"]["symbols"]),
        (&json!("exec_1"), &json!(["A_USDT"]))
    );
    let publish = |n| {
        world.fill("orders", "exec_2", "A_USDT", n);
        world.fill("orders", "exec_1", "B_USDT", n);
        world.fill("orders", "exec_1", "A_USDT", n);
    };
    (0..3).for_each(publish);
    for n in 0..3 {
        let update = peer.hear().await;
        assert_eq!(
            (&update["seq"], &update["cursor"], &update["data"]["n"]),
            (&json!(1_001 + n), &json!(1_003 + 3 * n), &json!(n))
        );
    }
    let params = json!({"session_id": "exec_1", "symbols": ["A_USDT"], "resume_from": 1_006});
    let (answer, update) = peer.subscribe("orders", params).await;
    assert_eq!(
        (&answer["data"]["resumed"], &update["data"]["n"], &update["seq"]),
        (&json!(true), &json!(2), &json!(1_007))
    );
}

#[tokio::test(start_paused = true)]
async fn market_data_is_conflated() {
    let world = World::new();
    let mut peer = world.connect(Some(login("ann", 900))).await;
    peer.subscribe("market_data", json!({})).await;
    for n in 0..1_000 {
        world.hub.publish("market_data", "tick", None, Some("A_USDT"), json!({ "n": n }));
        world.hub.publish("market_data", "tick", None, Some("B_USDT"), json!({ "n": n }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut heard = Vec::new();
    while let Ok(update) = timeout(Duration::from_secs(1), peer.hear()).await {
        heard.push(update);
    }
    assert!((18..=24).contains(&heard.len()), "{} updates of two symbols in a second", heard.len());
    for (index, update) in heard.iter().enumerate() {
        assert_eq!((&update["seq"], &update["cursor"]), (&json!(index + 1), &Value::Null));
    }
    let last = |symbol| {
        heard.iter().rfind(|update| update["data"]["symbol"] == symbol).unwrap()["data"]["n"].clone()
    };
    assert_eq!((last("A_USDT"), last("B_USDT")), (json!(999), json!(999)));
    // A later subscriber gets the latest values at once.
    let mut late = world.connect(Some(login("ben", 900))).await;
    let (_, snapshot) = late.subscribe("market_data", json!({"symbols": ["B_USDT"]})).await;
    assert_eq!((&snapshot["seq"], &late.hear().await["data"]["n"]), (&json!(0), &json!(999)));
}

#[tokio::test(start_paused = true)]
async fn a_login_ends() {
    let world = World::new();
    let mut peer = world.connect(Some(login("ann", 60))).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(peer.ask(json!({"type": "auth", "token": "ben"})).await["error_code"], "user_changed");
    assert_eq!(peer.ask(json!({"type": "auth", "token": "ann:120"})).await["type"], "response");
    assert!(timeout(Duration::from_secs(100), peer.hear()).await.is_err());
    assert_eq!(timeout(Duration::from_secs(21), peer.end()).await.unwrap(), (0, 4401));
    let mut revoked = world.connect(Some(login("ann", 900))).await;
    let other = world.connect(None).await;
    world.logins.send_replace(());
    assert_eq!(revoked.ask(json!({"type": "ping"})).await["type"], "response", "somebody else's login ended");
    world.program.revoked.store(true, Ordering::Relaxed);
    world.logins.send_replace(());
    assert_eq!(timeout(Duration::from_millis(100), revoked.end()).await.unwrap(), (0, 4401));
    assert!(!other.server.is_finished(), "who has no login yet has none that ended");
}

#[tokio::test(start_paused = true)]
async fn silent_clients_go_and_others_stay() {
    let world = World::new();
    let mut there = world.connect(Some(login("ann", 9_000))).await;
    let silent = world.connect(Some(login("ben", 9_000))).await;
    // Reading answers pings.
    assert!(timeout(Duration::from_secs(59), there.hear()).await.is_err());
    assert!(!silent.server.is_finished());
    assert!(timeout(Duration::from_secs(13), there.hear()).await.is_err());
    assert!(silent.server.is_finished());
    assert!(timeout(Duration::from_secs(300), there.hear()).await.is_err());
    assert_eq!(there.ask(json!({"type": "ping"})).await["type"], "response");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_closed_and_nobody_else_notices() {
    let world = World::new();
    let mut slow = world.connect(Some(login("ann", 900))).await;
    let mut quick = world.connect(Some(login("ben", 900))).await;
    slow.subscribe("orders", json!({})).await;
    quick.subscribe("orders", json!({})).await;
    for n in 0..1_000 {
        world.fill("orders", "exec_1", "A_USDT", n);
        assert_eq!(quick.hear().await["seq"], 1_001 + n);
    }
    assert!(!slow.server.is_finished());
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(slow.server.is_finished(), "a send that takes longer than 5 s");
    world.fill("orders", "exec_1", "A_USDT", 0);
    assert_eq!(quick.hear().await["seq"], 2_001);

    let mut behind = world.connect(Some(login("ann", 900))).await;
    behind.subscribe("orders", json!({})).await;
    for n in 0..TOPIC_UPDATES + 1 {
        world.fill("orders", "exec_1", "A_USDT", n);
    }
    assert_eq!(behind.end().await, (0, 1013));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_protocol_closes_with_its_code() {
    let world = World::new();
    let login = Some(login("ann", 900));
    let mut binary = world.connect(login.clone()).await;
    binary.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(binary.end().await, (0, 1003));
    let mut large = world.connect(login.clone()).await;
    large.socket.feed(Message::text(" ".repeat((64 << 10) + 1))).await.unwrap();
    assert_eq!(large.end().await, (0, 1009));
    let mut fits = world.connect(login.clone()).await;
    let id = "x".repeat((64 << 10) - 24);
    assert_eq!(fits.ask(json!({"type": "ping", "id": id})).await["error_code"], "invalid_request");
    let masked = |opcode: u8, payload: &[u8]| {
        [&[0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    };
    let too_long = [&[0x81, 0xfe, 0, 2, 0, 0, 0, 0], &b"{}"[..]].concat();
    let endless =
        [vec![0x01, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0].repeat(STREAM_FRAGMENTS as usize)].concat();
    for (bytes, code) in [
        (masked(1, b"\xff\xfe"), 1007),
        (masked(3, b""), 1002),
        (vec![0x81, 0x02, b'{', b'}'], 1002),
        (too_long, 1002),
        (endless, 1002),
        (masked(9, b"").repeat(2 * STREAM_MESSAGE_BURST as usize), 1008),
    ] {
        let mut raw = world.connect(login.clone()).await;
        raw.socket.get_mut().write_all(&bytes).await.unwrap();
        assert_eq!(raw.end().await, (0, code), "{bytes:x?}");
    }
    let mut polite = world.connect(login).await;
    polite.socket.close(None).await.unwrap();
    polite.server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_says_so() {
    let world = World::new();
    let (mut anonymous, mut peer) = (world.connect(None).await, world.connect(Some(login("ann", 900))).await);
    peer.subscribe("orders", json!({})).await;
    assert!(timeout(Duration::from_secs(1), world.streams.ended()).await.is_err());
    world.stop.send(true).unwrap();
    assert_eq!((anonymous.end().await, peer.end().await), ((0, 1012), (0, 1012)));
    world.streams.ended().await;
}

#[tokio::test(start_paused = true)]
async fn clients_are_counted() {
    let world = World::holding(2);
    let mut held = [world.connect(None).await, world.connect(None).await];
    tokio::task::yield_now().await;
    assert_eq!(held[0].ask(json!({"type": "ping"})).await["error_code"], "not_authenticated");
    assert_eq!(world.connect(None).await.end().await, (0, 1013));
    let [first, _second] = held;
    drop(first.socket);
    first.server.await.unwrap();
    assert_eq!(world.connect(None).await.ask(json!({"type": "ping"})).await["type"], "error");
}

#[tokio::test(start_paused = true)]
async fn bad_messages_are_answered_and_change_nothing() {
    let world = World::new();
    let mut peer = world.connect(Some(login("ann", 900))).await;
    let refused = peer.ask(json!({"type": "subscribe", "stream": "order", "id": "7", "extra": 1})).await;
    assert_eq!((&refused["id"], &refused["error_code"]), (&json!("7"), &json!("invalid_request")));
    assert_eq!(refused["details"]["problems"].as_array().unwrap().len(), 2);
    for (stream, params, code) in [
        ("session", json!({"session_id": "gone"}), "session_not_found"),
        ("orders", json!({"session_id": "gone"}), "session_not_found"),
        ("session", json!({"session_id": "gone", "resume_after": 10}), "session_not_found"),
        // A number that every new topic begins with.
        ("session", json!({"session_id": "gone", "resume_from": 1_000}), "session_not_found"),
        ("session", json!({"session_id": "broken"}), "internal_error"),
    ] {
        let refused = peer.ask(json!({"type": "subscribe", "stream": stream, "params": params})).await;
        assert_eq!(refused["error_code"], code);
        assert!(!refused.to_string().contains("secret"));
    }
    for n in 0..STREAM_SUBSCRIPTIONS {
        peer.subscribe("session", json!({"session_id": format!("exec_{n}")})).await;
    }
    let refused = peer.ask(json!({"type": "subscribe", "stream": "orders"})).await;
    assert_eq!(refused["error_code"], "too_many_subscriptions");
    assert_eq!(world.hub.topics(), STREAM_SUBSCRIPTIONS, "what was refused leaves nothing behind");
    drop(peer);
}

#[tokio::test]
async fn an_idle_client_is_small_and_can_move_between_threads() {
    fn sendable<F: Send>(future: F) -> F {
        future
    }
    type Upgraded = hyper_util::rt::TokioIo<hyper::upgrade::Upgraded>;
    let _ = |streams: &'static Streams, socket: WebSocketStream<Upgraded>| {
        drop(sendable(streams.serve(socket, None)))
    };
    let world = World::new();
    let (ours, _theirs) = tokio::io::duplex(64);
    let server = WebSocketStream::from_raw_socket(ours, Side::Server, Some(protocol())).await;
    let bytes = size_of_val(&sendable(world.streams.serve(server, None)));
    assert!(bytes < 4_096, "{bytes} bytes");
}
