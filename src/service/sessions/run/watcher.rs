//! What a running session shows of itself after each batch of events: how far it is, what prices are.
//!
//! Invariant: at most one price of a symbol in 100 ms and one progress in 500 ms are published.

use super::event_sink::Class;
use super::progress::RateMark;
use super::running::Running;
use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::session::driver::{Flow, Progress};
use serde_json::json;

/// Between two prices of one symbol that are shown.
const PRICES_EVERY: Span = Span::from_millis(100);
/// Between two `session_progress`.
const PROGRESS_EVERY: Span = Span::from_millis(500);

/// What is done once per batch of events.
pub(in crate::service::sessions) struct Watcher<'a> {
    session: &'a Running,
    mark: RateMark,
    shows_prices: bool,
    prices: Stopwatch,
    shown: Vec<Timestamp>,
    progress: Stopwatch,
}

impl<'a> Watcher<'a> {
    pub(in crate::service::sessions) fn new(session: &'a Running, shows_prices: bool) -> Self {
        let shown = vec![Timestamp::MIN; session.table.load().len()];
        Watcher {
            session,
            mark: RateMark::new(),
            shows_prices,
            prices: Stopwatch::start(),
            shown,
            progress: Stopwatch::start(),
        }
    }

    pub(super) fn see(&mut self, progress: Progress) -> Flow {
        // A backtest waits while the disk refuses its events.
        let mut has_waited = false;
        while let Err(error) = self.session.stream.write_if_due() {
            has_waited = true;
            if self.session.pause_while_refused(&error) {
                return Flow::Stop;
            }
        }
        if has_waited {
            self.session.goes_on();
        }
        if self.session.stream.has_failed() {
            return Flow::Stop;
        }
        self.show(progress);
        Flow::Continue
    }

    /// Tells how far it is and what prices are, now and then.
    pub(in crate::service::sessions) fn show(&mut self, progress: Progress) {
        let session = self.session;
        session.progress.reach(progress, &mut self.mark);
        if self.shows_prices && self.prices.elapsed() >= PRICES_EVERY {
            self.prices = Stopwatch::start();
            self.show_prices();
        }
        if self.progress.elapsed() >= PROGRESS_EVERY {
            self.progress = Stopwatch::start();
            let progress = &session.progress;
            // Of a session with a journal, those on disk.
            let reached = session.row().0.reached;
            let fields = json!({
                "progress": progress.progress_ppm().map(|ppm| f64::from(ppm) / 10_000.0),
                "simulated_time": progress.at().map(|at| at.to_string()),
                "ticks": reached.ticks,
                "signals": reached.signals,
                "orders": reached.orders,
                "fills": reached.fills,
                "trades": reached.trades,
                "events_per_second": progress.events_per_second(),
                "eta_seconds": progress.eta_seconds(),
                // It may follow from input that is not on disk yet.
                "equity": if session.survives_a_restart() { None } else { progress.equity() },
                "currency": session.table.load().currency(),
            });
            session.stream.publish(Class::Life, "session_progress", None, fields);
        }
    }

    pub(in crate::service::sessions) fn last(&mut self, progress: Progress) {
        if progress.ticks > 0 {
            self.session.progress.reach(progress, &mut self.mark);
        }
    }

    fn show_prices(&mut self) {
        let table = self.session.table.load();
        for (symbol, spec) in table.iter() {
            let Some((price, at)) = self.session.progress.last_price(symbol) else { continue };
            if at > self.shown[symbol.index()] {
                self.shown[symbol.index()] = at;
                let fields = json!({"price": spec.price_f64(price), "timestamp": at.to_string()});
                self.session.stream.publish_price(&spec.name, fields);
            }
        }
    }
}
