//! Layouts that are found by themselves: each is a mapping with the columns that identify it.

use super::convert;
use super::mapped::{Mapped, Naming};
use super::{Foreign, Opening};
use crate::files::error::Problem;
use crate::files::fields::csv_fields;
use crate::files::number;

/// A layout of another maker.
struct KnownLayout {
    name: &'static str,
    /// Columns that it has by these names.
    needs: &'static [&'static str],
    /// The kinds of values of a row without column names: `n` a number, `t` a time, `b` a flag. Empty: its
    /// files have names.
    shape: &'static str,
    /// By name, and by number where there are no names.
    columns: &'static str,
    numbered: &'static str,
    note: &'static str,
}

const AGGREGATED: &str =
    "a row may be several trades of one order at one price; is_buyer_maker true is a sell";
const MAKER: &str = "is_buyer_maker true is a sell";

/// Names of a column with the symbol.
const SYMBOL_COLUMNS: [&str; 7] =
    ["symbol", "inst_id", "instid", "instrument", "instrument_id", "pair", "market"];

/// All of them; the first that fits applies.
static KNOWN_LAYOUTS: [KnownLayout; 16] = [
    KnownLayout {
        name: "Binance aggTrades",
        needs: &["agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker"],
        shape: "nnnnntb",
        columns: "time=transact_time,price=price,quantity=quantity,buyer_is_maker=is_buyer_maker,trade_id=agg_trade_id",
        numbered: "time=6,price=2,quantity=3,buyer_is_maker=7,trade_id=1",
        note: AGGREGATED,
    },
    KnownLayout {
        name: "Binance spot aggTrades",
        needs: &["agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker", "is_best_match"],
        shape: "nnnnntbb",
        columns: "time=transact_time,price=price,quantity=quantity,buyer_is_maker=is_buyer_maker,trade_id=agg_trade_id",
        numbered: "time=6,price=2,quantity=3,buyer_is_maker=7,trade_id=1",
        note: AGGREGATED,
    },
    KnownLayout {
        name: "Binance trades",
        needs: &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"],
        shape: "nnnntb",
        columns: "time=time,price=price,quantity=qty,buyer_is_maker=is_buyer_maker,trade_id=id",
        numbered: "time=5,price=2,quantity=3,buyer_is_maker=6,trade_id=1",
        note: MAKER,
    },
    KnownLayout {
        name: "Binance spot trades",
        needs: &["id", "price", "qty", "quoteqty", "time", "isbuyermaker"],
        shape: "nnnntbb",
        columns: "time=time,price=price,quantity=qty,buyer_is_maker=isbuyermaker,trade_id=id",
        numbered: "time=5,price=2,quantity=3,buyer_is_maker=6,trade_id=1",
        note: MAKER,
    },
    KnownLayout {
        name: "Binance coin-margined trades",
        needs: &["id", "price", "qty", "base_qty", "time", "is_buyer_maker"],
        shape: "",
        columns: "time=time,price=price,quantity=qty,buyer_is_maker=is_buyer_maker,trade_id=id",
        numbered: "",
        note: "is_buyer_maker true is a sell; quantities are contracts",
    },
    KnownLayout {
        name: "Binance klines",
        needs: &["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"],
        shape: "tnnnnntnnnnn",
        columns: "time=open_time,open=open,high=high,low=low,close=close,volume=volume,quote_volume=quote_volume",
        numbered: "time=1,open=2,high=3,low=4,close=5,volume=6,quote_volume=8",
        note: "",
    },
    KnownLayout {
        name: "Binance bookTicker",
        needs: &[
            "update_id",
            "best_bid_price",
            "best_bid_qty",
            "best_ask_price",
            "best_ask_qty",
            "transaction_time",
        ],
        shape: "nnnnntt",
        columns: "time=transaction_time,bid_price=best_bid_price,bid_quantity=best_bid_qty,ask_price=best_ask_price,\
                  ask_quantity=best_ask_qty,update_id=update_id",
        numbered: "time=6,bid_price=2,bid_quantity=3,ask_price=4,ask_quantity=5,update_id=1",
        note: "",
    },
    KnownLayout {
        name: "Binance fundingRate",
        needs: &["calc_time", "funding_interval_hours", "last_funding_rate"],
        shape: "",
        columns: "time=calc_time,rate=last_funding_rate",
        numbered: "",
        note: "",
    },
    KnownLayout {
        name: "Bybit trades",
        needs: &["timestamp", "symbol", "side", "size", "price", "tickdirection", "trdmatchid"],
        shape: "",
        columns: "time=timestamp,symbol=symbol,side=side,price=price,quantity=size",
        numbered: "",
        note: "",
    },
    KnownLayout {
        name: "Bybit spot trades",
        needs: &["id", "timestamp", "price", "volume", "side"],
        shape: "",
        columns: "time=timestamp,side=side,price=price,quantity=volume,trade_id=id",
        numbered: "",
        note: "",
    },
    KnownLayout {
        name: "OKX trades",
        needs: &["trade_id", "side", "size", "price", "created_time", "instrument_name"],
        shape: "",
        columns: "time=created_time,symbol=instrument_name,side=side,price=price,quantity=size,trade_id=trade_id",
        numbered: "",
        note: "quantities of swaps and futures are contracts; a file is a day at UTC+8, times are UTC",
    },
    KnownLayout {
        name: "OKX trades",
        needs: &["trade_id", "side", "size", "price", "created_time"],
        shape: "",
        columns: "time=created_time,side=side,price=price,quantity=size,trade_id=trade_id",
        numbered: "",
        note: "quantities of swaps and futures are contracts; a file is a day at UTC+8, times are UTC",
    },
    KnownLayout {
        name: "Tardis trades",
        needs: &["exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"],
        shape: "",
        columns: "time=timestamp,recv=local_timestamp,symbol=symbol,side=side,price=price,quantity=amount,trade_id=id",
        numbered: "",
        note: "quantities are those of the exchange, which may be contracts",
    },
    KnownLayout {
        name: "Tardis incremental_book_L2",
        needs: &[
            "exchange",
            "symbol",
            "timestamp",
            "local_timestamp",
            "is_snapshot",
            "side",
            "price",
            "amount",
        ],
        shape: "",
        columns: "time=timestamp,recv=local_timestamp,symbol=symbol,side=side,price=price,quantity=amount,is_snapshot=is_snapshot",
        numbered: "",
        note: "quantities are those of the exchange, which may be contracts",
    },
    KnownLayout {
        name: "Tardis quotes",
        needs: &[
            "exchange",
            "symbol",
            "timestamp",
            "local_timestamp",
            "ask_amount",
            "ask_price",
            "bid_price",
            "bid_amount",
        ],
        shape: "",
        columns: "time=timestamp,recv=local_timestamp,symbol=symbol,bid_price=bid_price,bid_quantity=bid_amount,\
                  ask_price=ask_price,ask_quantity=ask_amount",
        numbered: "",
        note: "quantities are those of the exchange, which may be contracts",
    },
    KnownLayout {
        name: "pump-and-dump downloader trades",
        needs: &["symbol", "timestamp", "datetime", "side", "price", "amount", "btc_volume"],
        shape: "",
        columns: "time=timestamp,symbol=symbol,side=side,price=price,quantity=amount",
        numbered: "",
        note: "",
    },
];

