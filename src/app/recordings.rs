//! `tradingd recordings`: lists, shows and deletes recordings, with counts, spans, bytes and gaps.

use super::daemon::encoded;
use super::state::Holder;
use super::table::{Align, grouped, table};
use super::{Failure, Global, terminal};
use crate::domain::contract_facts::ContractFacts;
use crate::domain::decimal::Decimal;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::files::{FURTHEST_APART, contract_json};
use crate::report::text::counted;
use crate::service::Records;
use crate::service::backtest::stretches;
use crate::service::recordings::per_row;
use crate::store::records::{RecordedStreamV1, RecordedSymbolV1, RecordingV1, SymbolFactsV1};
use crate::store::{OpenMode, Store};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

/// Options of `tradingd recordings`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    /// Show this recording with all its streams and gaps.
    id: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// List all recordings.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show a recording with all its streams and gaps.
    Show {
        /// The recording's id.
        id: String,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Delete a recording with all its rows, after a confirmation.
    Delete {
        /// The recording's id.
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Lists recordings, shows or deletes one.
///
/// # Errors
/// An unknown id, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    if let Some(Action::Delete { id, yes }) = &options.action {
        return delete(global, id, *yes);
    }
    let store = global.read(&[Records::Recordings])?;
    match (&options.action, &options.id) {
        (Some(Action::Show { id, json }), _) => show(&store, &find(&store, id)?, *json),
        (Some(Action::List { json }), _) => list(&store, *json),
        (_, Some(id)) => show(&store, &find(&store, id)?, options.json),
        (_, None) => list(&store, options.json),
    }
}

/// Finds a recording by its id.
///
/// # Errors
/// An unknown id, or a recording that cannot be read.
pub fn find(store: &Store, id: &str) -> Result<RecordingV1, Failure> {
    Ok(store.readable_recording(id, None)?)
}

/// Prints one recording with its streams and gaps.
///
/// # Errors
/// Gaps or contract facts that cannot be read.
pub fn show(store: &Store, recording: &RecordingV1, as_json: bool) -> Result<(), Failure> {
    let (gaps, facts) = (store.gaps(&recording.id)?, facts(store, recording)?);
    let text = match as_json {
        true => format!("{:#}\n", to_json(recording, &gaps, &facts)),
        false => to_text(recording, &gaps, &facts),
    };
    terminal::print(&text);
    Ok(())
}

/// Contract facts and notes of each symbol, in the order of the recording.
type Facts = Vec<(ContractFacts, SymbolFactsV1)>;

fn facts(store: &Store, recording: &RecordingV1) -> Result<Facts, Failure> {
    let of = |symbol: &RecordedSymbolV1| {
        let kept = store.facts(&recording.id, &symbol.name)?;
        Ok((store.contract_facts(&recording.id, &symbol.name, &kept)?, kept))
    };
    recording.symbols.iter().map(of).collect()
}

/// Text lines with the contract facts and notes of a symbol.
fn facts_lines(name: &str, contract: &ContractFacts, kept: &SymbolFactsV1) -> Vec<String> {
    let mut lines = Vec::new();
    let known = [
        ("price step", contract.price_step),
        ("quantity step", contract.quantity_step),
        ("contract size", contract.contract_size),
    ];
    let known: Vec<String> =
        known.iter().filter_map(|(what, value)| Some(format!("{what} {}", (*value)?))).collect();
    if !known.is_empty() {
        lines.push(format!("\n{name}: {}\n", known.join(", ")));
    }
    if kept.repeated > 0 {
        let rows = counted(kept.repeated, "row", "rows");
        lines.push(format!("\n{name}: left out {rows} that repeat earlier ones\n"));
    }
    lines.extend(kept.notes.iter().map(|note| format!("\n{}\n", note.visible())));
    lines
}

fn delete(global: &Global, id: &str, is_agreed: bool) -> Result<(), Failure> {
    match global.holder(OpenMode::MustExist)? {
        Holder::Command(mut store) => {
            if confirmed(&find(&store, id)?, is_agreed)? {
                store.delete_recording(id)?;
                terminal::print(&format!("deleted {id}\n"));
                global.give_space_back(&mut store, "the recording is deleted");
            }
        }
        Holder::Daemon(daemon) => {
            let found = find(&daemon.copy(&[Records::Recordings])?, id)?;
            if confirmed(&found, is_agreed)? {
                daemon.ask(
                    Method::DELETE,
                    &format!("/api/data-collection/sessions/{}", encoded(id)),
                    None,
                )?;
                terminal::print(&format!("deleted {id}\n"));
            }
        }
    }
    Ok(())
}

