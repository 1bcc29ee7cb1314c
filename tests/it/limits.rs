//! Risk limits of a session: what each refuses, with the reported value and threshold; large limits count
//! exactly.

use crate::harness::{Story, World, world};
use crate::strategy::{Build, strategy};
use tradingd::domain::num::Rate;
use tradingd::domain::strategy::*;
use tradingd::engine::risk::RiskLimits;

/// Opens at every new signal and closes at once, as often as the limits allow.
fn scalper(change: impl FnOnce(&mut RiskLimits)) -> World {
    let def = strategy("x").s1("PRICE > 10").ze1("PRICE <= 10").market().with(|def| {
        def.evaluation.entry_min_interval = tradingd::domain::time::Span::ZERO;
    });
    let mut world = world(vec![def]);
    world.venue.order_latency = tradingd::domain::time::Span::ZERO;
    world.session.risk = RiskLimits::none();
    change(&mut world.session.risk);
    world
}

/// Runs `count` rounds of prices 10.01 and 10, `gap` seconds apart.
fn rounds(world: &World, count: u32, gap: f64) -> Story {
    let line = |round: u32| {
        let at = f64::from(round) * gap + 1.0;
        format!("{at} trade 10.01 100000\n {} trade 10 100000\n", at + gap / 2.0)
    };
    world.simulate(&(0..count).map(line).collect::<String>())
}

fn entries(story: &Story) -> usize {
    story.with("Entry").len()
}

#[test]
fn orders_a_minute_are_counted_beyond_256() {
    let limited =
        |limit: u32| entries(&rounds(&scalper(|risk| risk.orders_per_minute = Some(limit)), 1_500, 0.02));
    assert_eq!(limited(100), 100);
    assert_eq!(limited(256), 256);
    assert_eq!(limited(257), 257);
    assert_eq!(limited(1_000), 1_000);
    assert_eq!(entries(&rounds(&scalper(|_| {}), 1_500, 0.02)), 1_500);
}

#[test]
fn the_minute_slides() {
    // Two rounds per second with a limit of 60 per minute: every minute there is room for 60 more.
    let story = rounds(&scalper(|risk| risk.orders_per_minute = Some(60)), 300, 0.5);
    assert_eq!(entries(&story), 180);
    assert!(!story.with("refused order_rate 60.000000 60.000000").is_empty());
}

#[test]
fn a_position_needs_margin_that_the_account_has() {
    let sized = |pct: f64, leverage: u32| {
        let def = strategy("x").s1("PRICE > 10").market().with(|def| {
            def.z1.size.amount = SizeAmount::PercentOfEquity(pct);
            def.z1.leverage = leverage;
        });
        let mut world = world(vec![def]);
        world.session.risk = RiskLimits::none();
        world.simulate("1 trade 10.01 100000\n 2 trade 10.01 100000\n 3 end")
    };
    sized(1_000.0, 1).once("refused margin").never("submit 1");
    sized(1_000.0, 20).once("submit 1");
    sized(99.0, 1).once("submit 1");
    // Orders in flight count too: two strategies want 60 % each.
    let half = |id: &str| {
        strategy(id).s1("PRICE > 10").market().with(|def| {
            def.z1.size.amount = SizeAmount::PercentOfEquity(60.0);
        })
    };
    let mut both = world(vec![half("a"), half("b")]);
    both.session.risk = RiskLimits::none();
    let story = both.simulate("1 trade 10.01 100000\n 2 trade 10.01 100000\n 3 end");
    assert_eq!(entries(&story), 1);
    story.once("refused margin");
}

#[test]
fn losses_in_a_row_pause_entries_and_a_loss_of_fees_is_a_loss() {
    // The price is the same at entry and exit, so each round loses its fees.
    let mut world = scalper(|risk| {
        risk.consecutive_losses = Some(3);
        risk.loss_pause = tradingd::domain::time::Span::from_seconds(60);
    });
    world.venue.fees = Some((Rate::from_percent(0.02), Rate::from_percent(0.06)));
    world.venue.synthetic = crate::harness::synthetic(0.0);
    let story = rounds(&world, 20, 1.0);
    assert_eq!(entries(&story), 3);
    assert!(!story.with("refused consecutive_losses").is_empty());
    assert_eq!(entries(&rounds(&world, 70, 1.0)), 6, "after the pause three more");
}

#[test]
fn a_day_has_its_own_count_of_trades() {
    let story = rounds(&scalper(|risk| risk.trades_per_day = Some(5)), 20, 1.0);
    assert_eq!(entries(&story), 5);
    assert!(!story.with("refused max_daily_trades 5.000000 5.000000").is_empty());
}
