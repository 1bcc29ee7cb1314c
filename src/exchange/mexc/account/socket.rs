//! The private socket: connects, logs in, tells what comes, and connects again until its task ends.
//!
//! Invariant: nothing is told between [`AccountNews::Disconnected`] and the next [`AccountNews::Connected`].

use super::news::{AccountNews, AccountSink};
use crate::domain::time::Span;
use crate::exchange::mexc::Link;
use crate::exchange::mexc::rest::sign::Keys;
use crate::exchange::mexc::socket::{
    Backoff, PING, Patience, SocketVerdict, SocketWatch, WebSocket, connect, unzipped,
};
use crate::exchange::mexc::wire::frame::Frame;
use crate::exchange::mexc::wire::rows::Rows;
use crate::exchange::mexc::wire::{account as wire_account, envelope, number, rows as wire_rows};
use arc_swap::ArcSwap;
use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// How often it looks what is due.
const TICK: Duration = Duration::from_millis(25);

/// A login that is not answered for so long has failed.
const LOGIN: Span = Span::from_seconds(10);

/// What a frame was.
enum Said {
    LoggedIn,
    LoginRefused(String),
    Pong,
    News(Vec<AccountNews>),
    Nothing,
}

pub struct PrivateSocket {
    link: Arc<Link>,
    keys: Arc<ArcSwap<Keys>>,
    sink: Arc<dyn AccountSink>,
    backoff: Backoff,
}

impl PrivateSocket {
    pub fn new(link: Arc<Link>, keys: Arc<ArcSwap<Keys>>, sink: Arc<dyn AccountSink>) -> Self {
        let settings = &link.settings;
        let span = |ms: u64| Span::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let backoff =
            Backoff::new(span(settings.reconnect_min_ms), span(settings.reconnect_max_ms), !settings.seed);
        PrivateSocket { link, keys, sink, backoff }
    }

    /// Serves until the task is aborted.
    pub async fn serve(mut self) {
        loop {
            let reason = match connect(&self.link).await {
                Ok(stream) => self.run(stream).await,
                Err(reason) => reason,
            };
            tracing::warn!(reason, "the private socket to the exchange is lost; it is opened again");
            self.sink.news(AccountNews::Disconnected { reason });
            let wait = self.backoff.wait();
            tokio::time::sleep(Duration::from_nanos(wait.nanos().unsigned_abs())).await;
        }
    }

    /// Why it ended.
    async fn run(&mut self, mut stream: WebSocket) -> String {
        let settings = Arc::clone(&self.link.settings);
        let span = |ms: u64| Span::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let patience = Patience {
            ping: span(settings.ping_ms),
            pong: span(settings.pong_timeout_ms),
            // An account may be quiet for ever; a pong is its only sign of life.
            silence: Span::from_nanos(i64::MAX / 4),
        };
        let opened = self.link.clock.steady();
        let mut watch = SocketWatch::new(patience, opened);
        let login = self.keys.load().login(self.link.exchange_time());
        let mut outbox = vec![login];
        let mut is_logged_in = false;
        let mut timer = tokio::time::interval(TICK);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => {
                    let said = match self.receive(message) {
                        Ok(said) => said,
                        Err(reason) => return reason,
                    };
                    match said {
                        Said::LoggedIn => {
                            is_logged_in = true;
                            self.backoff.reset();
                            self.sink.news(AccountNews::Connected);
                        }
                        Said::LoginRefused(reason) => return format!("the login was refused: {reason}"),
                        Said::Pong => watch.pong(),
                        Said::News(news) => news.into_iter().for_each(|news| self.sink.news(news)),
                        Said::Nothing => {}
                    }
                }
                _ = timer.tick() => {
                    let now = self.link.clock.steady();
                    match watch.verdict(now) {
                        SocketVerdict::Ping => outbox.push(PING.to_owned()),
                        SocketVerdict::NoPong => return "no pong in time".to_owned(),
                        SocketVerdict::Fine | SocketVerdict::Silent => {}
                    }
                    if !is_logged_in && now.nanos() - opened.nanos() > LOGIN.nanos() {
                        return "the login was not answered".to_owned();
                    }
                }
            }
            for text in outbox.drain(..) {
                let sending = stream.send(Message::text(text));
                match tokio::time::timeout(Duration::from_millis(settings.pong_timeout_ms), sending).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return format!("sending failed: {error}"),
                    Err(_) => return "sending took too long".to_owned(),
                }
            }
        }
    }

    fn receive(
        &self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<Said, String> {
        match message {
            Some(Ok(Message::Text(text))) => Ok(self.text(text.as_str())),
            Some(Ok(Message::Binary(bytes))) => {
                Ok(unzipped(&bytes).map_or_else(|| self.unreadable(), |text| self.text(&text)))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Said::Nothing),
            Some(Ok(Message::Close(_))) => Err("closed by the exchange".to_owned()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("closed by the exchange without a word".to_owned()),
        }
    }

    fn unreadable(&self) -> Said {
        self.link.counters.malformed.add(1);
        Said::News(vec![AccountNews::Unreadable])
    }

    fn text(&self, text: &str) -> Said {
        if text.trim_ascii().is_empty() {
            return Said::Nothing;
        }
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return self.unreadable() };
        self.link.counters.unknown_fields.add(frame.unknown);
        let Some(channel) = frame.channel.and_then(number::text) else { return self.unreadable() };
        match (&*channel, frame.data) {
            ("pong", _) => Said::Pong,
            ("rs.login", data) if data.and_then(number::text).as_deref() == Some("success") => Said::LoggedIn,
            ("rs.login" | "rs.error", data) => {
                Said::LoginRefused(envelope::shortened(data.map_or("no reason given", RawValue::get)))
            }
            ("push.personal.order", Some(data)) => self.each(wire_rows::orders(data), AccountNews::Order),
            ("push.personal.order.deal", Some(data)) => {
                self.each(wire_account::executions(data), AccountNews::Execution)
            }
            ("push.personal.position", Some(data)) => {
                self.each(wire_account::positions(data), AccountNews::Position)
            }
            ("push.personal.stop.planorder", Some(data)) => {
                self.each(wire_account::stops(data), AccountNews::Stop)
            }
            ("push.personal.position.mode", Some(data)) => match wire_account::mode(data) {
                Ok(mode) => Said::News(vec![AccountNews::Mode(mode)]),
                Err(_) => self.unreadable(),
            },
            (
                "push.personal.adl.level"
                | "push.personal.asset"
                | "push.personal.risk.limit"
                | "push.personal.liquidate.risk"
                | "push.personal.plan.order"
                | "push.personal.stop.order"
                | "push.personal.leverage.mode"
                | "push.personal.user.state"
                | "rs.personal.filter",
                _,
            ) => Said::Nothing,
            (name, _) => {
                self.link.counters.unknown_channels.add(u64::from(name.starts_with("push.personal.")));
                Said::Nothing
            }
        }
    }

    fn each<T>(&self, rows: Result<Rows<T>, String>, news: impl Fn(T) -> AccountNews) -> Said {
        let Ok(rows) = rows else { return self.unreadable() };
        let is_whole = rows.malformed == 0;
        let mut all: Vec<AccountNews> = self.link.counted(rows).into_iter().map(news).collect();
        if !is_whole {
            all.push(AccountNews::Unreadable);
        }
        Said::News(all)
    }
}
