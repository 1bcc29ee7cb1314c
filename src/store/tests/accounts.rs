//! Users, logins, revoked tokens and stored answers: stored, replaced, removed together, expired.

use super::super::records::{IdempotencyV1, LoginV1, RevokedTokenV1, UserV1};
use super::*;
use crate::domain::time::Span;
use crate::limits::USER_IDEMPOTENCY_KEYS;

fn user(name: &str) -> UserV1 {
    UserV1 {
        name: name.into(),
        role: "admin".into(),
        password_hash: "hash".into(),
        created_us: 1,
        updated_us: 1,
        disabled: false,
    }
}

fn login(family: &str, user: &str) -> LoginV1 {
    LoginV1 {
        family: family.into(),
        user: user.into(),
        created_us: 1,
        expires_us: 2,
        refresh_hash: [1; 32],
        revoked: false,
    }
}

fn families(store: &Store) -> Vec<String> {
    store.logins().unwrap().into_iter().map(|login| login.family).collect()
}

#[test]
fn users_take_their_logins_with_them() {
    on_both(|store| {
        assert!(matches!(store.user("ann"), Err(StoreError::NotFound { .. })));
        for name in ["bob", "ann"] {
            store.put_user(&user(name)).unwrap();
        }
        assert_eq!(store.users().unwrap(), [user("ann"), user("bob")]);
        for (family, user) in [("1", "ann"), ("2", "bob"), ("3", "ann")] {
            store.put_login(&login(family, user), &[]).unwrap();
        }
        store.put_user(&UserV1 { disabled: true, ..user("ann") }).unwrap();
        assert_eq!(families(store), ["1", "2", "3"]);
        store.put_user_and_end_logins(&user("bob")).unwrap();
        assert_eq!(families(store), ["1", "3"]);
        store.delete_user("ann").unwrap();
        assert!(families(store).is_empty() && store.users().unwrap() == [user("bob")]);
    });
}

#[test]
fn a_login_replaces_itself_and_removes_others_and_ends_with_its_token() {
    on_both(|store| {
        store.put_login(&login("1", "ann"), &[]).unwrap();
        store.put_login(&login("2", "ann"), &["1".into(), "gone".into()]).unwrap();
        assert_eq!(families(store), ["2"]);
        let ended = LoginV1 { revoked: true, ..login("2", "ann") };
        let token = |jti: &str, expires_us| RevokedTokenV1 { jti: jti.into(), expires_us };
        store.end_login(&ended, &token("a", 1_000), at_ms(0)).unwrap();
        assert_eq!((store.login("2").unwrap(), store.login("1").unwrap()), (Some(ended.clone()), None));
        store.end_login(&ended, &token("b", 2_000), at_ms(1)).unwrap();
        assert_eq!(store.revoked_tokens().unwrap(), [token("b", 2_000)], "a had expired");
    });
}

#[test]
fn answers_are_kept_for_a_day_and_so_many_per_user() {
    let store = Store::in_memory().unwrap();
    let day = Span::from_seconds(86_400);
    let answer = |at: Timestamp| IdempotencyV1 {
        request_hash: [1; 32],
        status: 201,
        location: None,
        body: b"{}".to_vec(),
        created_us: at.micros(),
    };
    let (start, user) = (at_ms(1), "ann");
    store.put_answer(user, "key", &answer(start), start).unwrap();
    store.put_answer("annabel", "key", &answer(start), start).unwrap();
    assert_eq!(store.answer(user, "key", start).unwrap(), Some(answer(start)));
    assert_eq!(store.answer(user, "other", start).unwrap(), None);
    assert_eq!(store.answer("bob", "key", start).unwrap(), None);
    let almost = start + day - Span::from_millis(1);
    assert!(
        store.answer(user, "key", almost).unwrap().is_some()
            && store.answer(user, "key", start + day).unwrap().is_none()
    );

    let count = |user: &str| {
        let table = store.read().unwrap().open_table(tables::IDEMPOTENCY.definition).unwrap();
        redb::ReadableTable::iter(&table)
            .unwrap()
            .filter(|row| row.as_ref().unwrap().0.value().0 == user)
            .count()
    };
    for number in 1..=USER_IDEMPOTENCY_KEYS as i64 + 200 {
        let at = start + Span::from_millis(number);
        store.put_answer(user, &format!("{number}"), &answer(at), at).unwrap();
        assert!(count(user) <= USER_IDEMPOTENCY_KEYS);
    }
    let last = USER_IDEMPOTENCY_KEYS as i64 + 200;
    assert!(store.answer(user, &format!("{last}"), start + Span::from_millis(last)).unwrap().is_some());
    assert!(store.answer(user, "key", start).unwrap().is_none(), "the oldest left");
    let next_day = start + day + day;
    for number in 0..64 {
        store.put_answer(user, &format!("next {number}"), &answer(next_day), next_day).unwrap();
    }
    assert!(count(user) <= 64 + 1, "what is older than a day left: {}", count(user));
    assert_eq!(count("annabel"), 1);
}

#[test]
fn a_store_of_an_older_version_gets_the_new_tables() {
    let backend = SharedMemory::default();
    {
        let store = Store::with_backend(backend.clone()).unwrap();
        store.put_strategy("pump", "Pump", "{}", at_ms(1)).unwrap();
        let txn = store.current.begin_write().unwrap();
        assert!(
            txn.delete_table(tables::USERS.definition).unwrap()
                && txn.delete_table(tables::IDEMPOTENCY.definition).unwrap()
        );
        txn.commit().unwrap();
    }
    let store = Store::with_backend(backend).unwrap();
    assert!(store.users().unwrap().is_empty() && store.answer("a", "b", at_ms(1)).unwrap().is_none());
    assert_eq!(store.strategies().unwrap().len(), 1);
}
