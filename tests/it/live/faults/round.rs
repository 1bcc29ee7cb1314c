//! One round: records a generated market, injects a fault and checks what is stored afterwards.

use super::check::{self, Stored};
use super::plan::{Expect, Over, PATIENCE, Plan};
use super::truth::Truth;
use crate::live::{Market, World};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tradingd::clock;
use tradingd::domain::event::GapCause;
use tradingd::domain::record::{RecordBody, StreamKind};
use tradingd::domain::rng::Rng;
use tradingd::domain::time::Timestamp;
use tradingd::exchange::mexc::{Health, Mexc, STREAMS, Settings};
use tradingd::rehearsal::exchange::Exchange;
use tradingd::rehearsal::{FaultKind, Scenario};
use tradingd::service::recordings::ExportRequest;
use tradingd::service::sessions::SessionState;
use tradingd::store::{OpenMode, Store};

/// Maximum wait for a recovery.
const RECOVERY: Duration = Duration::from_secs(40);

/// Deals per symbol to wait for after a fault.
const DEALS_AFTER: usize = 8;

/// Longer than every publication interval of the exchange.
const FLUSHED_MS: i64 = 350;

/// Measured effects of a round.
pub struct Outcome {
    pub gaps: usize,
    pub missing: usize,
    /// After a lost connection: time from the fault to the next row.
    pub back_ms: Option<i64>,
    /// After a lost connection: time from the fault to the end of the last gap.
    pub whole_ms: Option<i64>,
}

struct Round {
    market: Market,
    client: Arc<Mexc>,
    world: World,
    id: String,
    plan: Plan,
    truth: RefCell<Vec<Truth>>,
}

/// Last deal id and number of book changes of a symbol at a moment.
struct Mark {
    deal: u64,
    index: usize,
}

