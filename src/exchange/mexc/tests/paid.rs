//! Funding paid around a settlement and while not connected.

use super::exchange::{Order, Stage, ok, refusal};
use super::sink::rows;
use crate::clock;
use crate::domain::decimal::Decimal;
use crate::domain::record::{RecordBody, StreamKind};

fn rate(text: &str) -> RecordBody {
    RecordBody::Funding { rate: Decimal::parse(text.as_bytes()).unwrap() }
}

#[test]
fn what_was_paid_while_the_connection_was_lost_is_written_once_it_is_back() {
    let mut stage = Stage::new();
    let settles = clock::now().millis() + 300;
    let row = move |rate: &str, at: i64| {
        format!(r#"[{{"symbol":"BTC_USDT","fundingRate":{rate},"collectCycle":8,"nextSettleTime":{at}}}]"#)
    };
    let paid = format!(
        r#"{{"pageSize":100,"totalCount":2,"totalPage":1,"currentPage":1,"resultList":[{{"symbol":"BTC_USDT","fundingRate":0.00031,"settleTime":{settles},"collectCycle":8}},{{"symbol":"BTC_USDT","fundingRate":0.5,"settleTime":{},"collectCycle":8}}]}}"#,
        settles - 28_800_000
    );
    stage.answer(move |seen| match seen.target.split('?').next().unwrap_or_default() {
        "/api/v1/contract/funding_rate" if clock::now().millis() > settles => {
            ok(&row("0.0009", settles + 28_800_000))
        }
        "/api/v1/contract/funding_rate/history" => ok(&paid),
        _ => refusal(1001),
    });
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Funding]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    peer.push(
        "funding.rate",
        "BTC_USDT",
        &format!(r#"{{"symbol":"BTC_USDT","rate":0.0003,"nextSettleTime":{settles}}}"#),
    );
    peer.order(Order::Cut);
    // The next connections are dropped until the settlement is over.
    while clock::now().millis() <= settles {
        drop(stage.peer());
    }
    let _peer = stage.peer();
    let row = memory.wait("the payment", |told| rows(told, 0, StreamKind::Funding).first().copied());
    assert_eq!(
        (row.body, row.exchange_at.millis()),
        (rate("0.00031"), settles),
        "what was charged, not what was announced"
    );
    assert_eq!(memory.rows(0, StreamKind::Funding).len(), 1);
}
