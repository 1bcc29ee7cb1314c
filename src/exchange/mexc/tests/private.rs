//! Payloads of an account read to their documented values; fields nobody told us of are counted, and there
//! are none.

use super::fixtures::{data, decimal, ms, text};
use crate::domain::num::Money;
use crate::exchange::mexc::wire::frame::Frame;
use crate::exchange::mexc::wire::rows::Rows;
use crate::exchange::mexc::wire::{account, rows};
use crate::exchange::mexc::{Effect, ExecutionCause, OrderState, PositionMode};
use serde_json::value::RawValue;

/// The rows of a payload, all of them read and every field known.
fn clean<T>(name: &str, read: Result<Rows<T>, String>) -> Vec<T> {
    let rows = read.unwrap_or_else(|why| panic!("{name}: {why}"));
    assert_eq!((rows.unknown, rows.malformed), (0, 0), "{name}");
    rows.rows
}

fn rest<T>(name: &str, read: impl Fn(&RawValue) -> Result<Rows<T>, String>) -> Option<Vec<T>> {
    let body = text(name)?;
    Some(clean(name, read(data(&body))))
}

fn pushed<T>(name: &str, channel: &str, read: impl Fn(&RawValue) -> Result<Rows<T>, String>) -> Option<T> {
    let text = text(name)?;
    let frame: Frame<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(frame.channel.unwrap().get(), format!("\"push.personal.{channel}\""));
    let mut rows = clean(name, read(frame.data.unwrap()));
    assert_eq!(rows.len(), 1, "{name}");
    rows.pop()
}

#[test]
fn orders() {
    let Some(order) = pushed("ws_private_order_2026.json", "order", rows::orders) else { return };
    assert_eq!(
        (order.id, order.state, order.error_code),
        (817_027_833_053_397_504, OrderState::Filled, None)
    );
    assert_eq!((order.external.as_deref(), order.filled), (Some("_m_example"), decimal("23")));
    let old = pushed("ws_private_order_filled_doc.json", "order", rows::orders).unwrap();
    assert_eq!(
        (old.id, old.symbol.as_str(), old.quantity),
        (102_067_003_631_907_840, "CRV_USDT", decimal("1"))
    );
    let open = rest("rest_private_open_orders.json", rows::orders).unwrap();
    assert_eq!(open.iter().map(|order| order.state).collect::<Vec<_>>(), [OrderState::Open; 2]);
    assert_eq!(open[0].id, 265_230_764_677_709_315);
    let past = rest("rest_private_history_orders.json", rows::orders).unwrap();
    assert_eq!(past.len(), 2);
    for name in ["rest_private_order_create_ok.json", "rest_private_order_submit_ok_number.json"] {
        let body = text(name).unwrap();
        assert!(account::placed(Some(data(&body))).unwrap() > 1 << 53, "{name}");
    }
    let body = text("rest_private_order_cancel_mixed.json").unwrap();
    assert_eq!(account::result(Some(data(&body))).unwrap(), (2_040, "order not exist".to_owned()));
    let body = text("rest_private_cancel_external_ok.json").unwrap();
    assert_eq!(account::result(Some(data(&body))).unwrap().0, 0);
}

#[test]
fn executions() {
    let Some(deal) = pushed("ws_private_order_deal_2026.json", "order.deal", account::executions) else {
        return;
    };
    assert_eq!(
        (deal.id, deal.order, deal.effect),
        (13_914_408_525, 817_027_833_053_397_504, Effect::OpenLong)
    );
    assert_eq!((deal.price, deal.quantity, deal.is_taker), (decimal("0.2011"), decimal("23"), true));
    assert_eq!((deal.fee, deal.cause), (Money(1_800_000_000_000_000), ExecutionCause::Order));
    assert_eq!((deal.external.as_deref(), deal.at), (Some("_m_example"), ms(1_700_000_000_000)));
    let listed = rest("rest_private_order_deals_v3.json", account::executions).unwrap();
    assert_eq!((listed[0].id, listed[0].external.as_deref()), (299_444_585, None));
    let of_order = rest("rest_private_deal_details.json", account::executions).unwrap();
    assert_eq!((of_order[0].effect, of_order[0].fee_currency.as_deref()), (Effect::CloseShort, Some("USDT")));
}

#[test]
fn positions_and_stops() {
    let Some(open) = pushed("ws_private_position_2026.json", "position", account::positions) else { return };
    assert_eq!((open.id, open.is_long, open.quantity), (1_234_567_890, true, decimal("23")));
    assert_eq!((open.margin, open.liquidation), (Some(decimal("2.31")), Some(decimal("0.10127"))));
    let closed = pushed("ws_private_position_closed_doc.json", "position", account::positions).unwrap();
    assert_eq!((closed.id, closed.quantity.mantissa()), (1_397_818, 0));
    let listed = rest("rest_private_open_positions.json", account::positions).unwrap();
    assert_eq!(listed[0].symbol, "ETH_USDT");
    let stop = pushed("ws_private_stop_planorder_2026.json", "stop.planorder", account::stops).unwrap();
    assert_eq!((stop.id, stop.position, stop.price), (569_857_826, 1_234_567_890, Some(decimal("0.18"))));
    assert_eq!((stop.is_over, stop.made), (false, None));
    let fired = rest("rest_private_stoporder_open.json", account::stops).unwrap();
    assert_eq!((fired[0].is_over, fired[0].made), (true, Some(720_744_238_723_187_712)));
}

#[test]
fn the_rest_of_an_account() {
    let Some(body) = text("rest_private_position_mode.json") else { return };
    assert_eq!(account::mode(data(&body)), Ok(PositionMode::OneWay));
    let body = text("rest_private_leverage.json").unwrap();
    assert_eq!(account::leverage(data(&body)), Ok([Some(20), Some(20)]));
    let text = text("ws_private_position_mode.json").unwrap();
    let frame: Frame<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(account::mode(frame.data.unwrap()), Ok(PositionMode::Hedge));
}

#[test]
fn money_is_exact_to_its_last_digit() {
    let read = |text: &str| {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        crate::exchange::mexc::wire::number::money(&raw).map(|money| money.0)
    };
    for (text, amount) in [
        ("0", Some(0)),
        ("-0.0018", Some(-1_800_000_000_000_000)),
        ("\"12.000000000000000001\"", Some(12_000_000_000_000_000_001)),
        ("98765.432109876543210987", Some(98_765_432_109_876_543_210_987)),
        ("1.0000000000000000019", Some(1_000_000_000_000_000_001)),
        ("1.5E-3", Some(1_500_000_000_000_000)),
        ("\"abc\"", None),
        ("\"\"", None),
        ("1e400", None),
    ] {
        assert_eq!(read(text), amount, "{text}");
    }
}