/// Runs a round.
///
/// # Errors
/// What is wrong with the recording.
pub fn run(kind: FaultKind, seed: u64) -> Result<Outcome, String> {
    let mut rng = Rng::new(seed.wrapping_mul(1_000_003) ^ kind as u64);
    let scenario = Scenario::parse(r#"{"settings": {"ticker_every_ms": 250}}"#).unwrap();
    let market = Market::with(scenario, 2, 160, rng.next());
    let plan = Plan::draw(kind, &mut rng, &market.symbols);
    let folder = tempfile::tempdir().unwrap();
    let client = client(&market, rng.next());
    let truth = market.exchange.look(|exchange| (0..2).map(|index| Truth::begin(exchange, index)).collect());
    let world = World::open(folder.path(), Some(client.clone()));
    let types = ["tick_prices", "orderbook", "orderbook_changes", "mark_prices", "funding"];
    let id = world.start(
        &json!({"session_type": "collect", "symbols": market.symbols, "config": {"data_types": types}}),
    );
    let round = Round { market, client, world, id, plan, truth: RefCell::new(truth) };
    let shown = format!("{:?}", round.plan);
    round.play(folder.path()).map_err(|why| format!("{why}\n  {shown}"))
}

/// A client with short timeouts, but the default delays for reconnecting and subscribing.
fn client(market: &Market, seed: u64) -> Arc<Mexc> {
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let settings = Settings {
        rest_url: market.exchange.rest_url(),
        ws_url: market.exchange.ws_url(),
        ping_ms: 300,
        pong_timeout_ms: patience,
        silence_ms: patience,
        confirm_ms: 700,
        good_service_ms: 100,
        retry_ms: 50,
        throttle_ms: 100,
        resync_ms: 300,
        request_timeout_ms: 3_000,
        seed,
        ..Settings::default()
    };
    Mexc::new(settings, market.runtime.handle().clone()).unwrap()
}

impl Round {
    fn play(self, folder: &std::path::Path) -> Result<Outcome, String> {
        self.until("the connection", || self.has_event("kind", "connected"))?;
        let connected = self.marks();
        self.until("the recording", || self.recovered(&connected, 1))?;
        let (before, ready) = (self.client.health(), self.marks());
        let at = clock::now();
        self.inject();
        self.until("the fault", || self.is_over(&before))?;
        let settlement = self.plan.pays_funding.then(|| self.pay_funding());
        let marks = self.marks();
        self.until("rows behind the fault", || self.recovered(&marks, DEALS_AFTER))?;
        if let Some(paid_ms) = settlement {
            self.until("the funding", || {
                self.market.exchange.look(|exchange| exchange.true_ms() > paid_ms + 100)
            })?;
            self.until("the stored funding", || {
                self.living().all(|name| !self.lines(name, StreamKind::Funding).is_empty())
            })?;
        }
        self.look(|exchange, _| exchange.faults.clear());
        self.market.exchange.pause();
        let paused_ms = self.market.exchange.look(|exchange| exchange.true_ms());
        let is_flushed = |exchange: &mut Exchange| {
            exchange.true_ms() > paused_ms + FLUSHED_MS && exchange.later.is_empty()
        };
        self.until("the last frames", || self.market.exchange.look(is_flushed))?;
        self.until("the end of what was sent", || self.is_level())?;
        if self.world.service.sessions.get(&self.id).unwrap().status != SessionState::Running {
            return Err("the session does not run any more".to_owned());
        }
        let (after, lost_at) = (self.client.health(), self.event_time("disconnected"));
        self.world.stop(&self.id);
        self.validate(folder, &ready, at, lost_at, (before, after))
    }

    /// Gathers the true state of all books, then calls `look` on the exchange.
    fn look<T>(&self, look: impl FnOnce(&mut Exchange, &mut Vec<Truth>) -> T) -> T {
        self.market.exchange.look(|exchange| {
            let mut truth = self.truth.borrow_mut();
            truth.iter_mut().enumerate().for_each(|(index, truth)| truth.gather(exchange, index));
            look(exchange, &mut truth)
        })
    }

    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            self.look(|_, _| ());
            if is_so() {
                return Ok(());
            }
            if begun.elapsed() > RECOVERY {
                return Err(format!(
                    "{what} did not come; {:?}; {}",
                    self.client.health(),
                    self.where_it_stands()
                ));
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn inject(&self) {
        self.look(|exchange, truth| {
            if self.plan.kind() == FaultKind::FundingMissing {
                // Paid soon; only the list of funding rates contains the time.
                let next_ms = exchange.now_ms() + 5_000;
                exchange.markets.iter_mut().for_each(|market| market.funding.next_ms = next_ms);
            }
            for fault in &self.plan.faults {
                exchange.inject(fault.clone()).unwrap();
                for (index, truth) in truth.iter_mut().enumerate() {
                    match fault.fault {
                        FaultKind::Restart | FaultKind::RestartSilent => truth.renumbered(exchange, index),
                        _ => truth.gather(exchange, index),
                    }
                }
            }
        });
    }

    /// Schedules and announces a funding payment; returns its time in ms.
    fn pay_funding(&self) -> i64 {
        self.look(|exchange, _| {
            let next_ms = exchange.now_ms() + 700;
            if self.plan.kind() == FaultKind::Funding {
                for index in 0..exchange.markets.len() {
                    exchange.markets[index].funding.next_ms = next_ms;
                    exchange.send_funding(index);
                }
                return next_ms;
            }
            // Already in the past if the recovery took long.
            exchange
                .markets
                .iter()
                .map(|market| market.settlements.back().map_or(market.funding.next_ms, |(at, _)| *at))
                .max()
                .unwrap()
        })
    }

    /// Whether the fault has had its expected effect and is over.
    fn is_over(&self, before: &Health) -> bool {
        let kind = self.plan.kind();
        let happened = |kind: FaultKind| {
            self.market.exchange.look(|exchange| exchange.faults.happened.get(&kind).copied().unwrap_or(0))
        };
        let is_on = self.market.exchange.look(|exchange| exchange.faults.is_on(kind, exchange.true_ms()));
        let is_past = match self.plan.over {
            Over::AtOnce => true,
            Over::Struck(kind, count) => happened(kind) >= count,
            Over::Off => !is_on && happened(kind) > 0,
        };
        let now = self.client.health();
        is_past
            && match self.plan.expect {
                Expect::Whole | Expect::Silenced(_) => true,
                Expect::Hole => now.resyncs > before.resyncs,
                Expect::Lost => now.reconnects > before.reconnects,
                Expect::GivenUp(_) => self.has_event("kind", "refused"),
            }
    }

    fn marks(&self) -> Vec<Mark> {
        let last = |name: &String| self.market.exchange.deals(name).last().map_or(0, |deal| deal.id);
        let deals: Vec<u64> = self.market.symbols.iter().map(last).collect();
        self.look(|_, truth| {
            let index = |truth: &Truth| truth.index(truth.last()).unwrap();
            deals.into_iter().zip(truth).map(|(deal, truth)| Mark { deal, index: index(truth) }).collect()
        })
    }

    /// Symbols that are still subscribed.
    fn living(&self) -> impl Iterator<Item = &String> {
        let gone = match self.plan.expect {
            Expect::GivenUp(index) => Some(index),
            _ => None,
        };
        self.market
            .symbols
            .iter()
            .enumerate()
            .filter(move |(index, _)| Some(*index) != gone)
            .map(|(_, name)| name)
    }

    /// Exports the rows of a stream from the open recording.
    fn lines(&self, symbol: &str, kind: StreamKind) -> Vec<Value> {
        let request = ExportRequest {
            format: "jsonl".to_owned(),
            symbol: Some(symbol.to_owned()),
            kind: kind.as_str().to_owned(),
        };
        let Ok(export) = self.world.service.recordings.plan_export(&self.id, &request) else {
            return Vec::new();
        };
        let text = Shared::default();
        self.world.service.recordings.export(&export, Box::new(text.clone())).unwrap();
        let text = text.0.lock().unwrap();
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// Whether every subscribed symbol has the book of its mark and at least `deals` deals after it stored.
    fn recovered(&self, marks: &[Mark], deals: usize) -> bool {
        let names = self.market.symbols.iter().zip(marks);
        let mut living = names.filter(|(name, _)| self.living().any(|living| living == *name)).enumerate();
        living.all(|(_, (name, mark))| {
            let there = self.lines(name, StreamKind::Trades);
            let count =
                there.iter().filter(|row| row["trade_id"].as_u64().is_some_and(|id| id > mark.deal)).count();
            count >= deals && self.book_index(name).is_some_and(|index| index >= mark.index)
        })
    }

    /// Number of book changes up to the stored version.
    fn book_index(&self, name: &str) -> Option<usize> {
        let version = self.lines(name, StreamKind::BookChanges).last()?["update_id"].as_u64()?;
        let index = self.market.symbols.iter().position(|known| known == name)?;
        self.truth.borrow()[index].index(version)
    }

    /// Whether the recording has everything up to the state of the paused exchange.
    fn is_level(&self) -> bool {
        self.living().all(|name| {
            let index = self.market.symbols.iter().position(|known| known == name).unwrap();
            let (version, fair) = self.look(|exchange, _| {
                let market = &exchange.markets[index];
                (market.version, market.fair().map(|price| market.price_decimal(price).to_string()))
            });
            let last_deal = self.market.exchange.deals(name).last().map(|deal| deal.id);
            let stored =
                |kind: StreamKind, field: &str| self.lines(name, kind).last().map(|row| row[field].clone());
            let mark = stored(StreamKind::Marks, "mark_price");
            self.book_index(name) == self.truth.borrow()[index].index(version)
                && self
                    .lines(name, StreamKind::Trades)
                    .iter()
                    .any(|row| row["trade_id"].as_u64() == last_deal)
                && mark.and_then(|mark| mark.as_str().map(str::to_owned)) == fair
                && self.has_last_top(name, index)
        })
    }

    fn has_last_top(&self, name: &str, index: usize) -> bool {
        let rows = self.lines(name, StreamKind::BookSnapshots);
        let Some(last) = rows.last() else { return false };
        let of_last = rows.iter().filter(|row| row["recv_us"] == last["recv_us"]);
        let stored: Vec<(String, String)> = of_last
            .map(|row| {
                (row["price"].as_str().unwrap().to_owned(), row["quantity"].as_str().unwrap().to_owned())
            })
            .collect();
        let truth = self.market.exchange.book(&self.market.symbols[index]).unwrap();
        let wanted: Vec<_> = [&truth.bids, &truth.asks]
            .into_iter()
            .flat_map(|side| {
                side.iter().take(20).map(|(price, quantity)| (price.to_string(), quantity.to_string()))
            })
            .collect();
        stored == wanted
    }

    fn where_it_stands(&self) -> String {
        let stored = self.market.symbols.iter().enumerate().map(|(index, name)| {
            let truth = self.truth.borrow();
            let (is, wanted) = (self.book_index(name), truth[index].index(truth[index].last()));
            let deals = self.lines(name, StreamKind::Trades).last().map(|row| row["trade_id"].clone());
            let last = self.market.exchange.deals(name).last().map(|deal| deal.id);
            format!("{name}: book at {is:?} of {wanted:?}, deals at {deals:?} of {last:?}")
        });
        stored.collect::<Vec<_>>().join("; ")
    }

    fn has_event(&self, field: &str, value: &str) -> bool {
        self.world.has_event(&self.id, "feed", field, value)
    }

    /// Time of the first feed event of a kind.
    fn event_time(&self, kind: &str) -> Option<Timestamp> {
        let events = self.world.events(&self.id);
        let said = events.iter().find(|event| event["event"] == "feed" && event["kind"] == kind)?;
        Timestamp::parse(said["timestamp"].as_str()?)
    }

    fn validate(
        self,
        folder: &std::path::Path,
        ready: &[Mark],
        at: Timestamp,
        lost_at: Option<Timestamp>,
        health: (Health, Health),
    ) -> Result<Outcome, String> {
        let Round { market, world, id, plan, truth, .. } = self;
        world.close();
        let store = Store::open(folder, OpenMode::MustExist).unwrap();
        let mut outcome = Outcome { gaps: 0, missing: 0, back_ms: None, whole_ms: None };
        let mut all = Vec::new();
        for ((index, name), truth) in market.symbols.iter().enumerate().zip(truth.into_inner()) {
            let stored = Stored::read(&store, &id, name);
            let is_whole = plan.expect != Expect::GivenUp(index);
            let told = |why: String| format!("{name}: {why}");
            check::book(&stored, &truth, is_whole).map_err(told)?;
            check::tops(&stored, &truth, is_whole).map_err(told)?;
            outcome.missing +=
                check::deals(&stored, &market.exchange.deals(name), ready[index].deal).map_err(told)?;
            if plan.pays_funding {
                paid(&stored, &market.exchange.look(|exchange| exchange.markets[index].settlements.clone()))
                    .map_err(told)?;
            }
            outcome.gaps += stored.gaps.len();
            all.push(stored);
        }
        cost(&plan, &all, &health)?;
        if let Some(lost_at) = lost_at {
            let rows =
                all.iter().flat_map(|stored| stored.deals.iter().chain(&stored.changes).chain(&stored.tops));
            let back = rows.filter_map(|row| row.received_at).filter(|received| *received > lost_at).min();
            outcome.back_ms = back.map(|back| (back - at).nanos() / 1_000_000);
            let ends = all.iter().flat_map(|stored| &stored.gaps).map(|gap| gap.gap.to);
            outcome.whole_ms = ends
                .max()
                .filter(|_| !matches!(plan.expect, Expect::GivenUp(_)))
                .map(|end| (end - at).nanos() / 1_000_000);
        }
        Ok(outcome)
    }
}

/// Checks that exactly one funding payment was made and is stored with its rate.
fn paid(
    stored: &Stored,
    settlements: &std::collections::VecDeque<(i64, tradingd::domain::decimal::Decimal)>,
) -> Result<(), String> {
    let rates: Vec<_> = stored
        .funding
        .iter()
        .map(|row| match row.body {
            RecordBody::Funding { rate } => rate.to_f64(),
            _ => unreachable!(),
        })
        .collect();
    let paid: Vec<_> = settlements.iter().map(|(_, rate)| rate.to_f64()).collect();
    if rates == paid && paid.len() == 1 {
        Ok(())
    } else {
        Err(format!("paid was {paid:?} and stored is {rates:?}"))
    }
}

/// Checks that the gaps and the client's counters are exactly what the plan expects.
fn cost(plan: &Plan, all: &[Stored], (before, after): &(Health, Health)) -> Result<(), String> {
    let fail = |what: &str| {
        let gaps: Vec<_> = all.iter().map(|stored| &stored.gaps).collect();
        Err(format!("{what}: {gaps:?}; before {before:?}, after {after:?}"))
    };
    if after.sockets != 1 || after.clock_steps != 0 {
        return fail("one socket is open and no clock stepped");
    }
    let (reconnects, resyncs) = (after.reconnects - before.reconnects, after.resyncs - before.resyncs);
    let gaps = || all.iter().flat_map(|stored| &stored.gaps);
    let is_hole = |cause: GapCause| cause == GapCause::VersionHole;
    let is_right = match plan.expect {
        Expect::Whole => reconnects + resyncs == 0 && gaps().count() == 0,
        Expect::Hole => {
            let all_are = gaps().all(|gap| gap.stream == StreamKind::BookChanges && is_hole(gap.gap.cause));
            reconnects == 0 && resyncs > 0 && gaps().count() > 0 && all_are
        }
        Expect::Lost => {
            reconnects > 0
                && all.iter().all(|stored| STREAMS.iter().all(|kind| stored.gaps_of(*kind).count() > 0))
        }
        Expect::Silenced(index) => {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            let is_told =
                all[index].gaps_of(StreamKind::Trades).any(|gap| gap.gap.cause == GapCause::Silence);
            reconnects == 0 && is_told && others.into_iter().all(|(_, stored)| stored.gaps.is_empty())
        }
        Expect::GivenUp(index) => {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            reconnects == 1
                && all[index].gaps_of(StreamKind::Trades).count() == 1
                && others.into_iter().all(|(_, stored)| !stored.gaps.is_empty())
        }
    };
    if !is_right {
        return fail("this is not what the fault costs");
    }
    let counted = match plan.kind() {
        FaultKind::DepthRepeated | FaultKind::DealsRepeated => after.repeated > before.repeated,
        FaultKind::UnknownFrames => after.unknown_channels > before.unknown_channels,
        FaultKind::Throttled | FaultKind::TooMany => after.throttled > before.throttled,
        FaultKind::Malformed => {
            matches!(plan.faults[0].count, Some(6..=8)) || after.malformed > before.malformed
        }
        _ => true,
    };
    if counted { Ok(()) } else { fail("it was not counted") }
}

/// A shared buffer as an export destination.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
