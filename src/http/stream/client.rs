//! One WebSocket client: reads its messages, sends what it subscribed to and closes the connection.

use super::command::{self, Action, StreamKey, Subscribe};
use super::protocol::StreamEntry;
use super::{Backend, Missed, Streams, message, protocol};
use crate::clock;
use crate::http::rate::Bucket;
use crate::limits::{
    STREAM_BATCH, STREAM_LOGIN_ATTEMPTS, STREAM_MESSAGE_BURST, STREAM_MESSAGES_PER_SECOND, STREAM_OUT_BYTES,
    STREAM_SUBSCRIPTIONS, TOPIC_VALUES,
};
use crate::service::hub::{Cursor, More, ReaderWakeup, Start, Update};
use crate::service::{CURSOR_EXPIRED, Caller, Refusal, RefusalKind};
use futures_util::{SinkExt, StreamExt};
use hyper_tungstenite::WebSocketStream;
use hyper_tungstenite::tungstenite::protocol::CloseFrame;
use hyper_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use hyper_tungstenite::tungstenite::{Error, Message, error::ProtocolError};
use serde_json::Value;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long a client without a login may take to send `auth`.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval of the keep-alive check; every second one sends a ping.
const BEAT: Duration = Duration::from_secs(10);

/// Missed checks after which the client counts as gone.
const SILENT_BEATS_MAX: u32 = 6;

/// Pause between two reads of conflated streams: at most ten values a second per symbol.
const PACE: Duration = Duration::from_millis(100);

/// How long a client may leave sent data unread.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long, and how many bytes, we still read after closing, so that the close code reaches the client.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// Upper bound of the login timer.
const LOGIN_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Why the connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client has closed the connection or is gone.
    Gone,
    /// We close it, with code and reason.
    Close(u16, &'static str),
}

/// What the client task waits for.
enum ClientEvent {
    Received(Option<Result<Message, Error>>),
    /// One of its topics has new data.
    Woken,
    /// Conflated streams may be read again.
    Paced,
    /// Some login has changed.
    LoginsChanged,
    Beat,
}

const RESTART: End = End::Close(1012, "the daemon stops; connect again in a moment");
const SLOW: End = End::Close(1013, "too slow: updates were not read in time; connect and subscribe again");
const LOST: End =
    End::Close(1013, "what was missed could not be read from the event log; connect and subscribe again");
const FULL: End = End::Close(1013, "too many WebSocket clients; try again later");
const NO_PROTOCOL: End = End::Close(1002, "not the WebSocket protocol");
const TOO_MANY: End = End::Close(1008, "too many messages: a client sends at most 50 a second");
const EXPIRED: End =
    End::Close(4401, "the login has ended; send an auth message with a new token before it does");
const NO_LOGIN: End = End::Close(4401, "no login: send {\"type\":\"auth\",\"token\":…} first");

struct Subscription {
    key: StreamKey,
    cursor: Cursor,
    /// Sequence number of the last update sent.
    seq: u64,
    /// What is sent from the event log first.
    missed: Option<Behind>,
    /// Numbers of the last events of sessions that were sent from there: those among the updates are left
    /// out.
    told: HashMap<String, u64>,
}

/// A stream that is sent from the event log.
struct Behind {
    subscribe: Subscribe,
    next: Missed,
}

/// How a subscription begins.
enum SubscriptionStart {
    /// Behind the last update the client has.
    Resumed,
    /// Behind the last event of the log it has.
    Behind(Behind),
    /// With what is true now, and the position of the log that it contains.
    Anew(Value, Option<u64>),
}

struct Client<'s, T> {
    streams: &'s Streams,
    socket: WebSocketStream<T>,
    wakeup: Arc<ReaderWakeup>,
    login: Option<Caller>,
    /// The login has changed; the timer must be reset.
    renewed: bool,
    refused_logins: usize,
    /// Rate limit of incoming messages.
    messages: Bucket,
    subscriptions: Vec<Subscription>,
    silent_beats: u32,
    /// Conflated streams have just been read.
    read_latest: bool,
    /// They were read less than [`PACE`] ago.
    paced: bool,
}

