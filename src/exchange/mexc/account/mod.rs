//! One account: its orders, positions and stops, and what the exchange says of them by itself.
//!
//! Invariants: a write is sent at most once; what became of it is one of [`WriteOutcome`], never a guess.

mod news;
mod outcome;
mod socket;

pub use news::{AccountNews, AccountSink};
pub use outcome::WriteOutcome;

use super::Link;
use super::codes::NO_SUCH_ORDER;
use super::market::{Asset, Execution, HeldPosition, PlacedOrder, PositionMode, ResidentStop};
use super::rest::request::account::{self as account_requests, Margin, PositionSide};
use super::rest::request::order::{self as order_requests, NewOrder, NewStop};
use super::rest::sign::Keys;
use super::wire::{account as wire_account, rows as wire_rows};
use crate::domain::decimal::Decimal;
use crate::domain::time::Timestamp;
use crate::exchange::ExchangeError;
use crate::limits::ACCOUNT_PAGES;
use arc_swap::ArcSwap;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Rows of a page.
const PAGE: u32 = 100;

/// Access to one account. Cheap to clone; its calls are for tasks.
#[derive(Clone)]
pub struct AccountClient {
    link: Arc<Link>,
    keys: Arc<ArcSwap<Keys>>,
    handle: Handle,
}

impl AccountClient {
    pub(super) fn new(link: Arc<Link>, keys: Arc<ArcSwap<Keys>>, handle: Handle) -> Self {
        AccountClient { link, keys, handle }
    }

    /// The runtime on which its calls run.
    pub fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Measures the exchange's clock; its offset in nanoseconds, positive when ours is behind.
    ///
    /// # Errors
    /// As for every read here: any [`ExchangeError`].
    pub async fn clock_offset_ns(&self) -> Result<i64, ExchangeError> {
        Ok(self.link.measure_clock().await?.offset_ns)
    }

    /// Places an order; gives its number at the exchange.
    pub async fn place(&self, order: &NewOrder) -> WriteOutcome<u64> {
        let request = order_requests::create(&self.link.settings.order_path, order);
        self.link.rest.write(&request, &self.keys.load(), wire_account::placed).await
    }

    /// Cancels an order by its client id. Accepted: the request was; the order ends when the exchange says
    /// so.
    pub async fn cancel(&self, symbol: &str, external: &str) -> WriteOutcome<()> {
        self.write_single(&order_requests::cancel_by_external(symbol, external)).await
    }

    /// Places a stop on a position.
    pub async fn place_stop(&self, stop: &NewStop) -> WriteOutcome<()> {
        self.link.rest.write(&order_requests::create_stop(stop), &self.keys.load(), |_| Ok(())).await
    }

    /// Moves a stop.
    pub async fn move_stop(&self, id: u64, price: Decimal) -> WriteOutcome<()> {
        let request = order_requests::change_stop(id, price, order_requests::Watched::Fair);
        self.link.rest.write(&request, &self.keys.load(), |_| Ok(())).await
    }

    /// Cancels a stop.
    pub async fn cancel_stop(&self, id: u64) -> WriteOutcome<()> {
        self.write_single(&order_requests::cancel_stop(id)).await
    }

    /// Sets the leverage of a side that holds no position.
    pub async fn set_leverage(&self, symbol: &str, is_long: bool, leverage: u32) -> WriteOutcome<()> {
        let side = if is_long { PositionSide::Long } else { PositionSide::Short };
        let request = account_requests::change_leverage(symbol, side, Margin::Isolated, leverage);
        self.link.rest.write(&request, &self.keys.load(), |_| Ok(())).await
    }

    /// A batch of one: the envelope accepts it, and its row says what became of it.
    async fn write_single(&self, request: &super::rest::request::Request) -> WriteOutcome<()> {
        match self.link.rest.write(request, &self.keys.load(), wire_account::result).await {
            WriteOutcome::Accepted((0, _)) => WriteOutcome::Accepted(()),
            WriteOutcome::Accepted((code, message)) => WriteOutcome::Refused { code, message },
            WriteOutcome::Refused { code, message } => WriteOutcome::Refused { code, message },
            WriteOutcome::NotSent(why) => WriteOutcome::NotSent(why),
            WriteOutcome::Unknown(why) => WriteOutcome::Unknown(why),
        }
    }

    /// The order with a client id; `None`: the exchange knows none now.
    ///
    /// # Errors
    /// Any [`ExchangeError`]: it could not be learned.
    pub async fn order(&self, symbol: &str, external: &str) -> Result<Option<PlacedOrder>, ExchangeError> {
        let request = account_requests::order_by_external(symbol, external);
        let found = self.read(&request, |data| data.map(wire_rows::order).transpose()).await;
        match found {
            Err(error) if error.code() == Some(NO_SUCH_ORDER) => Ok(None),
            found => found,
        }
    }

