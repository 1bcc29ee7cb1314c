//! `tradingd strategies`: lists and shows built-in and stored strategies, validates documents (all problems
//! at once), adds and deletes stored ones.

use super::backtest::RELEASE;
use super::daemon::encoded;
use super::state::Holder;
use super::table::{Align, table};
use super::{Failure, Global, misspelt, terminal};
use crate::clock;
use crate::document::strategy::{self, Document, Problem, Severity, builtin, needs};
use crate::domain::visible::Visible;
use crate::limits::{DOCUMENT_BYTES, STRATEGY_ID_BYTES};
use crate::regular_file;
use crate::report::text::counted;
use crate::service::strategies::is_id;
use crate::service::strategies::name_taken;
use crate::service::{Records, known_names};
use crate::store::OpenMode;
use crate::store::records::StrategyV1;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Options of `tradingd strategies`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List built-in and stored strategies.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print the document of a strategy.
    Show {
        /// A stored strategy, else a built-in one.
        id: String,
    },
    /// Check documents and print everything that is wrong with them.
    Validate {
        /// Strategy documents.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Read documents of strategy builders that name indicators by UUID, with their rules, e.g. flat
        /// lists that mix AND and OR are evaluated from left to right.
        #[arg(long)]
        original: bool,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Store a document as the next version of a strategy.
    Add {
        /// The document.
        file: PathBuf,
        /// Id of the strategy [default: the file's name without its extension].
        #[arg(long)]
        id: Option<String>,
        /// Read it with the rules of `strategies validate --original`.
        #[arg(long)]
        original: bool,
    },
    /// Hide a stored strategy from lists; its versions stay.
    Delete {
        /// The strategy's id.
        id: String,
    },
    /// Print the JSON Schema of documents.
    Schema,
}

/// Runs one of the actions.
///
/// # Errors
/// An unknown id, a document with errors, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    match &options.action {
        Action::List { json } => list(global, *json),
        Action::Show { id } => show(global, id),
        Action::Validate { files, original, json } => validate(files, *original, *json),
        Action::Add { file, id, original } => add(global, file, id.as_deref(), *original),
        Action::Delete { id } => delete(global, id),
        Action::Schema => {
            terminal::print(&format!("{:#}\n", strategy::schema()));
            Ok(())
        }
    }
}

/// One row of the list.
struct Listed {
    id: String,
    /// `None` for a built-in strategy.
    stored: Option<StrategyV1>,
    document: Option<Document>,
}

impl Listed {
    fn new(id: &str, text: &str, stored: Option<StrategyV1>) -> Self {
        Listed {
            id: id.to_owned(),
            stored,
            document: strategy::parse(text.as_bytes()).ok().map(|(document, _)| document),
        }
    }

    fn name(&self) -> &str {
        match (&self.document, &self.stored) {
            (Some(document), _) => document.name(),
            (None, Some(stored)) => &stored.name,
            (None, None) => "",
        }
    }

    fn channels(&self) -> Vec<&'static str> {
        let def = self.document.as_ref().map(|document| document.compile(&self.id, 1));
        def.iter().flat_map(needs).map(|(channel, _)| channel.as_str()).collect()
    }
}

