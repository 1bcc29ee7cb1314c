//! Users and logins together: every way to log in, every way a token becomes invalid, and restarts.

use super::*;
use crate::limits::USER_LOGINS;
use crate::store::records::UserV1;
use std::thread;

mod renewal;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LIFETIMES: Lifetimes = Lifetimes { access_s: 900, refresh_s: 86_400 };
const PASSWORD: &str = "correct horse battery";

fn seconds(seconds: i64) -> Span {
    Span::from_seconds(seconds)
}

fn store() -> Arc<Store> {
    Arc::new(Store::in_memory().unwrap())
}

fn key_file() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    Keys::load(dir.path(), None).unwrap();
    dir
}

/// Opens users over a store, with a key file that survives a restart.
fn open(store: &Arc<Store>, key: &tempfile::TempDir) -> Users {
    Users::open(Arc::clone(store), Keys::load(key.path(), None).unwrap()).unwrap()
}

/// Stores a user without hashing a password, because most tests do not log in with one.
fn put(store: &Store, name: &str, role: Role) {
    store.put_user(&record(name, role)).unwrap();
}

fn record(name: &str, role: Role) -> UserV1 {
    let password_hash = "none".to_owned();
    UserV1 {
        name: name.into(),
        role: role.as_str().into(),
        password_hash,
        created_us: 1,
        updated_us: 1,
        disabled: false,
    }
}

/// Logs a user in without checking a password.
fn enter(users: &Users, name: &str, now: Timestamp) -> Login {
    let user = users.store.user(name).unwrap();
    users.begin_login(&user, LIFETIMES, now).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn code<T>(ended: Result<T, Refusal>) -> &'static str {
    ended.map_or_else(|refusal| refusal.code, |_| "done")
}

#[track_caller]
fn dead(users: &Users, login: &Login, why: &str) {
    assert_eq!(users.authenticate(&login.access_token, NOW).unwrap_err(), unauthenticated(), "{why}");
}

#[test]
fn a_password_lets_in_and_every_failure_looks_alike() {
    let (store, key) = (store(), key_file());
    let users = open(&store, &key);
    users.create("ann", Role::Trader, PASSWORD, NOW).unwrap();
    users.create("off", Role::Trader, PASSWORD, NOW).unwrap();
    users.disable("off", NOW).unwrap();
    let login = users.login("ann", PASSWORD, LIFETIMES, NOW).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!((login.expires_in, login.refresh_expires_in), (900, 86_400));
    assert_eq!(users.authenticate(&login.access_token, NOW).unwrap(), login.caller);
    assert_eq!(
        (&*login.caller.name, login.caller.role, login.caller.expires),
        ("ann", Role::Trader, NOW + seconds(900))
    );
    let failures: Vec<Refusal> = [
        ("ann", "correct horse batterx"),
        ("bob", PASSWORD),
        ("off", PASSWORD),
        ("", ""),
        ("ann", &"x".repeat(9_999)),
    ]
    .into_iter()
    .map(|(name, password)| users.login(name, password, LIFETIMES, NOW).err().unwrap())
    .collect();
    assert!(
        failures.iter().all(|failure| *failure == failures[0] && failure.code == "authentication_failed"),
        "{failures:?}"
    );
    // A refresh token is not an access token and vice versa.
    assert_eq!(users.authenticate(&login.refresh_token, NOW).unwrap_err(), unauthenticated());
    assert_eq!(code(users.refresh(&login.access_token, LIFETIMES, NOW)), "authentication_required");
}

