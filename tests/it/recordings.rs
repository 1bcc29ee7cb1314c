//! Recordings through the service: the list as the API documents it, charts, exports equal to those of the
//! command line, imports only from the configured folder.

use crate::cli::{Cli, shipped_one};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tradingd::clock;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::service::page::PageRequest;
use tradingd::service::recordings::{CandleRequest, ExportRequest, RecordingFilter, Recordings};
use tradingd::service::references::References;
use tradingd::store::{OpenMode, Store};

/// A shared buffer as an export destination.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn open(cli: &Cli) -> Recordings {
    let store = Arc::new(Store::open(&cli.state(), OpenMode::MustExist).unwrap());
    Recordings::new(store, Arc::new(References::default()))
}

fn export(symbol: Option<&str>, kind: &str, format: &str) -> ExportRequest {
    ExportRequest { format: format.into(), symbol: symbol.map(str::to_owned), kind: kind.into() }
}

#[test]
fn a_recording_is_listed_as_the_seed_shows_it() {
    let cli = Cli::new();
    let first =
        cli.import(&[shipped_one("trades"), shipped_one("book20")])["id"].as_str().unwrap().to_owned();
    cli.import(&[shipped_one("trades")]);
    let recordings = open(&cli);
    let page = |limit, cursor| PageRequest { limit, cursor };
    let part = recordings.list(&RecordingFilter::default(), &page(1, None)).unwrap();
    assert_eq!((part.total_count, part.items.len()), (2, 1));
    let rest = recordings.list(&RecordingFilter::default(), &page(50, part.next)).unwrap();
    let shown = serde_json::to_value(&rest.items[0]).unwrap();
    for (field, value) in [
        ("session_id", json!(first)),
        ("symbols", json!(["BTCUSDT"])),
        ("data_types", json!(["tick_prices", "orderbook"])),
        ("status", json!("completed")),
        ("prices_count", json!(21_313)),
        ("duration", json!("5m44s")),
        ("coverage_pct", json!(100.0)),
        ("gaps", json!(0)),
        ("exchange", Value::Null),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(
        shown["records_collected"],
        shown["prices_count"].as_u64().unwrap() + shown["orderbook_count"].as_u64().unwrap()
    );
    assert!(Timestamp::parse(shown["start_time"].as_str().unwrap()).is_some() && rest.next.is_none());
    let none = RecordingFilter { symbol: Some("ETH_USDT".into()), ..RecordingFilter::default() };
    assert_eq!(recordings.list(&none, &page(50, None)).unwrap().total_count, 0);
    let detail = recordings.get(&first).unwrap();
    assert_eq!(detail["stats"][0]["streams"].as_array().unwrap().len(), 2);
    assert_eq!(recordings.get("session_none").unwrap_err().code, "recording_not_found");
    recordings.delete(&first).unwrap();
    assert_eq!(recordings.delete(&first).unwrap_err().code, "recording_not_found");
}

#[test]
fn candles_hold_every_trade_however_few_there_are() {
    let cli = Cli::new();
    let id = cli.import(&[shipped_one("trades")])["id"].as_str().unwrap().to_owned();
    let recordings = open(&cli);
    let request = |interval, most| CandleRequest {
        symbol: "BTCUSDT".into(),
        interval,
        from: None,
        to: None,
        max_points: most,
    };
    let extremes = |value: &Value| {
        let all = value["candles"].as_array().unwrap();
        let pick = |name: &str, pick: fn(f64, f64) -> f64| {
            all.iter().map(|one| one[name].as_f64().unwrap()).reduce(pick).unwrap()
        };
        let volume: f64 = all.iter().map(|one| one["volume"].as_f64().unwrap()).sum();
        (pick("low", f64::min), pick("high", f64::max), (volume * 1e3).round(), all.len())
    };
    let fine = recordings.candles(&id, &request(Span::SECOND, 10_000)).unwrap();
    let coarse = recordings.candles(&id, &request(Span::SECOND, 10)).unwrap();
    let (fine, few) = (extremes(&fine), extremes(&coarse));
    assert_eq!((fine.0, fine.1, fine.2), (few.0, few.1, few.2));
    assert!(fine.3 > 300 && few.3 <= 10);
    assert!(coarse["interval_seconds"].as_f64().unwrap() > 30.0);
    let half = CandleRequest {
        from: Timestamp::parse("2024-08-08T23:57:00Z"),
        ..request(Span::from_seconds(60), 100)
    };
    let half = recordings.candles(&id, &half).unwrap();
    assert_eq!(half["candles"][0]["time"], "2024-08-08T23:57:00.000Z");
    assert_eq!(
        recordings.candles(&id, &request(Span::from_millis(1), 10)).unwrap_err().code,
        "invalid_request"
    );
    let other = CandleRequest { symbol: "ETH_USDT".into(), ..request(Span::SECOND, 10) };
    assert_eq!(recordings.candles(&id, &other).unwrap_err().code, "symbol_not_found");
}

#[test]
fn an_export_is_that_of_the_command_line() {
    let cli = Cli::new();
    let id = cli.import(&[shipped_one("trades"), shipped_one("book20")])["id"].as_str().unwrap().to_owned();
    let told = cli.ok(&["export", &id, "--stream", "trades", "--out", "-"]);
    let recordings = open(&cli);
    let planned = recordings.plan_export(&id, &export(None, "trades", "csv")).unwrap();
    assert_eq!(planned.file_name, format!("{id}_all_trades.csv"));
    let kept = Kept::default();
    assert_eq!(recordings.export(&planned, Box::new(kept.clone())).unwrap(), 21_313);
    assert!(*kept.0.lock().unwrap() == told.into_bytes());
    for format in ["jsonl", "parquet"] {
        let kept = Kept::default();
        let planned = recordings.plan_export(&id, &export(Some("BTCUSDT"), "book", format)).unwrap();
        assert!(
            recordings.export(&planned, Box::new(kept.clone())).unwrap() > 0
                && !kept.0.lock().unwrap().is_empty()
        );
    }
    for (request, code) in [
        (export(None, "funding", "csv"), "invalid_request"),
        (export(None, "trades", "xls"), "invalid_request"),
        (export(Some("X"), "trades", "csv"), "symbol_not_found"),
    ] {
        assert_eq!(recordings.plan_export(&id, &request).unwrap_err().code, code);
    }
}

#[test]
fn an_import_takes_only_files_of_its_folder() {
    let cli = Cli::new();
    cli.import(&[shipped_one("trades")]);
    let folder = cli.at("inbox");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(shipped_one("trades"), folder.join("btc.trades.csv.gz")).unwrap();
    std::fs::write(folder.join("bad.csv"), "name,age\na,1\n").unwrap();
    let recordings = open(&cli);
    let imported = recordings.import(Some(&folder), "btc.trades.csv.gz", clock::now()).unwrap();
    assert_eq!(
        (&imported["prices_count"], &imported["sources"]),
        (&json!(21_313), &json!(["btc.trades.csv.gz"]))
    );
    let refused = recordings.import(Some(&folder), "bad.csv", clock::now()).unwrap_err();
    assert!(refused.code == "invalid_file" && refused.message.contains("bad.csv"), "{refused:?}");
    assert_eq!(recordings.import(Some(&folder), "../state", clock::now()).unwrap_err().code, "invalid_path");
    assert_eq!(
        recordings.import(None, "btc.trades.csv.gz", clock::now()).unwrap_err().code,
        "import_disabled"
    );
}