/// Quote and settlement currency of a symbol in a file of this layout, where the maker has only inverse
/// contracts of such names there.
pub(super) fn settlement(known: &str, symbol: &str) -> Option<(String, String)> {
    let (base, behind) = symbol.split_once("USD").filter(|(base, _)| !base.is_empty())?;
    let is_inverse = match known {
        // BTCUSD and, with the month and year of their end, BTCUSDH26; linear ones are BTCUSDT and BTCPERP.
        "Bybit trades" => {
            behind.is_empty() || behind.len() == 3 && behind.bytes().skip(1).all(|byte| byte.is_ascii_digit())
        }
        "Binance coin-margined trades" => true,
        _ => false,
    };
    is_inverse.then(|| ("USD".to_owned(), base.to_owned()))
}

/// The layout of a file by its first line.
pub(super) fn find(opening: &Opening<'_>) -> Result<Option<Foreign>, Problem> {
    let Ok(fields) = csv_fields(opening.first) else { return Ok(None) };
    let names: Vec<String> = fields.iter().map(|field| convert::column_name(field)).collect();
    let named = KNOWN_LAYOUTS.iter().find(|known| fits(known, &names));
    if let Some(known) = named {
        let naming = Naming { name: known.name, note: known.note, names: &names, has_names: true };
        return Mapped::by_known_layout(&with_symbol(known.columns, &names), &naming, opening)
            .map(|found| Some(found.of_known_layout(known.name)));
    }
    let Some(known) =
        KNOWN_LAYOUTS.iter().find(|known| !known.shape.is_empty() && has_shape(known.shape, &fields))
    else {
        return Ok(None);
    };
    let naming = Naming { name: known.name, note: known.note, names: &names, has_names: false };
    Mapped::by_known_layout(known.numbered, &naming, opening)
        .map(|found| Some(found.of_known_layout(known.name)))
}