#[test]
fn tokens_die_at_once_and_stay_dead_after_a_restart() {
    type End = fn(&Users, &Login);
    let ends: [(&str, End); 6] = [
        ("logout", |users, login| users.logout(&login.caller, NOW).unwrap()),
        ("another password", |users, _| drop(users.set_password("ann", "another password", NOW).unwrap())),
        ("another role", |users, _| drop(users.set_role("ann", Role::Viewer, NOW).unwrap())),
        ("disabled", |users, _| drop(users.disable("ann", NOW).unwrap())),
        ("disabled and enabled again", |users, _| {
            users.disable("ann", NOW).unwrap();
            users.enable("ann", NOW).unwrap();
        }),
        ("removed and made again", |users, _| {
            users.delete("ann").unwrap();
            users.create("ann", Role::Trader, PASSWORD, NOW).unwrap();
        }),
    ];
    for (why, end) in ends {
        let (store, key) = (store(), key_file());
        put(&store, "root", Role::Admin);
        put(&store, "ann", Role::Trader);
        let users = open(&store, &key);
        let (login, other) = (enter(&users, "ann", NOW), enter(&users, "root", NOW));
        let epoch = users.epoch();
        end(&users, &login);
        assert!(users.epoch() > epoch, "{why}");
        let refresh = users.refresh(&login.refresh_token, LIFETIMES, NOW).map(|login| login.caller.role);
        for users in [&users, &open(&store, &key)] {
            dead(users, &login, why);
            assert!(users.authenticate(&other.access_token, NOW).is_ok(), "{why}: somebody else");
        }
        // Only a change of role leaves the login valid.
        assert_eq!(refresh.ok(), (why == "another role").then_some(Role::Viewer), "{why}");
    }
}

#[test]
fn one_logout_ends_one_login() {
    let (store, key) = (store(), key_file());
    put(&store, "ann", Role::Admin);
    let users = open(&store, &key);
    let (here, there) = (enter(&users, "ann", NOW), enter(&users, "ann", NOW));
    let renewed =
        users.refresh(&here.refresh_token, LIFETIMES, NOW).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(
        users.authenticate(&here.access_token, NOW).is_ok(),
        "a renewal leaves the earlier access token until it expires"
    );
    users.logout(&renewed.caller, NOW).unwrap();
    users.logout(&renewed.caller, NOW).unwrap();
    dead(&users, &here, "of the same login");
    assert_eq!(code(users.refresh(&renewed.refresh_token, LIFETIMES, NOW)), "authentication_required");
    assert!(users.authenticate(&there.access_token, NOW).is_ok());
    assert_eq!(code(users.refresh(&there.refresh_token, LIFETIMES, NOW)), "done");
}

#[test]
fn of_too_many_logins_the_oldest_ends() {
    let (store, key) = (store(), key_file());
    put(&store, "ann", Role::Admin);
    put(&store, "bob", Role::Admin);
    let users = open(&store, &key);
    let bobs = enter(&users, "bob", NOW);
    let logins: Vec<Login> =
        (0..USER_LOGINS as i64).map(|n| enter(&users, "ann", NOW + seconds(n))).collect();
    let now = NOW + seconds(100);
    assert!(logins.iter().all(|login| users.authenticate(&login.access_token, now).is_ok()));
    users.logout(&logins[5].caller, now).unwrap();
    enter(&users, "ann", now);
    assert!(users.authenticate(&logins[0].access_token, now).is_ok(), "the revoked one made room");
    enter(&users, "ann", now);
    assert!(users.authenticate(&logins[0].access_token, now).is_err());
    assert!(users.authenticate(&logins[1].access_token, now).is_ok());
    assert!(users.authenticate(&bobs.access_token, now).is_ok());
    assert_eq!(store.logins().unwrap().len(), USER_LOGINS + 1);
    enter(&users, "bob", NOW + seconds(90_000));
    assert_eq!(store.logins().unwrap().len(), 1, "what expired is gone");
}

#[test]
fn the_last_administrator_stays() {
    let (store, key) = (store(), key_file());
    for (name, role) in [("ann", Role::Admin), ("bob", Role::Admin), ("eve", Role::Live)] {
        put(&store, name, role);
    }
    let users = open(&store, &key);
    users.disable("bob", NOW).unwrap();
    assert_eq!(code(users.disable("ann", NOW)), "last_admin");
    assert_eq!(code(users.set_role("ann", Role::Live, NOW)), "last_admin");
    assert_eq!(code(users.delete("ann")), "last_admin");
    assert_eq!(code(users.set_role("ann", Role::Admin, NOW)), "done");
    users.enable("bob", NOW).unwrap();
    assert_eq!(code(users.set_role("ann", Role::Live, NOW)), "done");
    assert_eq!(code(users.delete("bob")), "last_admin");
    assert_eq!(code(users.delete("eve")), "done");
    assert_eq!(
        users.list().unwrap().iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
        ["ann", "bob"]
    );
    for ended in [
        users.set_role("eve", Role::Live, NOW),
        users.enable("eve", NOW),
        users.disable("eve", NOW),
        users.user("eve"),
    ] {
        assert_eq!(code(ended), "user_not_found");
    }
    assert_eq!(
        (code(users.delete("eve")), code(users.set_password("eve", PASSWORD, NOW))),
        ("user_not_found", "user_not_found")
    );
}