fn list(global: &Global, as_json: bool) -> Result<(), Failure> {
    let stored = match global.read_if_any(&[Records::Strategies])? {
        Some(store) => store.strategies()?,
        None => Vec::new(),
    };
    let hidden = |id: &str| stored.iter().any(|stored| stored.id == id);
    let built_in =
        builtin().into_iter().filter(|(id, _)| !hidden(id)).map(|(id, text)| Listed::new(id, text, None));
    let mut all: Vec<Listed> = built_in.collect();
    all.extend(stored.iter().map(|stored| Listed::new(&stored.id, &stored.document, Some(stored.clone()))));
    let origin = |listed: &Listed| if listed.stored.is_some() { "stored" } else { "built-in" };
    let version = |listed: &Listed| listed.stored.as_ref().map(|stored| stored.version);
    // A built-in strategy is as old as the program.
    let release = |listed: &Listed| listed.stored.is_none().then_some(RELEASE);
    if as_json {
        let entry = |listed: &Listed| {
            json!({
                "id": listed.id, "name": listed.name(), "origin": origin(listed), "version": version(listed), "release": release(listed),
                "enabled": listed.document.as_ref().map(Document::enabled), "needs": listed.channels(),
                "valid": listed.document.is_some(),
            })
        };
        terminal::print(&format!(
            "{:#}\n",
            json!({ "strategies": all.iter().map(entry).collect::<Vec<_>>() })
        ));
        return Ok(());
    }
    let columns = [
        ("id", Align::Left),
        ("origin", Align::Left),
        ("version", Align::Right),
        ("needs", Align::Left),
        ("name", Align::Left),
    ];
    let row = |listed: &Listed| {
        let needs =
            if listed.document.is_some() { listed.channels().join(",") } else { "not valid".to_owned() };
        let version = version(listed).map_or_else(|| RELEASE.to_owned(), |version| version.to_string());
        vec![listed.id.clone(), origin(listed).to_owned(), version, needs, listed.name().to_owned()]
    };
    terminal::print(&table(&columns, all.iter().map(row).collect(), &[4], &[2, 1]));
    Ok(())
}

fn show(global: &Global, id: &str) -> Result<(), Failure> {
    let stored = match global.read_if_any(&[Records::Strategies])? {
        Some(store) => store.strategies()?,
        None => Vec::new(),
    };
    let found = stored.iter().find(|stored| stored.id == id).map(|stored| stored.document.clone());
    let text = found
        .or_else(|| builtin().into_iter().find(|(known, _)| *known == id).map(|(_, text)| text.to_owned()));
    match text {
        Some(text) => terminal::print(&format!("{}\n", text.trim_end())),
        None => {
            let stored = stored.iter().map(|stored| stored.id.as_str());
            return Err(Failure::input(format!(
                "there is no strategy {id:?}; {}",
                misspelt::strategies(id, stored)
            )));
        }
    }
    Ok(())
}

/// A document with its warnings, or all its problems.
type Validated = Result<(Document, Vec<Problem>), Vec<Problem>>;

/// Reads and validates a document; a file that cannot be read is reported as a problem of the document.
fn read(path: &Path, original: bool) -> Validated {
    let unreadable =
        |problem: String| vec![Problem { path: String::new(), problem, severity: Severity::Error }];
    match regular_file::read(path, DOCUMENT_BYTES as u64) {
        Err(error) => Err(unreadable(format!("cannot be read ({error}); check the path"))),
        Ok(bytes) if bytes.len() > DOCUMENT_BYTES => {
            Err(unreadable(format!("is longer than {DOCUMENT_BYTES} bytes; this is not a strategy document")))
        }
        Ok(bytes) if original => strategy::import(&bytes),
        Ok(bytes) => strategy::parse(&bytes),
    }
}

fn validate(files: &[PathBuf], original: bool, as_json: bool) -> Result<(), Failure> {
    let validated: Vec<(&PathBuf, Validated)> =
        files.iter().map(|file| (file, read(file, original))).collect();
    if as_json {
        let entry = |(file, validated): &(&PathBuf, Validated)| {
            let problems = validated.as_ref().map_or_else(|problems| problems, |(_, warnings)| warnings);
            json!({
                "file": file.display().to_string(),
                "valid": validated.is_ok(),
                "name": validated.as_ref().ok().map(|(document, _)| document.name()),
                "problems": problems.iter().map(problem_json).collect::<Vec<_>>(),
            })
        };
        terminal::print(&format!(
            "{:#}\n",
            json!({ "documents": validated.iter().map(entry).collect::<Vec<_>>() })
        ));
    } else {
        let mut text = String::new();
        for (file, validated) in &validated {
            let (word, problems) = match validated {
                Ok((_, warnings)) => ("valid", warnings),
                Err(problems) => ("not valid", problems),
            };
            text.push_str(&format!("{}: {word}\n", file.visible()));
            problems
                .iter()
                .for_each(|problem| text.push_str(&format!("  {}\n", problem.to_string().visible())));
        }
        terminal::print(&text);
    }
    match validated.iter().filter(|(_, validated)| validated.is_err()).count() {
        0 => Ok(()),
        wrong => Err(Failure::input(format!(
            "{wrong} of {} documents cannot run: correct the errors listed for each",
            files.len()
        ))),
    }
}