/// Whether all columns that identify a layout are there. Other columns do not matter, unless one with
/// more of them fits.
fn fits(known: &KnownLayout, names: &[String]) -> bool {
    let has_all = |known: &KnownLayout| known.needs.iter().all(|need| names.iter().any(|name| name == need));
    has_all(known)
        && !KNOWN_LAYOUTS.iter().any(|other| other.needs.len() > known.needs.len() && has_all(other))
}

/// The columns of a layout, and the file's column with the symbol where it has none: rows of several
/// symbols must not become one series.
fn with_symbol(columns: &str, names: &[String]) -> String {
    let own = SYMBOL_COLUMNS.iter().find(|own| names.iter().any(|name| name == *own));
    match own.filter(|_| !columns.contains(",symbol=")) {
        Some(own) => format!("{columns},symbol={own}"),
        None => columns.to_owned(),
    }
}

/// Whether the values of a row are of these kinds.
fn has_shape(shape: &str, fields: &[Vec<u8>]) -> bool {
    shape.len() == fields.len()
        && shape.bytes().zip(fields).all(|(kind, field)| match kind {
            b't' => number::whole(field)
                .is_some_and(|value| crate::domain::time::Timestamp::unit_of(value).is_some()),
            b'b' => field.eq_ignore_ascii_case(b"true") || field.eq_ignore_ascii_case(b"false"),
            _ => number::decimal(field).is_ok(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::file_mapping::ColumnList;

    #[test]
    fn contracts_that_a_maker_has_only_as_inverse_ones_are_told_by_their_names() {
        let inverse = |known: &str, symbol: &str| settlement(known, symbol).is_some();
        for symbol in ["BTCUSD", "ETHUSDH26", "XRPUSD"] {
            assert_eq!(settlement("Bybit trades", symbol).unwrap().0, "USD", "{symbol}");
        }
        for symbol in ["BTCUSDT", "BTCPERP", "USDCUSDT", "BTCUSDT-26DEC25", "BTC-26DEC25", "USD", "BTCUSD汉"]
        {
            assert!(!inverse("Bybit trades", symbol), "{symbol}");
        }
        assert!(inverse("Binance coin-margined trades", "BTCUSD") && !inverse("Bybit spot trades", "BTCUSD"));
        for name in ["Bybit trades", "Binance coin-margined trades"] {
            assert!(KNOWN_LAYOUTS.iter().any(|known| known.name == name), "{name}");
        }
    }

    #[test]
    fn the_columns_of_every_preset_are_a_mapping_of_columns_it_needs() {
        for known in &KNOWN_LAYOUTS {
            let columns: ColumnList = known.columns.parse().unwrap();
            for column in &columns.0 {
                assert!(known.needs.contains(&column.column.as_str()), "{}: {}", known.name, column.column);
            }
            if !known.shape.is_empty() {
                let numbered: ColumnList = known.numbered.parse().unwrap();
                assert_eq!(numbered.0.len(), columns.0.len(), "{}", known.name);
                assert!(numbered.0.iter().all(|c| c.column.parse::<usize>().unwrap() <= known.shape.len()));
            }
        }
    }
}
