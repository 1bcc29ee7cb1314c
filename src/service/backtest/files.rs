//! Market data files as sources: grouped by stem, joined to one history where they follow each other.

use super::settings::RunSettings;
use super::source::{Origin, Source, selection, span_of};
use super::symbol::Known;
use crate::domain::record::StreamKind;
use crate::domain::visible::Visible;
use crate::files::{
    BarLengths, FileError, FileFacts, FileSurvey, History, Inputs, Problem, Selection, SourceGroup,
    SourceSurvey, expand, group_by_stem, histories, survey_for_replay, whole_file, why_left_out,
};
use crate::report::text::counted;
use crate::service::SourceError;
use std::path::PathBuf;

/// The sources that a list of files and folders forms.
///
/// # Errors
/// A file that is refused, a symbol that does not fit, or nothing at all.
pub(super) fn from_files(
    paths: &[PathBuf],
    settings: &RunSettings,
    left_out: &mut Vec<String>,
) -> Result<Vec<Source<'static>>, SourceError> {
    let inputs = expand(paths)?;
    left_out.extend(inputs.left_out.iter().map(|path| format!("{}: {}", path.visible(), why_left_out(path))));
    if let Some(path) = inputs.files.iter().find(|path| whole_file::is_stream(path)) {
        return Err(SourceError::Input(format!(
            "{} is not a file but a pipe or a device, which can be read only once; import it and give the recording",
            path.visible()
        )));
    }
    let mut surveyed: Vec<(SourceGroup, Vec<FileSurvey>)> = Vec::new();
    let mut refused = None;
    let selection = selection(settings, &settings.symbols);
    for group in group_by_stem(&inputs.files) {
        match survey_group(&group, settings, &selection, &inputs, left_out) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => surveyed.push((group, files)),
            Err(error) if is_passed_over(&error, settings, &inputs) => {
                left_out.push(said(&error));
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if surveyed.is_empty()
        && let Some(error) = refused
    {
        return Err(error.into());
    }
    let joined = match settings.separate_files {
        true => surveyed.into_iter().map(|(group, files)| History { label: group.label, files }).collect(),
        false => histories(surveyed, &selection)?,
    };
    joined.into_iter().map(|history| source(history, settings, left_out)).collect()
}

/// Whether a refused source is skipped instead of failing the run.
fn is_passed_over(error: &FileError, settings: &RunSettings, inputs: &Inputs) -> bool {
    is_left_out(error, settings, inputs)
        || settings.skip_unfit && error.is_bad_input() && !matches!(error.problem, Problem::Unreadable(_))
}

/// Whether a file found in a folder is not read: without rows, like a day without trades, or no market data.
fn is_left_out(error: &FileError, settings: &RunSettings, inputs: &Inputs) -> bool {
    error.leaves_out().is_some() && (settings.skip_unfit || inputs.found.contains(&error.file))
}

/// What is said of a file that is skipped.
fn said(error: &FileError) -> String {
    match error.leaves_out() {
        Some(why) => format!("{}: {why}", error.file.visible()),
        None => error.to_string(),
    }
}

/// The files of a group that are read; when none is, the error of one of them.
fn survey_group(
    group: &SourceGroup,
    settings: &RunSettings,
    selection: &Selection,
    inputs: &Inputs,
    left_out: &mut Vec<String>,
) -> Result<Vec<FileSurvey>, FileError> {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for path in &group.paths {
        match survey_for_replay(path, selection) {
            Ok(file) => files.push(file),
            Err(error) if is_left_out(&error, settings, inputs) => unread.push(error),
            Err(error) => return Err(error),
        }
    }
    if files.is_empty()
        && let Some(error) = unread.pop()
    {
        return Err(error);
    }
    left_out.extend(unread.iter().map(said));
    Ok(files)
}

fn source(
    history: History,
    settings: &RunSettings,
    left_out: &mut Vec<String>,
) -> Result<Source<'static>, SourceError> {
    let mut lengths = BarLengths::default();
    for file in history.files.iter().filter(|file| file.kind == StreamKind::Bars) {
        for symbol in file.symbols.iter().filter(|symbol| symbol.bar_source.is_declared()) {
            lengths.add(&symbol.name, &file.path, symbol.bar).map_err(SourceError::Input)?;
        }
    }
    let mut facts = FileFacts::default();
    for file in &history.files {
        for symbol in &file.symbols {
            facts.add(&symbol.name, &file.path, symbol.facts()).map_err(SourceError::Input)?;
        }
    }
    let survey = SourceSurvey::of(history.files);
    let mut symbols = Vec::new();
    for symbol in &survey.symbols {
        let mut notes: Vec<String> =
            symbol.bar_contradiction.iter().map(|why| format!("{}: {why}", symbol.name)).collect();
        notes.extend(symbol.notes.iter().cloned());
        if symbol.rounded > 0 {
            let numbers = counted(symbol.rounded, "number", "numbers");
            notes.push(format!(
                "corrected {numbers} of {} to the step; off by a binary rounding error",
                symbol.name
            ));
        }
        let known = Known {
            source: &history.label,
            name: &symbol.name,
            facts: symbol.facts.clone(),
            price_digits: symbol.price_step(),
            quantity_digits: symbol.quantity_step(),
            spans: symbol.spans.clone(),
            bar: symbol.bar,
            repeated: symbol.repeated,
            notes,
        };
        symbols.extend(known.symbol_or_left_out(settings, left_out)?);
    }
    let span = span_of(&symbols);
    Ok(Source {
        label: history.label,
        symbols,
        span,
        bytes: survey.total_bytes,
        origin: Origin::Files(Box::new(survey)),
    })
}
