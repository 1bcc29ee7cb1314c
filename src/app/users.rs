//! `tradingd user`: creates, changes and lists users in the store. Passwords come from the terminal or
//! standard input, never from an argument, which every process could read.

use super::table::{Align, table};
use super::{Failure, Global, terminal};
use crate::auth::{Keys, Role};
use crate::clock;
use crate::service::users::User;
use crate::service::{Refusal, RefusalKind, Users};
use crate::store::OpenMode;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::BufRead;
use std::sync::Arc;

/// Maximum bytes read from standard input for a password; longer than any accepted password.
const LINE_BYTES: u64 = 4_096;

/// Options of `tradingd user`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Create a user; prompts for the password.
    Add {
        /// Lower-case letters, digits, dots, underscores and dashes.
        name: String,
        /// viewer, trader, live or admin; each includes the rights of the one before. `live` is reserved for
        /// real orders, which do not exist yet.
        #[arg(long, value_parser = role)]
        role: Role,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Change a user's password and end their logins; prompts for the password.
    Passwd {
        /// The user.
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// List all users.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Disable a user and end their logins.
    Disable {
        /// The user.
        name: String,
    },
    /// Enable a disabled user.
    Enable {
        /// The user.
        name: String,
    },
    /// Remove a user and end their logins.
    Remove {
        /// The user.
        name: String,
    },
}

#[derive(Args)]
struct PasswordFrom {
    /// Take the first line of standard input as the password.
    #[arg(long)]
    password_stdin: bool,
}

/// Runs one of the actions.
///
/// # Errors
/// What the service refuses, a password that cannot be read, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let mode = if matches!(options.action, Action::Add { .. }) {
        OpenMode::CreateIfNew
    } else {
        OpenMode::MustExist
    };
    // No token is issued or checked here, so the daemon's signing key is not loaded.
    let users = Users::open(Arc::new(global.store(mode)?), Keys::ephemeral())?;
    let now = clock::now();
    let done = match &options.action {
        Action::Add { name, role, password } => {
            let user = users.create(name, *role, &password.read()?, now).map_err(failure)?;
            format!("{} may log in as {}\n", user.name, user.role)
        }
        Action::Passwd { name, password } => {
            // Fails on an unknown user before the password is asked for.
            users.user(name).map_err(failure)?;
            users.set_password(name, &password.read()?, now).map_err(failure)?;
            format!("the password of {name} is changed and all logins with the old one are ended\n")
        }
        Action::List { json } => {
            let all = users.list().map_err(failure)?;
            if *json {
                format!("{:#}\n", json!({ "users": all.iter().map(to_json).collect::<Vec<_>>() }))
            } else {
                to_text(&all)
            }
        }
        Action::Disable { name } => {
            users.disable(name, now).map_err(failure)?;
            format!("{name} may not log in any more\n")
        }
        Action::Enable { name } => {
            users.enable(name, now).map_err(failure)?;
            format!("{name} may log in again\n")
        }
        Action::Remove { name } => {
            users.delete(name).map_err(failure)?;
            format!("{name} is removed\n")
        }
    };
    terminal::print(&done);
    Ok(())
}

impl PasswordFrom {
    fn read(&self) -> Result<String, Failure> {
        if self.password_stdin {
            return first_line(std::io::stdin().lock());
        }
        let ask = |prompt| {
            rpassword::prompt_password(prompt).map_err(|error| {
                Failure::input(format!(
                    "there is no terminal to ask for the password ({error}): use --password-stdin"
                ))
            })
        };
        let password = ask("password: ")?;
        if ask("once more: ")? != password {
            Err(Failure::input("the two passwords differ: try again"))
        } else {
            Ok(password)
        }
    }
}

fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.take(LINE_BYTES).read_line(&mut line);
    read.map_err(|error| {
        Failure::input(format!("the password cannot be read from standard input ({error}): give it in UTF-8"))
    })?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_name(word)
        .ok_or_else(|| format!("choose one of {}", Role::ALL.map(|role| role.as_str()).join(", ")))
}

fn to_text(users: &[User]) -> String {
    if users.is_empty() {
        return "no users yet: make one with `tradingd user add`\n".to_owned();
    }
    let columns =
        [("name", Align::Left), ("role", Align::Left), ("state", Align::Left), ("created", Align::Left)];
    let row = |user: &User| {
        vec![user.name.clone(), user.role.to_string(), state(user).to_owned(), user.created.to_string()]
    };
    table(&columns, users.iter().map(row).collect(), &[], &[])
}

fn to_json(user: &User) -> Value {
    json!({
        "name": user.name,
        "role": user.role.as_str(),
        "disabled": user.disabled,
        "created": user.created.to_string(),
        "updated": user.updated.to_string(),
    })
}

fn state(user: &User) -> &'static str {
    if user.disabled { "disabled" } else { "enabled" }
}

/// Converts a refusal to a failure whose message lists every problem.
fn failure(refusal: Refusal) -> Failure {
    let mut message = refusal.message;
    for problem in refusal.details["problems"].as_array().into_iter().flatten() {
        let word = |key: &str| problem[key].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        message.push_str(&format!("\n  {} {}", word("path"), word("problem")));
    }
    match refusal.kind {
        RefusalKind::Invalid | RefusalKind::NotFound | RefusalKind::Conflict => Failure::input(message),
        _ => Failure::other(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        let read = |bytes: &[u8]| first_line(bytes).map_err(|failure| failure.code());
        assert_eq!(read(b"correct horse\nbattery"), Ok("correct horse".to_owned()));
        assert_eq!(read(b" correct horse \r\n"), Ok(" correct horse ".to_owned()));
        assert_eq!(read(b"correct"), Ok("correct".to_owned()));
        assert_eq!(read(b""), Ok(String::new()));
        assert_eq!(read(b"\xff\n"), Err(64));
        assert_eq!(read(&[b'x'; 10_000]).map(|line| line.len()), Ok(4_096));
    }
}
