//! `tradingd user`: creates, changes and lists the users of the store. Passwords come from the terminal or
//! standard input, never from an argument, which every process could read.

use super::daemon::{Daemon, encoded};
use super::state::Holder;
use super::table::{Align, table};
use super::{Failure, Global, terminal};
use crate::auth::{Keys, Role};
use crate::clock;
use crate::domain::time::Timestamp;
use crate::service::users::{Alteration, User};
use crate::service::{Refusal, RefusalKind, Users};
use crate::store::OpenMode;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
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
        /// real orders.
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
    let accounts = match global.holder(mode)? {
        // No token is issued or checked here, so the daemon's signing key is not loaded.
        Holder::Command(store) => Accounts::Here(Box::new(Users::open(Arc::new(*store), Keys::ephemeral())?)),
        Holder::Daemon(daemon) => Accounts::There(daemon),
    };
    let done = match &options.action {
        Action::Add { name, role, password } => {
            accounts.create(name, *role, &password.read()?)?;
            format!("{name} may log in as {role}\n")
        }
        Action::Passwd { name, password } => {
            // Fails on an unknown user before the password is asked for.
            accounts.find(name)?;
            let password = password.read()?;
            accounts.change(name, &Alteration { password: Some(&password), ..Alteration::default() })?;
            format!("the password of {name} is changed and all logins with the old one are ended\n")
        }
        Action::List { json } => {
            let all = accounts.list()?;
            if *json {
                format!("{:#}\n", json!({ "users": all.iter().map(to_json).collect::<Vec<_>>() }))
            } else {
                to_text(&all)
            }
        }
        Action::Disable { name } => {
            accounts.change(name, &Alteration { disabled: Some(true), ..Alteration::default() })?;
            format!("{name} may not log in any more\n")
        }
        Action::Enable { name } => {
            accounts.change(name, &Alteration { disabled: Some(false), ..Alteration::default() })?;
            format!("{name} may log in again\n")
        }
        Action::Remove { name } => {
            accounts.remove(name)?;
            format!("{name} is removed\n")
        }
    };
    terminal::print(&done);
    Ok(())
}

/// The users of the store that this command holds, or of the daemon that holds it.
enum Accounts {
    Here(Box<Users>),
    There(Daemon),
}

impl Accounts {
    fn create(&self, name: &str, role: Role, password: &str) -> Result<(), Failure> {
        match self {
            Accounts::Here(users) => {
                users.create(name, role, password, clock::now()).map(drop).map_err(failure)
            }
            Accounts::There(daemon) => {
                let user = json!({"username": name, "password": password, "role": role.as_str()});
                daemon.ask(Method::POST, "/api/users", Some(&user.to_string())).map(drop)
            }
        }
    }

    fn change(&self, name: &str, change: &Alteration<'_>) -> Result<(), Failure> {
        match self {
            Accounts::Here(users) => users.alter(name, change, clock::now()).map(drop).map_err(failure),
            Accounts::There(daemon) => {
                let mut fields = Map::new();
                fields.extend(change.password.map(|password| ("password".to_owned(), password.into())));
                fields.extend(change.disabled.map(|disabled| ("disabled".to_owned(), disabled.into())));
                daemon.ask(Method::PUT, &path(name), Some(&Value::Object(fields).to_string())).map(drop)
            }
        }
    }

    fn remove(&self, name: &str) -> Result<(), Failure> {
        match self {
            Accounts::Here(users) => users.delete(name).map_err(failure),
            Accounts::There(daemon) => daemon.ask(Method::DELETE, &path(name), None).map(drop),
        }
    }

    fn list(&self) -> Result<Vec<User>, Failure> {
        match self {
            Accounts::Here(users) => users.list().map_err(failure),
            Accounts::There(daemon) => {
                let listed = daemon.get("/api/users")?;
                let users = listed["users"].as_array().into_iter().flatten().map(user);
                users
                    .collect::<Option<_>>()
                    .ok_or_else(|| Failure::other("the daemon's users cannot be read"))
            }
        }
    }

    fn find(&self, name: &str) -> Result<(), Failure> {
        match self {
            Accounts::Here(users) => users.user(name).map(drop).map_err(failure),
            // A change of nothing.
            Accounts::There(_) => self.change(name, &Alteration::default()),
        }
    }
}

fn path(name: &str) -> String {
    format!("/api/users/{}", encoded(name))
}

/// A user as the API shows it, with times in milliseconds.
fn user(json: &Value) -> Option<User> {
    let time = |name: &str| json[name].as_str().and_then(Timestamp::parse);
    Some(User {
        name: json["username"].as_str()?.to_owned(),
        role: Role::from_name(json["role"].as_str()?)?,
        disabled: json["disabled"].as_bool()?,
        created: time("created_at")?,
        updated: time("updated_at")?,
    })
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
