//! Users: hostile tokens against the service, and the command `tradingd user` with typed and piped passwords.

use crate::cli::{Cli, Ran};
use crate::tokens::Forge;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use tradingd::auth::{KEY_FILE, Keys, Role};
use tradingd::domain::time::Timestamp;
use tradingd::service::Users;
use tradingd::service::users::{Lifetimes, Login};
use tradingd::store::Store;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const PASSWORD: &str = "correct horse battery";

#[test]
fn every_hostile_token_is_refused_with_the_same_words() {
    let dir = tempfile::tempdir().unwrap();
    let users =
        Users::open(Arc::new(Store::in_memory().unwrap()), Keys::load(dir.path(), None).unwrap()).unwrap();
    users.create("root", Role::Admin, PASSWORD, NOW).unwrap();
    users.create("ann", Role::Trader, PASSWORD, NOW).unwrap();
    let lifetimes = Lifetimes { access_s: 900, refresh_s: 86_400 };
    let enter = || -> Login {
        users.login("ann", PASSWORD, lifetimes, NOW).unwrap_or_else(|refusal| panic!("{refusal}"))
    };
    let login = enter();
    let secret = std::fs::read(dir.path().join(KEY_FILE)).unwrap();
    let forge = Forge::new(&secret, &login.access_token);
    let hostile = forge.hostile(&login.refresh_token, NOW.seconds());
    let kinds: BTreeSet<&str> = hostile.iter().map(|one| one.what).collect();
    assert!(kinds.len() >= 40 && hostile.len() >= 100, "{} kinds, {} tokens", kinds.len(), hostile.len());
    let refusal = users.authenticate("", NOW).unwrap_err();
    for one in &hostile {
        assert_eq!(
            users.authenticate(&one.token, NOW),
            Err(refusal.clone()),
            "{}: {:.300}",
            one.what,
            one.token
        );
    }
    // Validly signed tokens with claims of a second login and of another user.
    let other = enter();
    let roots = users.login("root", PASSWORD, lifetimes, NOW).unwrap_or_else(|refusal| panic!("{refusal}"));
    let foreign = [
        forge.with(|claims| claims["sid"] = (&*roots.caller.family).into()),
        forge.with(|claims| claims["sub"] = "root".into()),
        forge.with(|claims| (claims["sub"], claims["role"]) = ("root".into(), "admin".into())),
    ];
    for token in foreign {
        assert_eq!(users.authenticate(&token, NOW), Err(refusal.clone()), "{token}");
    }
    assert!(
        users.authenticate(&login.access_token, NOW).is_ok()
            && users.authenticate(&other.access_token, NOW).is_ok()
    );
    // Validly signed tokens whose login has ended or whose user or role has changed.
    users.logout(&other.caller, NOW).unwrap();
    assert_eq!(users.authenticate(&other.access_token, NOW), Err(refusal.clone()), "logged out");
    users.set_role("ann", Role::Viewer, NOW).unwrap();
    assert_eq!(users.authenticate(&login.access_token, NOW), Err(refusal.clone()), "another role");
    users.set_role("ann", Role::Trader, NOW).unwrap();
    assert!(users.authenticate(&login.access_token, NOW).is_ok());
    users.delete("ann").unwrap();
    assert_eq!(users.authenticate(&login.access_token, NOW), Err(refusal), "removed");
}

/// Runs a command with a password on its standard input.
fn with_password(cli: &Cli, args: &[&str], input: &[u8]) -> Ran {
    let mut child = cli.command(args).stdin(Stdio::piped()).spawn().unwrap();
    // Fails if the command exits without reading its input, e.g. on invalid arguments.
    let _ = child.stdin.take().unwrap().write_all(input);
    Ran::of(&child.wait_with_output().unwrap(), args)
}

#[test]
fn users_on_the_command_line() {
    let cli = Cli::new();
    let add = |name, role, input: &[u8]| {
        with_password(&cli, &["user", "add", name, "--role", role, "--password-stdin"], input)
    };
    let added = add("ann", "admin", b"correct horse battery\nmore\n");
    assert_eq!((added.code, added.out.as_str()), (0, "ann may log in as admin\n"), "{}", added.err);
    assert_eq!(added.err, "created a new store: state/tradingd.redb\n", "nobody takes it for another one");
    let added = add("bob", "trader", b"correct horse battery");
    assert_eq!((added.code, added.err.as_str()), (0, ""));
    add("bob", "trader", b"correct horse battery\n").fails("twice", 64, &["there is a user `bob`"]);
    add("Bob", "trader", b"short\n").fails(
        "all problems",
        64,
        &["username is not a user name", "password has 5 characters, at least 10"],
    );
    add("eve", "trader", b"").fails("no password", 64, &["password has 0 characters"]);
    assert_eq!(add("eve", "emperor", b"x").code, 64);
    cli.run(&["user", "passwd", "eve", "--password-stdin"]).fails("unknown", 64, &["no user of this name"]);
    assert_eq!(
        with_password(&cli, &["user", "passwd", "bob", "--password-stdin"], b"another password\n").code,
        0
    );
    cli.run(&["user", "disable", "ann"]).fails("the last", 64, &["last administrator"]);
    assert_eq!(cli.ok(&["user", "disable", "bob"]), "bob may not log in any more\n");
    let list = cli.json(&["user", "list", "--json"]);
    let found: Vec<_> = list["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["name"].clone(), user["disabled"].clone()))
        .collect();
    assert_eq!(found, [("ann".into(), false.into()), ("bob".into(), true.into())]);
    let text = cli.ok(&["user", "list"]);
    assert!(text.contains("disabled") && !text.contains("argon2"), "{text}");
    cli.ok(&["user", "enable", "bob"]);
    cli.ok(&["user", "remove", "bob"]);
    assert_eq!(cli.json(&["user", "list", "--json"])["users"].as_array().unwrap().len(), 1);
    assert_eq!(cli.json(&["verify", "--json"])["sound"], true);
    assert!(!cli.state().join(KEY_FILE).exists(), "no token, no secret");
}