#[test]
fn names_and_passwords_are_refused_with_all_their_problems() {
    let (store, key) = (store(), key_file());
    let users = open(&store, &key);
    let refusal = users.create("Ann", Role::Viewer, "short", NOW).unwrap_err();
    assert_eq!((refusal.code, refusal.kind), ("invalid_request", RefusalKind::Invalid));
    let paths: Vec<&str> = refusal.details["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/username", "/password"]);
    for name in ["", "-a", ".a", "_a", "a b", "ä", "a/b", "a\0", "..", &"a".repeat(65)] {
        assert!(accounts::name_problem(name).is_some(), "{name}");
    }
    for name in ["a", "0", "ann.b-c_d", &"a".repeat(64)] {
        assert!(accounts::name_problem(name).is_none(), "{name}");
    }
    users.create("ann", Role::Viewer, PASSWORD, NOW).unwrap();
    assert_eq!(code(users.create("ann", Role::Admin, PASSWORD, NOW)), "user_exists");
    assert!(users.list().unwrap()[0].role == Role::Viewer);
}

#[test]
fn the_setup_code_makes_one_administrator_and_dies() {
    let (store, key) = (store(), key_file());
    let users = open(&store, &key);
    let setup_code = users.setup_code().unwrap();
    assert_eq!((setup_code.len(), setup_code.matches('-').count()), (19, 3), "{setup_code}");
    assert_ne!(open(&store, &key).setup_code(), Some(setup_code.clone()), "every start has its own");
    for wrong in ["", "AAAA-AAAA-AAAA-AAAA", &setup_code[1..], &format!("{setup_code}A")] {
        assert_eq!(code(users.setup(wrong, "ann", PASSWORD, LIFETIMES, NOW)), "setup_code_invalid");
    }
    assert_eq!(code(users.setup(&setup_code, "Ann", "short", LIFETIMES, NOW)), "invalid_request");
    let typed = setup_code.to_lowercase().replace('-', " ");
    let codes: Vec<&str> = thread::scope(|scope| {
        let rivals: Vec<_> = ["ann", "bob"]
            .map(|name| scope.spawn(|| code(users.setup(&typed, name, PASSWORD, LIFETIMES, NOW))))
            .into();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    assert!(codes.contains(&"done") && codes.contains(&"setup_completed"), "{codes:?}");
    assert_eq!(users.setup_code(), None);
    let all = users.list().unwrap();
    assert!(all.len() == 1 && all[0].role == Role::Admin);
    assert_eq!(code(users.setup(&setup_code, "eve", PASSWORD, LIFETIMES, NOW)), "setup_completed");
    assert_eq!(open(&store, &key).setup_code(), None);
}

#[test]
fn a_user_made_otherwise_ends_the_setup_too() {
    let (store, key) = (store(), key_file());
    let users = open(&store, &key);
    let setup_code = users.setup_code().unwrap();
    users.create("ann", Role::Viewer, PASSWORD, NOW).unwrap();
    assert_eq!(code(users.setup(&setup_code, "eve", PASSWORD, LIFETIMES, NOW)), "setup_completed");
}

#[test]
fn whoever_changes_while_a_password_is_checked_does_not_get_in() {
    let (store, key) = (store(), key_file());
    put(&store, "root", Role::Admin);
    put(&store, "ann", Role::Viewer);
    let users = open(&store, &key);
    let seen = store.user("ann").unwrap();
    users.set_role("ann", Role::Trader, NOW).unwrap();
    assert_eq!(code(users.begin_login(&seen, LIFETIMES, NOW)), "authentication_failed");
    users.delete("ann").unwrap();
    assert_eq!(code(users.begin_login(&seen, LIFETIMES, NOW)), "authentication_failed");
}

#[test]
fn a_store_that_fails_acknowledges_nothing() {
    let (store, key) = (store(), key_file());
    store.put_user(&UserV1 { role: "emperor".into(), ..record("ann", Role::Admin) }).unwrap();
    let Err(error) = Users::open(Arc::clone(&store), Keys::ephemeral()) else {
        panic!("an unknown role was taken")
    };
    assert!(error.exit_code() == 65 && error.to_string().contains("emperor"), "{error}");
    drop(key);
}
