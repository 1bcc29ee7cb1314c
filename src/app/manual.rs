//! `tradingd completions` and `tradingd man`: completion scripts and manual pages, generated from the clap
//! command.

use super::output::unwritable;
use super::{Failure, command, terminal};
use crate::domain::visible::Visible;
use crate::files::whole_file;
use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Options of `tradingd completions`.
#[derive(Args)]
pub struct CompletionsOptions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `tradingd man`.
#[derive(Args)]
pub struct ManOptions {
    /// Write a page for every command into this directory instead of printing the page of tradingd.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the completion script of a shell.
///
/// # Errors
/// None; the signature is that of every command.
pub fn completions(options: &CompletionsOptions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command(), "tradingd", &mut script);
    terminal::print_bytes(&script);
    Ok(())
}

/// Prints the manual page of `tradingd`, or writes the pages of all commands.
///
/// # Errors
/// A directory that cannot be written.
pub fn man(options: &ManOptions) -> Result<(), Failure> {
    let Some(dir) = &options.out else {
        terminal::print_bytes(&page(command())?);
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
    let mut root = command();
    // Gives every subcommand its full display name.
    root.build();
    let mut count = 0;
    write_pages(&root, dir, &mut count)?;
    terminal::notice(&format!("{count} pages written to {}", dir.visible()));
    Ok(())
}

fn write_pages(command: &clap::Command, dir: &Path, count: &mut usize) -> Result<(), Failure> {
    let path = dir.join(format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name())));
    whole_file::write_whole(&path, &page(command.clone())?).map_err(|error| unwritable(&path, error))?;
    *count += 1;
    command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
        .try_for_each(|sub| write_pages(sub, dir, count))
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::other(format!("the manual could not be written: {error}")))?;
    Ok(page)
}