pub(super) async fn serve<T>(streams: &Streams, socket: WebSocketStream<T>, login: Option<Caller>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = Client {
        streams,
        socket,
        wakeup: Arc::default(),
        login,
        renewed: false,
        refused_logins: 0,
        messages: Bucket::default(),
        subscriptions: Vec::new(),
        silent_beats: 0,
        read_latest: false,
        paced: false,
    };
    let slot = streams.clients.try_acquire();
    let end = if slot.is_ok() { client.run().await } else { FULL };
    // Boxed, like everything rare, to keep the future of an idle client small.
    Box::pin(client.close(end)).await;
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<'_, T> {
    async fn run(&mut self) -> End {
        let (mut stopping, mut logins) = (self.streams.stopping.clone(), self.streams.logins.clone());
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let mut login_ends = pin!(sleep(self.login_left()));
        let mut pace = pin!(sleep(Duration::ZERO));
        loop {
            let event = tokio::select! {
                () = stopped(&mut stopping) => return RESTART,
                () = &mut login_ends => return if self.login.is_some() { EXPIRED } else { NO_LOGIN },
                received = self.socket.next() => ClientEvent::Received(received),
                () = self.wakeup.rung() => ClientEvent::Woken,
                () = &mut pace, if self.paced => ClientEvent::Paced,
                Ok(()) = logins.changed() => ClientEvent::LoginsChanged,
                _ = beat.tick() => ClientEvent::Beat,
            };
            let done = match event {
                ClientEvent::Received(received) => self.receive(received).await,
                ClientEvent::Woken => self.deliver().await,
                ClientEvent::Paced => {
                    self.paced = false;
                    self.deliver().await
                }
                ClientEvent::LoginsChanged => self.check_login(),
                ClientEvent::Beat => self.beat().await,
            };
            if let Err(end) = done {
                return end;
            }
            if std::mem::take(&mut self.read_latest) {
                self.paced = true;
                pace.set(sleep(PACE));
            }
            if std::mem::take(&mut self.renewed) {
                login_ends.set(sleep(self.login_left()));
            }
        }
    }

    /// Time left until the login expires.
    fn login_left(&self) -> Duration {
        match &self.login {
            None => LOGIN_TIMEOUT,
            Some(login) => {
                let left = (login.expires - clock::now()).nanos().max(0).unsigned_abs();
                Duration::from_nanos(left).min(LOGIN_MAX)
            }
        }
    }

    async fn receive(&mut self, received: Option<Result<Message, Error>>) -> Result<(), End> {
        self.silent_beats = 0;
        if matches!(received, Some(Ok(_)))
            && self.messages.take(clock::now(), STREAM_MESSAGES_PER_SECOND, STREAM_MESSAGE_BURST).is_err()
        {
            return Err(TOO_MANY);
        }
        match received {
            Some(Ok(Message::Text(text))) => Box::pin(self.command(&text)).await,
            Some(Ok(Message::Binary(_))) => Err(End::Close(1003, "only text messages are accepted")),
            // The library answers pings itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(Error::Capacity(_))) => Err(End::Close(1009, "a message has at most 64 KiB")),
            Some(Err(Error::Utf8(_))) => Err(End::Close(1007, "text must be UTF-8")),
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Err(End::Gone),
            Some(Err(Error::Protocol(_))) => Err(NO_PROTOCOL),
            // Invalid frames, detected before the library parsed them.
            Some(Err(Error::Io(error))) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(NO_PROTOCOL)
            }
            Some(Err(_)) => Err(End::Gone),
        }
    }

    async fn beat(&mut self) -> Result<(), End> {
        self.silent_beats += 1;
        if self.silent_beats > SILENT_BEATS_MAX {
            return Err(End::Close(1001, "no answer for 60 seconds"));
        }
        if self.silent_beats % 2 == 0 {
            self.feed(Message::Ping(Default::default())).await?;
            self.flush().await?;
        }
        Ok(())
    }

    fn check_login(&self) -> Result<(), End> {
        let ended = self.login.as_ref().is_some_and(|login| !self.streams.backend.is_current(login));
        if ended { Err(EXPIRED) } else { Ok(()) }
    }

    async fn command(&mut self, text: &str) -> Result<(), End> {
        let command = command::read(text);
        let id = command.id.as_deref();
        let answered = match command.action {
            Err(problems) => Err(command::unusable(problems)),
            Ok(Action::Auth { token }) => self.log_in(token).await.map(|login| message::welcome(id, &login)),
            Ok(_) if self.login.is_none() => Err(Refusal::new(
                RefusalKind::Unauthenticated,
                "not_authenticated",
                "log in first: send {\"type\":\"auth\",\"token\":…}",
            )),
            Ok(Action::Subscribe(subscribe)) => return self.subscribe(id, subscribe).await,
            Ok(Action::Unsubscribe(key)) => self.unsubscribe(&key).map(|()| message::unsubscribed(id, &key)),
            Ok(Action::Ping) => Ok(message::pong(id, clock::now())),
        };
        match answered {
            Ok(text) => self.send(text).await,
            Err(refusal) => self.refuse(id, &refusal).await,
        }?;
        if self.refused_logins >= STREAM_LOGIN_ATTEMPTS { Err(NO_LOGIN) } else { Ok(()) }
    }

    async fn log_in(&mut self, token: String) -> Result<Caller, Refusal> {
        let login = match ask(self.streams, move |backend| backend.authenticate(&token)).await {
            Ok(login) => login,
            Err(refusal) => {
                self.refused_logins += 1;
                return Err(refusal);
            }
        };
        if self.login.as_ref().is_some_and(|before| before.name != login.name) {
            let message = "this connection belongs to another user; open a new one";
            return Err(Refusal::new(RefusalKind::Forbidden, "user_changed", message));
        }
        self.refused_logins = 0;
        self.login = Some(login.clone());
        self.renewed = true;
        Ok(login)
    }

    async fn subscribe(&mut self, id: Option<&str>, subscribe: Subscribe) -> Result<(), End> {
        let key = subscribe.key.clone();
        let (cursor, opened) = match self.open(subscribe).await {
            Ok(opened) => opened,
            Err(refusal) => return self.refuse(id, &refusal).await,
        };
        let is_behind = matches!(opened, SubscriptionStart::Behind(_));
        let seq = if cursor.is_conflated() || is_behind { 0 } else { cursor.seen() };
        self.send(message::subscribed(id, &key, !matches!(opened, SubscriptionStart::Anew(..)))).await?;
        let missed = match opened {
            SubscriptionStart::Resumed => None,
            SubscriptionStart::Behind(behind) => Some(behind),
            SubscriptionStart::Anew(state, position) => {
                self.send(message::snapshot(&key, seq, position, &state)).await?;
                None
            }
        };
        self.subscriptions.retain(|known| known.key != key);
        self.subscriptions.push(Subscription { key, cursor, seq, missed, told: HashMap::new() });
        self.deliver().await
    }

    /// Opens a cursor of the topic, and takes a snapshot unless the client resumes. The cursor comes first,
    /// so that no update between the two is lost.
    async fn open(&mut self, subscribe: Subscribe) -> Result<(Cursor, SubscriptionStart), Refusal> {
        let replaces = self.subscriptions.iter().any(|known| known.key == subscribe.key);
        if !replaces && self.subscriptions.len() == STREAM_SUBSCRIPTIONS {
            let message = format!(
                "a connection has at most {STREAM_SUBSCRIPTIONS} subscriptions; unsubscribe from one first"
            );
            return Err(Refusal::new(RefusalKind::TooMany, "too_many_subscriptions", message));
        }
        if subscribe.key.session_id.is_some() {
            // Also of one that resumes: it takes no snapshot, which would tell.
            let wanted = subscribe.clone();
            ask(self.streams, move |backend| backend.check(&wanted)).await?;
        }
        let is_logged = protocol::stream(subscribe.key.stream).is_some_and(StreamEntry::is_logged);
        let position = self.streams.hub.log.published();
        let position = (is_logged && position > 0).then_some(position);
        let start = subscribe.resume_from.map_or(Start::Now, Start::After);
        let cursor =
            self.streams.hub.subscribe(&subscribe.topic(), subscribe.filter(), start, &self.wakeup)?;
        if cursor.resumed() {
            return Ok((cursor, SubscriptionStart::Resumed));
        }
        if let Some(after) = subscribe.resume_after.filter(|_| is_logged) {
            let wanted = subscribe.clone();
            match ask(self.streams, move |backend| backend.missed(&wanted, after)).await {
                Ok(next) => return Ok((cursor, SubscriptionStart::Behind(Behind { subscribe, next }))),
                Err(refusal) if refusal.code == CURSOR_EXPIRED => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let Some(login) = self.login.clone() else {
            return Err(Refusal::new(RefusalKind::Unauthenticated, "not_authenticated", "log in first"));
        };
        // Without a permit: a session that takes its time must not keep other clients from theirs.
        let now = self.streams.backend.now(&subscribe).await;
        let mut state = ask(self.streams, move |backend| backend.snapshot(&login, &subscribe)).await?;
        if let (Value::Object(state), Value::Object(now)) = (&mut state, now) {
            state.extend(now);
        }
        Ok((cursor, SubscriptionStart::Anew(state, position)))
    }

    fn unsubscribe(&mut self, key: &StreamKey) -> Result<(), Refusal> {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|known| known.key != *key);
        match self.subscriptions.len() < before {
            true => Ok(()),
            false => Err(Refusal::not_found(
                "not_subscribed",
                format!("there is no subscription of {} to end", key.stream),
            )),
        }
    }

    /// Sends new updates, a limited number per stream at a time.
    async fn deliver(&mut self) -> Result<(), End> {
        let mut updates = Vec::new();
        let mut sent = false;
        // What is published up to here is read below.
        let published = self.streams.hub.log.published();
        for index in 0..self.subscriptions.len() {
            if self.subscriptions[index].missed.is_some() {
                Box::pin(self.go_on(index)).await?;
                continue;
            }
            let subscription = &mut self.subscriptions[index];
            let latest = subscription.cursor.is_conflated();
            if latest && self.paced {
                continue;
            }
            let most = if latest { TOPIC_VALUES } else { STREAM_BATCH };
            let more = subscription.cursor.read(most, &mut updates).map_err(|_| SLOW)?;
            if more == More::Yes {
                self.wakeup.ring();
            }
            self.read_latest |= latest && !updates.is_empty();
            if !subscription.told.is_empty() {
                updates.retain(|update| !subscription.has_told(update));
            }
            let is_logged = protocol::stream(subscription.key.stream).is_some_and(StreamEntry::is_logged);
            let mut left = updates.len();
            for update in updates.drain(..) {
                let subscription = &mut self.subscriptions[index];
                subscription.seq += 1;
                left -= 1;
                let cursor = (!latest).then_some(update.seq);
                let is_last = left == 0 && more == More::No;
                let position = (is_last && is_logged && published > 0).then_some(published);
                let numbers = (cursor, position);
                let text = message::update(&subscription.key, subscription.seq, numbers, &update.json);
                self.feed(Message::text(text)).await?;
                sent = true;
            }
        }
        if sent { self.flush().await } else { Ok(()) }
    }

    /// Sends the next events that the client missed, and reads further ones.
    async fn go_on(&mut self, index: usize) -> Result<(), End> {
        let subscription = &mut self.subscriptions[index];
        let Some(Behind { subscribe, next }) = subscription.missed.take() else { return Ok(()) };
        self.wakeup.ring();
        let count = next.events.len();
        for (event, left) in next.events.into_iter().zip((0..count).rev()) {
            let subscription = &mut self.subscriptions[index];
            let told = subscription.told.entry(event.session_id).or_default();
            if *told >= event.seq {
                continue;
            }
            *told = event.seq;
            subscription.seq += 1;
            // No number among the updates: a client that leaves here goes on from the position.
            let position = if left == 0 { Some(next.position) } else { event.position };
            let numbers = (Some(0), position);
            let text = message::update(&subscription.key, subscription.seq, numbers, &event.json);
            self.feed(Message::text(text)).await?;
        }
        self.flush().await?;
        if next.more {
            let (wanted, after) = (subscribe.clone(), next.position);
            let missed = ask(self.streams, move |backend| backend.missed(&wanted, after)).await;
            let next = missed.map_err(|refusal| {
                tracing::warn!(code = refusal.code, error = %refusal.message, "a WebSocket client could not go on from the event log");
                LOST
            })?;
            self.subscriptions[index].missed = Some(Behind { subscribe, next });
        }
        Ok(())
    }

    async fn refuse(&mut self, id: Option<&str>, refusal: &Refusal) -> Result<(), End> {
        if refusal.kind == RefusalKind::Internal {
            tracing::error!(code = refusal.code, error = %refusal.message, "a request over the WebSocket failed");
        }
        self.send(message::error(id, refusal)).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        if text.len() > STREAM_OUT_BYTES {
            let bytes = text.len();
            tracing::error!(bytes, "a message is larger than a client is ever sent");
            return Err(End::Close(1011, "the answer is too large to be sent"));
        }
        self.feed(Message::text(text)).await?;
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        within(SEND_TIMEOUT, self.socket.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        within(SEND_TIMEOUT, self.socket.flush()).await
    }

    async fn close(mut self, end: End) {
        self.subscriptions.clear();
        let closing = async {
            if let End::Close(code, reason) = end {
                let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                let _ = self.socket.close(Some(frame)).await;
            }
            while let Some(Ok(_)) = self.socket.next().await {}
            if matches!(end, End::Close(..)) {
                // Closing a socket with unread bytes resets it, and the client would lose the close frame.
                let mut rest = vec![0; 4_096];
                let mut left = self.socket.get_mut().take(LINGER_BYTES);
                while left.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        };
        let _ = timeout(LINGER, closing).await;
    }
}

impl Subscription {
    /// Whether an update was sent from the event log already.
    fn has_told(&mut self, update: &Update) -> bool {
        #[derive(serde::Deserialize)]
        struct Numbered {
            seq: Option<u64>,
        }
        let Some(session) = update.session_id.as_deref() else { return false };
        let Some(last) = self.told.get(session) else { return false };
        let numbered = serde_json::from_str::<Numbered>(&update.json).ok();
        let Some(seq) = numbered.and_then(|numbered| numbered.seq) else { return false };
        if seq <= *last {
            return true;
        }
        // A session's events come in order, so all further ones are new.
        self.told.remove(session);
        false
    }
}

/// Waits until the daemon stops (or the sender is gone).
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn within(limit: Duration, send: impl Future<Output = Result<(), Error>>) -> Result<(), End> {
    match timeout(limit, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(SLOW),
    }
}

/// Calls the backend on a blocking thread; a semaphore bounds concurrent calls.
async fn ask<A, Q>(streams: &Streams, question: Q) -> Result<A, Refusal>
where
    A: Send + 'static,
    Q: FnOnce(&dyn Backend) -> Result<A, Refusal> + Send + 'static,
{
    let _slot = streams.blocking.acquire().await.expect("the semaphore is never closed");
    let backend = streams.backend.clone();
    match tokio::task::spawn_blocking(move || question(&*backend)).await {
        Ok(answer) => answer,
        Err(failed) => Err(Refusal::new(RefusalKind::Internal, "internal_error", failed.to_string())),
    }
}
