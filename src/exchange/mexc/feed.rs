//! The tasks that serve a subscription until it is dropped.

use super::subscription::{STREAMS, Subscription};
use super::{Link, socket};
use crate::exchange::ExchangeError;
use crate::limits;
use crate::session::ports::{MarketSink, Notice};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A running subscription: rows arrive until it is dropped.
#[must_use = "rows flow only while it lives"]
#[derive(Debug)]
pub struct MarketFeed {
    tasks: Vec<JoinHandle<()>>,
    handle: Handle,
}

impl MarketFeed {
    /// Stops the subscription and waits until no more rows can arrive. Blocks; must not be called from a task
    /// of the runtime.
    pub fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // The task ends with "cancelled", as requested.
            let _ = self.handle.block_on(task);
        }
    }
}

impl Drop for MarketFeed {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(super) fn start(
    link: &Arc<Link>,
    handle: &Handle,
    wanted: Subscription,
    inbox: Arc<dyn MarketSink>,
) -> Result<MarketFeed, ExchangeError> {
    check(&wanted)?;
    let mut tasks: Vec<JoinHandle<()>> =
        socket::of(link, &wanted, &inbox).into_iter().map(|socket| handle.spawn(socket.serve())).collect();
    tasks.push(handle.spawn(watch_clock(link.clone(), inbox)));
    Ok(MarketFeed { tasks, handle: handle.clone() })
}

/// Measures the exchange's clock periodically and publishes the offset.
async fn watch_clock(link: Arc<Link>, inbox: Arc<dyn MarketSink>) {
    let every = Duration::from_millis(link.settings.clock_every_ms.max(1_000));
    loop {
        let wait = match link.measure_clock().await {
            Ok(clock) => {
                inbox.notice(Notice::ClockOffset { offset_ns: clock.offset_ns });
                every
            }
            Err(error) => {
                tracing::debug!(%error, "the exchange's clock was not measured");
                every.min(Duration::from_secs(60))
            }
        };
        tokio::time::sleep(wait).await;
    }
}

pub(super) fn check(wanted: &Subscription) -> Result<(), ExchangeError> {
    let refuse = |reason: String| Err(ExchangeError::Settings(reason));
    if wanted.symbols.is_empty() || wanted.streams.is_empty() {
        return refuse("a subscription needs at least one symbol and one stream".to_owned());
    }
    if wanted.symbols.len() > limits::SESSION_SYMBOLS {
        return refuse(format!(
            "a subscription has at most {} symbols, not {}",
            limits::SESSION_SYMBOLS,
            wanted.symbols.len()
        ));
    }
    if let Some(stream) = wanted.streams.iter().find(|stream| !STREAMS.contains(stream)) {
        return refuse(format!("MEXC has no stream `{}`", stream.as_str()));
    }
    let mut names = HashSet::new();
    match wanted.symbols.iter().find(|name| !names.insert(*name)) {
        Some(twice) => refuse(format!("symbol {twice} is given twice in the subscription")),
        None => Ok(()),
    }
}
