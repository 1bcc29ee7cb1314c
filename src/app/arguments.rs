//! What is said of a command line that clap refuses: its own words, except where they speak of Rust and not
//! of numbers.

use crate::domain::visible::Visible;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

/// The refusal as one text without a final newline.
pub fn refusal(mut error: clap::Error) -> String {
    if let Some(problem) = number(&error) {
        return format!("error: {problem}");
    }
    if error.kind() == ErrorKind::UnknownArgument {
        // Clap advises to pass an unknown option as a value, which is never what was meant.
        error.remove(ContextKind::Suggested);
    }
    error.to_string().trim_end().to_owned()
}

/// The problem of an option whose value is no number, or one out of bounds; `None` for any other refusal.
fn number(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let option = context(ContextKind::InvalidArg)?.split(' ').next()?;
    let value = context(ContextKind::InvalidValue)?;
    let cause = error.source()?;
    let problem = if cause.is::<ParseFloatError>() {
        "is not a number; write it as 1000 or 1000.5".to_owned()
    } else if let Some(cause) = cause.downcast_ref::<ParseIntError>() {
        whole_number(value, cause.kind()).to_owned()
    } else {
        out_of_bounds(&cause.to_string(), value)?
    };
    Some(format!("{option}: `{}` {problem}", value.visible()))
}

fn whole_number(value: &str, cause: &IntErrorKind) -> &'static str {
    match cause {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "is too large a number",
        _ if value.parse::<f64>().is_ok_and(|number| number < 0.0) => "is below zero; write 0 or more",
        _ => "is not a whole number; write it as 1000",
    }
}

/// Words for clap's `5 is not in 1..=3`, or `0 is not in 1..18446744073709551615` where there is no end.
fn out_of_bounds(cause: &str, value: &str) -> Option<String> {
    let range = cause.strip_prefix(value)?.strip_prefix(" is not in ")?;
    let (least, most) = range.split_once("..")?;
    Some(match most.strip_prefix('=') {
        Some(most) => format!("is not a whole number between {least} and {most}"),
        None => format!("is not a whole number from {least} on"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command;
    use std::any::TypeId;

    fn refused(words: &[&str]) -> String {
        refusal(command().try_get_matches_from(words).unwrap_err())
    }

    /// Every option of every command, as the words before its value.
    fn numeric(command: &clap::Command, above: &[String]) -> Vec<Vec<String>> {
        let kinds = [
            TypeId::of::<f64>(),
            TypeId::of::<u64>(),
            TypeId::of::<u32>(),
            TypeId::of::<u16>(),
            TypeId::of::<usize>(),
            TypeId::of::<i64>(),
        ];
        let mut here = above.to_vec();
        here.push(command.get_name().to_owned());
        let options = command
            .get_arguments()
            .filter(|option| kinds.iter().any(|kind| option.get_value_parser().type_id() == *kind));
        let mut all: Vec<Vec<String>> = options
            .filter_map(|option| Some([&here[..], &[format!("--{}", option.get_long()?)]].concat()))
            .collect();
        command.get_subcommands().for_each(|sub| all.extend(numeric(sub, &here)));
        all
    }

    #[test]
    fn every_option_that_takes_a_number_says_how_to_write_one() {
        let all = numeric(&command(), &[]);
        assert!(all.len() > 15, "{all:?}");
        for words in all {
            let line: Vec<&str> = words.iter().map(String::as_str).chain(["1,5"]).collect();
            let (told, option) = (refused(&line), line[line.len() - 2]);
            let (whole, any) = (
                format!("error: {option}: `1,5` is not a whole number; write it as 1000"),
                format!("error: {option}: `1,5` is not a number; write it as 1000 or 1000.5"),
            );
            assert!(told == whole || told == any, "{told}");
        }
    }

    #[test]
    fn numbers_out_of_their_bounds_are_told_with_them() {
        for (line, told) in [
            ("backtest --strategy x --data y --seed -1", "--seed: `-1` is below zero; write 0 or more"),
            (
                "backtest --strategy x --data y --threads 1.5",
                "--threads: `1.5` is not a whole number; write it as 1000",
            ),
            (
                "backtest --strategy x --data y --seed 99999999999999999999",
                "--seed: `99999999999999999999` is too large a number",
            ),
            (
                "import x --bar-seconds 700000",
                "--bar-seconds: `700000` is not a whole number between 1 and 604800",
            ),
            ("sweep --strategy x --random 0", "--random: `0` is not a whole number from 1 on"),
        ] {
            let words: Vec<&str> = std::iter::once("tradingd").chain(line.split(' ')).collect();
            assert_eq!(refused(&words), format!("error: {told}"));
        }
    }

    #[test]
    fn an_unknown_option_is_not_advised_to_be_a_value() {
        let told = refused(&["tradingd", "results", "trades", "exec_1", "--file", "x.csv"]);
        assert!(told.contains("unexpected argument '--file'") && !told.contains("as a value"), "{told}");
        let near = refused(&["tradingd", "results", "trades", "exec_1", "--jsn"]);
        assert!(near.contains("a similar argument exists: '--json'"), "{near}");
    }
}