    /// The order with a number of the exchange.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn order_by_id(&self, id: u64) -> Result<Option<PlacedOrder>, ExchangeError> {
        let found =
            self.read(&account_requests::order(id), |data| data.map(wire_rows::order).transpose()).await;
        match found {
            Err(error) if error.code() == Some(NO_SUCH_ORDER) => Ok(None),
            found => found,
        }
    }

    /// All executions of an order.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn executions(&self, order: u64) -> Result<Vec<Execution>, ExchangeError> {
        self.list(&account_requests::order_fills(order), wire_account::executions).await
    }

    /// Executions on a contract since a moment, all pages.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn executions_since(
        &self,
        symbol: &str,
        since: Timestamp,
    ) -> Result<Vec<Execution>, ExchangeError> {
        let filter = |page| account_requests::Filter {
            symbol: Some(symbol.to_owned()),
            from_ms: Some(since.millis()),
            page: Some(page),
            page_size: Some(PAGE),
            ..account_requests::Filter::default()
        };
        self.pages(|page| account_requests::fills(&filter(page)), wire_account::executions).await
    }

    /// All open orders, all pages.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn open_orders(&self) -> Result<Vec<PlacedOrder>, ExchangeError> {
        self.pages(|page| account_requests::open_orders(Some(page), PAGE), wire_rows::orders).await
    }

    /// All open positions.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn positions(&self) -> Result<Vec<HeldPosition>, ExchangeError> {
        self.list(&account_requests::open_positions(None), wire_account::positions).await
    }

    /// All stops that stand on positions.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn stops(&self) -> Result<Vec<ResidentStop>, ExchangeError> {
        self.list(&account_requests::open_stops(), wire_account::stops).await
    }

    /// Balances in all currencies.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn assets(&self) -> Result<Vec<Asset>, ExchangeError> {
        self.list(&account_requests::assets(), wire_rows::assets).await
    }

    /// Position mode.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn position_mode(&self) -> Result<PositionMode, ExchangeError> {
        self.read(&account_requests::position_mode(), |data| {
            wire_account::mode(data.ok_or("it has no data")?)
        })
        .await
    }

    /// Leverage of long and short.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn leverage(&self, symbol: &str) -> Result<[Option<u32>; 2], ExchangeError> {
        self.read(&account_requests::leverage(symbol), |data| {
            wire_account::leverage(data.ok_or("it has no data")?)
        })
        .await
    }

    /// Maker and taker fee that orders over the API pay, percent.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub async fn fees(&self, symbol: &str) -> Result<(f64, f64), ExchangeError> {
        self.read(&account_requests::real_fees(symbol), |data| {
            wire_account::fees(data.ok_or("it has no data")?)
        })
        .await
    }

    /// What the exchange says by itself, until the returned handle is dropped.
    pub fn listen(&self, sink: Arc<dyn AccountSink>) -> Listening {
        let socket = socket::PrivateSocket::new(Arc::clone(&self.link), Arc::clone(&self.keys), sink);
        Listening(self.handle.spawn(socket.serve()).abort_handle())
    }

    async fn read<T>(
        &self,
        request: &super::rest::request::Request,
        parse: impl Fn(Option<&RawValue>) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        self.link.signed(request, &self.keys.load(), parse).await
    }

    /// All pages of a list.
    async fn pages<T>(
        &self,
        request: impl Fn(u32) -> super::rest::request::Request,
        parse: impl Fn(&RawValue) -> Result<wire_rows::Rows<T>, String> + Copy,
    ) -> Result<Vec<T>, ExchangeError> {
        let mut all = Vec::new();
        for page in 1..=ACCOUNT_PAGES {
            let rows = self.list(&request(page), parse).await?;
            let is_last = rows.len() < PAGE as usize;
            all.extend(rows);
            if is_last {
                return Ok(all);
            }
        }
        let (call, reason) = (request(1).name(), format!("it has more than {ACCOUNT_PAGES} pages"));
        Err(ExchangeError::Unreadable { call, status: 200, reason })
    }

    /// A list is whole, or it is an error: a row that could not be read would look like one that is not
    /// there.
    async fn list<T>(
        &self,
        request: &super::rest::request::Request,
        parse: impl Fn(&RawValue) -> Result<wire_rows::Rows<T>, String>,
    ) -> Result<Vec<T>, ExchangeError> {
        let rows = self
            .read(request, |data| {
                let rows = parse(data.ok_or("it has no data")?)?;
                if rows.malformed > 0 {
                    return Err(format!("{} of its rows cannot be read", rows.malformed));
                }
                Ok(rows)
            })
            .await?;
        Ok(self.link.counted(rows))
    }
}

/// A private socket; it ends with this.
#[must_use = "nothing is heard after it is dropped"]
#[derive(Debug)]
pub struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}