/// Asks before a recording is deleted, unless that is agreed already.
fn confirmed(recording: &RecordingV1, is_agreed: bool) -> Result<bool, Failure> {
    let (id, rows) = (&recording.id, grouped(recording.rows()));
    let question = || terminal::confirmed(&format!("delete {id} with its {rows} rows for good?"));
    match if is_agreed { Some(true) } else { question() } {
        Some(true) => Ok(true),
        Some(false) => {
            terminal::notice("nothing was deleted");
            Ok(false)
        }
        None => Err(Failure::input(format!(
            "there is no terminal to confirm on that {id} is deleted for good: add --yes"
        ))),
    }
}

fn list(store: &Store, as_json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for recording in store.recordings()? {
        let gaps = store.gaps(&recording.id)?;
        all.push((recording, gaps));
    }
    if as_json {
        let mut list = Vec::new();
        for (recording, gaps) in &all {
            list.push(to_json(recording, gaps, &facts(store, recording)?));
        }
        terminal::print(&format!("{:#}\n", json!({ "recordings": list })));
    } else if all.is_empty() {
        terminal::print("no recordings yet; `tradingd import FILE…` makes one\n");
    } else {
        terminal::print(&list_text(&all));
    }
    Ok(())
}

fn list_text(all: &[(RecordingV1, Vec<(String, RecordedGap)>)]) -> String {
    const NAMES: usize = 3;
    let columns = [
        ("id", Align::Left),
        ("symbols", Align::Left),
        ("streams", Align::Left),
        ("rows", Align::Right),
        ("bytes/row", Align::Right),
        ("gaps", Align::Right),
        ("from", Align::Left),
        ("to", Align::Left),
    ];
    let row = |(recording, gaps): &(RecordingV1, Vec<(String, RecordedGap)>)| {
        let mut symbols: Vec<String> =
            recording.symbols.iter().take(NAMES).map(|symbol| symbol.name.clone()).collect();
        if recording.symbols.len() > NAMES {
            symbols.push(format!("+{}", recording.symbols.len() - NAMES));
        }
        let has = |kind: StreamKind| recording.symbols.iter().any(|symbol| symbol.stream(kind).is_some());
        let streams: Vec<&str> =
            StreamKind::ALL.iter().filter(|(kind, _)| has(*kind)).map(|(_, word)| *word).collect();
        let (from, to) = span_words(recording.span_with_gaps_ns(gaps));
        vec![
            recording.id.clone(),
            symbols.join(","),
            streams.join(","),
            grouped(recording.rows()),
            per_row_word(recording.bytes(), recording.rows()),
            gaps.len().to_string(),
            from,
            to,
        ]
    };
    table(&columns, all.iter().map(row).collect(), &[1, 2], &[4, 5, 7, 2, 6])
}

/// A line on a symbol whose rows are several histories.
fn apart_line(symbol: &RecordedSymbolV1, gaps: &[(String, RecordedGap)]) -> Option<String> {
    let streams: Vec<StreamKind> = symbol.streams.iter().filter_map(RecordedStreamV1::kind).collect();
    let count = stretches(symbol, &streams, gaps).len();
    (count > 1).then(|| {
        format!(
            "\n{}: {count} stretches more than {} days apart; `tradingd backtest` gives each an account of its own, as with files that far \
             apart; --together and sessions run through all of them with one\n",
            symbol.name,
            FURTHEST_APART.seconds_f64() / 86_400.0
        )
    })
}