fn problem_json(problem: &Problem) -> Value {
    json!({ "path": problem.path, "problem": problem.problem, "severity": problem.severity.as_str() })
}

fn add(global: &Global, file: &Path, id: Option<&str>, original: bool) -> Result<(), Failure> {
    let stem = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let id = slug(id.map_or_else(stem, str::to_owned))?;
    let (document, warnings) = read(file, original).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        let problems = counted(list.len() as u64, "problem", "problems");
        Failure::input(format!("{} was not added, it has {problems}:\n{}", file.visible(), list.join("\n")))
    })?;
    for warning in warnings {
        terminal::notice(&format!("{}: {warning}", file.visible()));
    }
    // Stored in canonical form, so that reading it again gives no import warnings.
    let text = document.to_json();
    let holder = global.holder(OpenMode::CreateIfNew)?;
    let known = match &holder {
        Holder::Command(store) => store.strategies()?,
        Holder::Daemon(daemon) => daemon.copy(&[Records::Strategies])?.strategies()?,
    };
    let name = document.name();
    let is_taken = |other: &&StrategyV1| other.id != id && (other.name == name || other.id == name);
    if let Some(other) = known.iter().find(is_taken) {
        return Err(name_taken(&other.id, &other.name).into());
    }
    let known = known.into_iter().find(|stored| stored.id == id);
    if let Some(same) = known.as_ref().filter(|known| known.document == text) {
        terminal::print(&format!("{id} version {} is this document already\n", same.version));
        return Ok(());
    }
    let version = match &holder {
        Holder::Command(store) => store.put_strategy(&id, document.name(), &text, clock::now())?.into(),
        Holder::Daemon(daemon) => {
            let (method, path) = match known {
                Some(_) => (Method::PUT, format!("/api/strategies/{id}")),
                None => (Method::POST, format!("/api/strategies?id={id}")),
            };
            daemon.ask(method, &path, Some(&text))?["version"].as_u64().unwrap_or_default()
        }
    };
    terminal::print(&format!("added {id} version {version}\n"));
    Ok(())
}

fn slug(id: String) -> Result<String, Failure> {
    if !is_id(&id) {
        return Err(Failure::input(format!(
            "{id:?} cannot be a strategy's id: 1 to {STRATEGY_ID_BYTES} of a-z, 0-9, _ and -; choose one with --id"
        )));
    }
    Ok(id)
}

fn delete(global: &Global, id: &str) -> Result<(), Failure> {
    let holder = global.holder(OpenMode::MustExist)?;
    // The API also finds a strategy by its name; a command names it by its id.
    let stored = match &holder {
        Holder::Command(store) => store.strategies()?,
        Holder::Daemon(daemon) => daemon.copy(&[Records::Strategies])?.strategies()?,
    };
    if !stored.iter().any(|stored| stored.id == id) {
        let stored = known_names(id, stored.iter().map(|stored| stored.id.as_str()));
        return Err(Failure::input(format!(
            "there is no stored strategy {id:?}; {stored}; `tradingd strategies list` lists all with the built-in ones"
        )));
    }
    match holder {
        Holder::Command(store) => store.delete_strategy(id, clock::now())?,
        Holder::Daemon(daemon) => {
            daemon.ask(Method::DELETE, &format!("/api/strategies/{}", encoded(id)), None)?;
        }
    }
    terminal::print(&format!("deleted {id}\n"));
    Ok(())
}
