//! Malformed frames, to test parsers.

use super::exchange::Exchange;
use super::sockets::Out;
use hyper_tungstenite::tungstenite::{Bytes, Message};

/// Bytes of the oversized frame.
const LARGE: usize = 4 << 20;

/// Depth of the deeply nested frame.
const DEEP: usize = 20_000;

/// Number of forms.
pub const FORMS: i64 = 14;

impl Exchange {
    /// Sends the given form, or the next one.
    pub fn send_malformed(&mut self, id: u64, form: Option<i64>) {
        let form = form.unwrap_or_else(|| {
            self.next_form += 1;
            self.next_form - 1
        });
        let symbol =
            self.markets.first().map_or("BTC_USDT", |market| market.contract.symbol.as_str()).to_owned();
        let depth = |levels: &str| {
            format!(
                "{{\"symbol\":\"{symbol}\",\"data\":{{\"asks\":{levels},\"bids\":[],\"version\":9}},\"channel\":\"push.depth\",\"ts\":1}}"
            )
        };
        let text = match form.rem_euclid(FORMS) {
            0 => format!("{{\"symbol\":\"{symbol}\",\"data\":{{\"asks\":[[80468.7,34"),
            1 => depth("\"none\""),
            2 => format!(
                "{{\"symbol\":\"{symbol}\",\"data\":{{\"symbol\":\"{symbol}\",\"price\":NaN}},\"channel\":\"push.fair.price\",\"ts\":1}}"
            ),
            3 => "{\"channel\":\"pong\",\"data\":1,\"ts\":1}{\"channel\":\"pong\",\"data\":1,\"ts\":1}"
                .to_owned(),
            // An empty object in gzip.
            4 => {
                return self.sockets.send_bytes(
                    id,
                    vec![
                        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0,
                        0, 0,
                    ],
                );
            }
            5 => format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP)),
            6 => format!("{{\"channel\":\"push.tickers\",\"data\":\"{}\",\"ts\":1}}", "x".repeat(LARGE)),
            7 => return self.send_invalid_text(id),
            8 => String::new(),
            9 => "pong".to_owned(),
            10 => "[1,2,3]".to_owned(),
            11 => depth("[[80468.7]]"),
            12 => depth("[[80468.7,-5,1]]"),
            _ => {
                format!(
                    "{{\"symbol\":\"{symbol}\",\"data\":[{{\"p\":\"x\",\"v\":null,\"T\":3}}],\"channel\":\"push.deal\",\"ts\":\"y\"}}"
                )
            }
        };
        self.sockets.send(id, text);
    }

    /// A text frame that is not UTF-8: the library refuses to write one, so it is sent as a raw frame.
    fn send_invalid_text(&mut self, id: u64) {
        use hyper_tungstenite::tungstenite::protocol::frame::Frame;
        use hyper_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
        let frame =
            Frame::message(Bytes::from_static(b"{\"channel\":\"\xff\xfe\"}"), OpCode::Data(Data::Text), true);
        self.sockets.tell(id, Out::Frame(Message::Frame(frame)));
    }
}