fn to_text(recording: &RecordingV1, gaps: &[(String, RecordedGap)], facts: &Facts) -> String {
    let (from, to) = span_words(recording.span_with_gaps_ns(gaps));
    let mut text = format!(
        "{}\n{} and {} from {from} to {to}, {} bytes a row ({} bytes)\n\n",
        recording.id,
        counted(recording.rows(), "row", "rows"),
        counted(gaps.len() as u64, "gap", "gaps"),
        per_row_word(recording.bytes(), recording.rows()),
        grouped(recording.bytes())
    );
    let columns = [
        ("symbol", Align::Left),
        ("stream", Align::Left),
        ("rows", Align::Right),
        ("bytes/row", Align::Right),
        ("from", Align::Left),
        ("to", Align::Left),
    ];
    let row = |symbol: &RecordedSymbolV1, stream: &RecordedStreamV1| {
        let (from, to) = span_words(Some((stream.first_ns, stream.last_ns)));
        vec![
            symbol.name.clone(),
            word(stream).to_owned(),
            grouped(stream.rows),
            per_row_word(stream.bytes, stream.rows),
            from,
            to,
        ]
    };
    let rows: Vec<Vec<String>> = recording
        .symbols
        .iter()
        .flat_map(|symbol| symbol.streams.iter().map(move |stream| row(symbol, stream)))
        .collect();
    text.push_str(&table(&columns, rows, &[], &[3]));
    for (symbol, (contract, kept)) in recording.symbols.iter().zip(facts) {
        facts_lines(&symbol.name, contract, kept).iter().for_each(|line| text.push_str(line));
    }
    recording
        .symbols
        .iter()
        .filter_map(|symbol| apart_line(symbol, gaps))
        .for_each(|line| text.push_str(&line));
    if gaps.is_empty() {
        text.push_str("\nno gaps\n");
        return text;
    }
    let columns = [
        ("gap in", Align::Left),
        ("stream", Align::Left),
        ("cause", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
    ];
    let row = |(symbol, known): &(String, RecordedGap)| {
        let gap = known.gap;
        vec![
            symbol.clone(),
            known.stream.as_str().to_owned(),
            gap.cause.as_str().to_owned(),
            gap.from.to_string(),
            gap.to.to_string(),
        ]
    };
    text.push('\n');
    text.push_str(&table(&columns, gaps.iter().map(row).collect(), &[], &[]));
    text
}

fn to_json(recording: &RecordingV1, gaps: &[(String, RecordedGap)], facts: &Facts) -> Value {
    let time = |ns: i64| Timestamp::from_nanos(ns).to_string();
    let span = recording.span_with_gaps_ns(gaps);
    let gap = |(symbol, known): &(String, RecordedGap)| {
        let gap = known.gap;
        json!({
            "symbol": symbol, "stream": known.stream.as_str(), "cause": gap.cause.as_str(),
            "from": gap.from.to_string(), "to": gap.to.to_string(),
        })
    };
    json!({
        "id": recording.id,
        "created": Timestamp::from_micros(recording.created_us).map(|at| at.to_string()),
        "sources": recording.sources,
        "rows": recording.rows(),
        "bytes": recording.bytes(),
        "bytes_per_row": per_row(recording.bytes(), recording.rows()),
        "from": span.map(|(first, _)| time(first)),
        "to": span.map(|(_, last)| time(last)),
        "symbols": recording.symbols.iter().zip(facts).map(symbol_json).collect::<Vec<_>>(),
        "gaps": gaps.iter().map(gap).collect::<Vec<_>>(),
    })
}

fn symbol_json((symbol, (contract, kept)): (&RecordedSymbolV1, &(ContractFacts, SymbolFactsV1))) -> Value {
    let time = |ns: i64| Timestamp::from_nanos(ns).to_string();
    let step = |scale: u8| Decimal::step(scale).map(|step| step.to_string());
    let stream = |stream: &RecordedStreamV1| {
        json!({
            "stream": word(stream),
            "rows": stream.rows,
            "bytes": stream.bytes,
            "bytes_per_row": per_row(stream.bytes, stream.rows),
            "from": time(stream.first_ns),
            "to": time(stream.last_ns),
            "has_receive_times": stream.has_receive_times,
        })
    };
    json!({
        "name": symbol.name,
        "price_step": step(symbol.price_scale),
        "quantity_step": step(symbol.quantity_scale),
        "streams": symbol.streams.iter().map(stream).collect::<Vec<_>>(),
        "contract": contract_json(&symbol.name, contract),
        "repeated_trades": kept.repeated,
        "notes": kept.notes,
    })
}

fn word(stream: &RecordedStreamV1) -> &'static str {
    stream.kind().map_or("unknown", |it| it.as_str())
}

fn per_row_word(bytes: u64, rows: u64) -> String {
    per_row(bytes, rows).map_or("—".to_owned(), |bytes| format!("{bytes:.2}"))
}

fn span_words(span: Option<(i64, i64)>) -> (String, String) {
    let word = |ns: i64| Timestamp::from_nanos(ns).to_string();
    span.map_or(("—".to_owned(), "—".to_owned()), |(first, last)| (word(first), word(last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Gap, GapCause};
    use crate::store::records::RecordingState;

    #[test]
    fn a_recording_lasts_to_the_end_of_its_last_gap() {
        let recording = RecordingV1 {
            id: "session_20260101_000000_abcdef".to_owned(),
            state: RecordingState::Complete,
            sources: Vec::new(),
            created_us: 0,
            symbols: Vec::new(),
        };
        let gap = Gap {
            from: Timestamp::from_seconds(40),
            to: Timestamp::from_seconds(160),
            cause: GapCause::Disconnect,
        };
        let gaps = vec![("A_USDT".to_owned(), RecordedGap { stream: StreamKind::Trades, gap })];
        let shown = to_json(&recording, &gaps, &Vec::new());
        assert_eq!((&shown["from"], &shown["to"]), (&shown["gaps"][0]["from"], &shown["gaps"][0]["to"]));
        let span = "0 rows and 1 gap from 1970-01-01T00:00:40";
        assert!(to_text(&recording, &gaps, &Vec::new()).contains(span));
        assert!(list_text(&[(recording, gaps)]).contains("1970-01-01T00:02:40"));
    }
}
