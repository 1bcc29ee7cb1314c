//! The ledger always adds up: fills give the position, and every change of the balance is accounted for.

use super::*;
use crate::domain::num::{Money, Qty};
use crate::rehearsal::trading::order::Hold;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Order { side: i64, kind: i64, vol: i64, offset: i64 },
    Cancel(usize),
    Plan { side: i64, vol: i64, offset: i64, is_above: bool },
    Stop { vol: i64, offset: i64 },
    Trade { is_buy: bool, offset: i64, contracts: i64 },
    Level { is_buy: bool, offset: i64, contracts: i64 },
    Settle(i64),
    Mark(i64),
    Fault(&'static str),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_i64..=4, 1_i64..=6, 1_i64..400, -30_i64..30).prop_map(|(side, kind, vol, offset)| Step::Order { side, kind, vol, offset }),
        1 => (0_usize..9).prop_map(Step::Cancel),
        2 => (1_i64..=4, 1_i64..400, -30_i64..30, any::<bool>()).prop_map(|(side, vol, offset, is_above)| Step::Plan { side, vol, offset, is_above }),
        1 => (1_i64..400, 1_i64..30).prop_map(|(vol, offset)| Step::Stop { vol, offset }),
        3 => (any::<bool>(), -20_i64..20, 1_i64..300).prop_map(|(is_buy, offset, contracts)| Step::Trade { is_buy, offset, contracts }),
        3 => (any::<bool>(), 0_i64..20, 0_i64..300).prop_map(|(is_buy, offset, contracts)| Step::Level { is_buy, offset, contracts }),
        1 => (-20_i64..20).prop_map(Step::Settle),
        1 => (9_000_i64..11_000).prop_map(Step::Mark),
        1 => prop_oneof![
            Just(r#"{"fault": "partial"}"#),
            Just(r#"{"fault": "rejected_later"}"#),
            Just(r#"{"fault": "cancel_crossed"}"#),
            Just(r#"{"fault": "liquidate", "symbol": "BTC_USDT"}"#),
            Just(r#"{"fault": "web_order", "symbol": "BTC_USDT", "count": 7}"#),
            Just(r#"{"fault": "position_mode", "count": 2}"#),
            Just(r#"{"fault": "restart", "ms": 10}"#),
            Just(r#"{"fault": "adl", "symbol": "BTC_USDT", "count": 5}"#),
            Just(r#"{"fault": "jump", "symbol": "BTC_USDT", "rate": -0.002}"#),
            Just(r#"{"fault": "bids_empty", "symbol": "BTC_USDT", "for_ms": 50}"#),
            Just(r#"{"fault": "transfer", "rate": 17.25}"#),
            Just(r#"{"fault": "fee_coin", "rate": 3.5, "for_ms": 30}"#),
        ].prop_map(Step::Fault),
        4 => (1_i64..40).prop_map(Step::Wait),
    ]
}

/// Ignores the answer: during a restart there is none.
fn ask(world: &mut World, call: &str, body: &str) {
    let request = world.signed("POST", call, body);
    world.ask(&request);
}

fn take(world: &mut World, step: &Step) {
    let side = |is_buy: bool| if is_buy { Side::Buy } else { Side::Sell };
    match step {
        Step::Order { side, kind, vol, offset } => {
            let price = format!("{}.{:02}", (10_000 + offset) / 100, (10_000 + offset) % 100);
            let body = format!(
                "{{\"symbol\":\"BTC_USDT\",\"side\":{side},\"type\":{kind},\"openType\":1,\"vol\":{vol},\"price\":{price},\"leverage\":20}}"
            );
            ask(world, "order/create", &body);
        }
        Step::Plan { side, vol, offset, is_above } => {
            let price = format!("{}.{:02}", (10_000 + offset) / 100, (10_000 + offset) % 100);
            let body = format!(
                "{{\"symbol\":\"BTC_USDT\",\"side\":{side},\"orderType\":5,\"openType\":1,\"vol\":{vol},\"triggerPrice\":{price},\"triggerType\":{},\"executeCycle\":1,\"trend\":1,\"leverage\":20}}",
                if *is_above { 1 } else { 2 }
            );
            ask(world, "planorder/place/v2", &body);
        }
        Step::Stop { vol, offset } => {
            let last = world.exchange.markets[0].last.map_or(10_000, |price| price.0);
            for position in world.exchange.trading.accounts[0].positions.clone().into_values() {
                let ticks = if position.hold == Hold::Long { last - offset } else { last + offset };
                let price = format!("{}.{:02}", ticks / 100, ticks % 100);
                let body =
                    format!("{{\"positionId\":{},\"vol\":{vol},\"stopLossPrice\":{price}}}", position.id);
                ask(world, "stoporder/place", &body);
            }
        }
        Step::Cancel(place) => {
            let id = world.exchange.trading.accounts[0].open.keys().nth(*place).copied();
            if let Some(id) = id {
                ask(world, "order/cancel", &format!("[{id}]"));
            }
        }
        Step::Trade { is_buy, offset, contracts } => {
            world.trade(0, side(*is_buy), 10_000 + offset, *contracts)
        }
        Step::Level { is_buy, offset, contracts } => {
            let ticks = if *is_buy { 10_000 - offset } else { 10_001 + offset };
            world.level(0, side(*is_buy), ticks, *contracts, false);
        }
        Step::Settle(parts) => {
            world.row(0, RecordBody::Funding { rate: Decimal::new(*parts, 4).unwrap() });
        }
        Step::Mark(ticks) => {
            world.row(0, RecordBody::Mark { mark: Decimal::new(*ticks, 2).unwrap(), index: None })
        }
        Step::Fault(text) => fault(world, text),
        Step::Wait(ms) => world.pass(*ms),
    }
}

/// Recomputes everything from the fills alone.
fn prove(world: &World) {
    let account = &world.exchange.trading.accounts[0];
    let market = &world.exchange.markets[0];
    let mut net = 0_i64;
    let (mut bought, mut sold, mut fees, mut profit) = (Money::ZERO, Money::ZERO, Money::ZERO, Money::ZERO);
    for fill in &account.fills {
        let value = market.notional(fill.price, fill.qty);
        let is_buy = matches!(fill.side, 1 | 2);
        net += if is_buy { fill.qty.0 } else { -fill.qty.0 };
        if is_buy {
            bought += value
        } else {
            sold += value
        }
        fees += fill.fee;
        profit += fill.profit;
    }
    let held = |hold: Hold| {
        account
            .positions
            .get(&(0, hold))
            .map_or((Qty::ZERO, Money::ZERO), |position| (position.qty, position.entry_value))
    };
    let ((long, long_value), (short, short_value)) = (held(Hold::Long), held(Hold::Short));
    assert_eq!(net, long.0 - short.0, "fills are the position");
    assert_eq!(fees, account.ledger.fees);
    assert_eq!(profit, account.ledger.profit);
    assert_eq!(
        sold - bought + long_value - short_value,
        profit,
        "what was realised is what was sold for more than it was bought for"
    );
    let funding: Money = account.fundings.iter().map(|paid| paid.amount).sum();
    assert_eq!(funding, account.ledger.funding);
    assert_eq!(
        account.balance,
        account.ledger.deposits + profit + funding - fees,
        "the balance, to the last digit"
    );
    assert!(account.open.values().all(|order| order.reserved >= Money::ZERO && order.rest().0 > 0));
    assert!(account.positions.values().all(|position| position.qty.0 > 0 && position.margin >= Money::ZERO));
    for order in account.open.values().chain(&account.ended) {
        let filled: i64 =
            account.fills.iter().filter(|fill| fill.order == order.id).map(|fill| fill.qty.0).sum();
        assert_eq!(filled, order.filled.0, "an order is filled by its fills");
        assert!(order.filled <= order.new.qty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_ledger_proves_itself(seed in any::<u64>(), steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::seeded(PLAIN, seed);
        for step in &steps {
            take(&mut world, step);
            prove(&world);
        }
        world.pass(200);
        prove(&world);
    }
}
