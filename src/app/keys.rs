//! `tradingd keys`: the API key of the exchange account.

use super::{Failure, Global, terminal};
use crate::domain::visible::Visible;
use crate::service::market::KeyRing;
use clap::{Args, Subcommand};
use std::io::Read;

/// Maximum bytes read from standard input.
const INPUT_BYTES: u64 = 4_096;

/// Options of `tradingd keys`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Ask for the access key and the secret key and keep them in the state directory, for its owner only. A
    /// running daemon uses them within seconds.
    Add {
        /// Take the first two lines of standard input instead of asking.
        #[arg(long)]
        stdin: bool,
    },
}

/// Runs one of the actions.
///
/// # Errors
/// Keys that cannot be read or written.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let Action::Add { stdin } = &options.action;
    let (access, secret) = if *stdin { piped()? } else { asked()? };
    let path = KeyRing::write(&global.state(), &access, &secret)
        .map_err(|error| Failure::input(format!("the key was not kept: {error}")))?;
    terminal::print(&format!("the key is in {}\n", path.visible()));
    Ok(())
}

fn piped() -> Result<(String, String), Failure> {
    let text = std::io::read_to_string(std::io::stdin().take(INPUT_BYTES))
        .map_err(|error| Failure::input(format!("standard input cannot be read ({error})")))?;
    let mut lines = text.lines().map(|line| line.trim().to_owned());
    match (lines.next(), lines.next()) {
        (Some(access), Some(secret)) => Ok((access, secret)),
        _ => Err(Failure::input("standard input must hold two lines: the access key and the secret key")),
    }
}

fn asked() -> Result<(String, String), Failure> {
    let ask = |prompt| {
        rpassword::prompt_password(prompt).map_err(|error| {
            Failure::input(format!("there is no terminal to ask for the key ({error}): use --stdin"))
        })
    };
    Ok((ask("access key: ")?.trim().to_owned(), ask("secret key: ")?.trim().to_owned()))
}
