//! Finds the sources that a user names: stored recordings or files.

use super::files::from_files;
use super::settings::RunSettings;
use super::source::{Origin, Source, span_of};
use super::stretches::stretches;
use super::symbol::{Known, SourceSymbol};
use crate::domain::bar_length::BarSource;
use crate::domain::decimal::Decimal;
use crate::domain::record::StreamKind;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::Visible;
use crate::service::{SourceError, known_names};
use crate::store::Store;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The market data named by the user.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// A stored recording.
    Recording(&'a Store, &'a str),
    /// Several stored recordings, each a source of its own.
    Recordings(&'a Store, &'a [String]),
    /// Files or folders.
    Files(&'a [PathBuf]),
}

/// Finds all sources the user named.
///
/// # Errors
/// Data that cannot be read, or a symbol that no source contains.
pub fn find<'a>(input: Input<'a>, settings: &RunSettings) -> Result<Vec<Source<'a>>, SourceError> {
    find_fit(input, settings, &mut Vec::new())
}

/// As [`find`]; `left_out` lists what was skipped: files of folders that have no rows or are no market data,
/// by name or by layout, and, with `skip_unfit`, whatever does not fit.
///
/// # Errors
/// As [`find`].
pub fn find_fit<'a>(
    input: Input<'a>,
    settings: &RunSettings,
    left_out: &mut Vec<String>,
) -> Result<Vec<Source<'a>>, SourceError> {
    let mut sources = match input {
        Input::Recording(store, id) => vec![recording(id, settings, store, left_out)?],
        Input::Recordings(store, ids) => ids
            .iter()
            .map(|id| recording(id, settings, store, left_out))
            .collect::<Result<Vec<_>, SourceError>>()?,
        Input::Files(paths) => from_files(paths, settings, left_out)?,
    };
    for wanted in &settings.symbols {
        let has = |source: &Source<'_>| {
            source.symbols.iter().any(|symbol| symbol_name::same(&symbol.spec.name, wanted))
        };
        if !sources.iter().any(has) {
            return Err(SourceError::Input(missing_symbol(wanted, &sources, left_out)?));
        }
    }
    sources.retain(|source| !source.symbols.is_empty());
    if sources.is_empty() {
        let why = left_out.iter().map(|why| format!("\n  {why}")).collect::<String>();
        return Err(SourceError::Input(format!("there is no market data in what was named{why}")));
    }
    Ok(sources)
}

/// What is said of a symbol without data: what it may have been meant to be, or why its data are left out.
fn missing_symbol(wanted: &str, sources: &[Source<'_>], left_out: &[String]) -> Result<String, SourceError> {
    let mut names = BTreeSet::new();
    for source in sources {
        names.extend(source.all_symbols()?);
    }
    if names.iter().any(|name| symbol_name::same(name, wanted)) {
        let why = left_out.iter().map(|why| format!("\n  {why}")).collect::<String>();
        return Ok(format!("the data of the symbol {wanted:?} cannot be used{why}"));
    }
    let known = known_names(wanted, names.iter().map(String::as_str));
    Ok(format!("there is no data of the symbol {wanted:?}; {known}"))
}

/// Refuses symbols without data in the time range of the settings; with `skip_unfit` they are left out.
///
/// # Errors
/// A symbol without data in the range; with `skip_unfit` only when no source is left.
pub fn refuse_empty_range(
    sources: &mut Vec<Source<'_>>,
    settings: &RunSettings,
    left_out: &mut Vec<String>,
) -> Result<(), SourceError> {
    let has_data = |symbol: &SourceSymbol| match &symbol.stretches[..] {
        [] | [_] => symbol.span.is_none_or(|span| settings.reaches(span)),
        several => several.iter().any(|stretch| settings.reaches(*stretch)),
    };
    let mut empty = Vec::new();
    for source in sources.iter_mut() {
        let label = source.label.visible();
        source.symbols.retain(|symbol| {
            let keep = has_data(symbol);
            if !keep && let Some((first, last)) = symbol.span {
                empty.push(format!(
                    "{} of {label} has data from {first} to {last} only, none between --from and --to",
                    symbol.spec.name
                ));
            }
            keep
        });
    }
    sources.retain(|source| !source.symbols.is_empty());
    if empty.is_empty() {
        return Ok(());
    }
    if !settings.skip_unfit || sources.is_empty() {
        return Err(SourceError::Input(empty.join("\n")));
    }
    left_out.extend(empty);
    Ok(())
}

fn recording<'a>(
    id: &str,
    settings: &RunSettings,
    store: &'a Store,
    left_out: &mut Vec<String>,
) -> Result<Source<'a>, SourceError> {
    let record = store.readable_recording(id, None)?;
    let named: Vec<&str> =
        settings.symbols.iter().filter_map(|symbol| Some(record.spelled(symbol)?.name.as_str())).collect();
    let wanted = |name: &str| settings.symbols.is_empty() || named.contains(&name);
    let gaps = store.gaps(id)?;
    let (mut symbols, mut bytes) = (Vec::new(), 0);
    for symbol in record.symbols.iter().filter(|symbol| wanted(&symbol.name)) {
        bytes += symbol.streams.iter().map(|stream| stream.bytes).sum::<u64>();
        let kept = store.facts(id, &symbol.name)?;
        let mut notes = kept.notes.clone();
        let bar = symbol.stream(StreamKind::Bars).map(|stream| {
            let length = Span::from_seconds(i64::from(stream.bar_seconds()));
            if kept.bar_source().is_none() {
                notes.push(format!(
                    "the bars of {} were imported by a version that took their smallest distance for their length; import them again",
                    symbol.name
                ));
            }
            (length, kept.bar_source().unwrap_or(BarSource::Assumed))
        });
        let bar_ns = bar.map_or(0, |(length, _)| length.nanos());
        let spans = symbol.streams.iter().filter_map(|stream| {
            let kind = stream.kind()?;
            let shift = if kind == StreamKind::Bars { bar_ns } else { 0 };
            let [first, last] = [stream.first_ns, stream.last_ns]
                .map(|at_ns| Timestamp::from_nanos(at_ns.saturating_add(shift)));
            Some((kind, first, last))
        });
        let known = Known {
            source: id,
            name: &symbol.name,
            facts: store.contract_facts(id, &symbol.name, &kept)?,
            price_digits: Decimal::step(symbol.price_scale).unwrap_or(Decimal::ONE),
            quantity_digits: Decimal::step(symbol.quantity_scale).unwrap_or(Decimal::ONE),
            spans: spans.collect(),
            bar,
            repeated: kept.repeated,
            notes,
        };
        if let Some(mut found) = known.symbol_or_left_out(settings, left_out)? {
            let replayed: Vec<StreamKind> = found.replayed().collect();
            found.stretches = stretches(symbol, &replayed, &gaps);
            symbols.push(found);
        }
    }
    let span = span_of(&symbols);
    Ok(Source { label: id.to_owned(), symbols, span, bytes, origin: Origin::Recording(store) })
}
