//! Renewing logins, compared with a small model.

use super::*;
use proptest::prelude::*;

/// A modelled login: all refresh tokens it ever had; the last one is valid.
struct Family {
    refresh: Vec<String>,
    access: Vec<(String, Timestamp)>,
    expires: Timestamp,
    ended: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Enter,
    /// Renews with a token of a login, counted from the newest.
    Renew(usize, usize),
    Leave(usize),
    Wait(i64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Enter),
        8 => (0_usize..4, prop_oneof![3 => Just(0_usize), 1 => 1_usize..4]).prop_map(|(family, back)| Step::Renew(family, back)),
        1 => (0_usize..4).prop_map(Step::Leave),
        2 => prop_oneof![Just(1_i64), Just(899), Just(900), Just(40_000), Just(86_400)].prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

fn new_family(login: &Login, now: Timestamp) -> Family {
    let (refresh, access) =
        (vec![login.refresh_token.clone()], vec![(login.access_token.clone(), login.caller.expires)]);
    Family { refresh, access, expires: now + seconds(86_400), ended: false }
}

/// The error code the model expects of a renewal; updates the model.
fn expected(family: &mut Family, place: usize, now: Timestamp) -> &'static str {
    if family.expires <= now {
        return "authentication_required";
    }
    if place + 1 < family.refresh.len() {
        family.ended = true;
        return "refresh_reused";
    }
    if family.ended { "authentication_required" } else { "done" }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn renewals_are_what_the_model_says(steps in steps()) {
        let (store, key) = (store(), key_file());
        put(&store, "ann", Role::Admin);
        let mut users = open(&store, &key);
        let mut families: Vec<Family> = Vec::new();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Enter => families.push(new_family(&enter(&users, "ann", now), now)),
                Step::Wait(span) => now = now + seconds(span),
                Step::Restart => users = open(&store, &key),
                Step::Leave(_) | Step::Renew(..) if families.is_empty() => {}
                Step::Leave(at) => {
                    let at = at % families.len();
                    let family = &mut families[at];
                    let (token, _) = family.access.last().unwrap();
                    if let Ok(caller) = users.authenticate(token, now) {
                        users.logout(&caller, now).unwrap();
                        family.ended = true;
                    }
                }
                Step::Renew(at, back) => {
                    let at = at % families.len();
                    let family = &mut families[at];
                    let place = family.refresh.len().saturating_sub(back + 1);
                    let ended = users.refresh(&family.refresh[place], LIFETIMES, now);
                    let expected = expected(family, place, now);
                    if let Ok(login) = &ended {
                        family.refresh.push(login.refresh_token.clone());
                        family.access.push((login.access_token.clone(), login.caller.expires));
                        family.expires = now + seconds(86_400);
                    }
                    prop_assert_eq!(code(ended), expected);
                }
            }
            for family in &families {
                for (token, expires) in &family.access {
                    // A family with an expired refresh token may have been removed; its access tokens expired
                    // long before.
                    prop_assert_eq!(users.authenticate(token, now).is_ok(), now < *expires && !family.ended);
                }
            }
        }
    }
}

#[test]
fn of_many_who_use_one_token_at_once_one_is_served_and_the_login_ends() {
    let (store, key) = (store(), key_file());
    put(&store, "ann", Role::Admin);
    let users = open(&store, &key);
    let login = enter(&users, "ann", NOW);
    let ended: Vec<Result<Login, Refusal>> = thread::scope(|scope| {
        let all: Vec<_> =
            (0..8).map(|_| scope.spawn(|| users.refresh(&login.refresh_token, LIFETIMES, NOW))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (served, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert_eq!(served.len(), 1);
    assert!(refused.into_iter().all(|refusal| code(refusal) == "refresh_reused"));
    let served = served.into_iter().flatten().next().unwrap();
    for users in [&users, &open(&store, &key)] {
        dead(users, &served, "the winner may be the thief");
        assert_eq!(code(users.refresh(&served.refresh_token, LIFETIMES, NOW)), "authentication_required");
    }
}

#[test]
fn a_made_up_token_ends_nobodys_login() {
    let (store, key) = (store(), key_file());
    put(&store, "ann", Role::Admin);
    let users = open(&store, &key);
    let login = enter(&users, "ann", NOW);
    // The right family, signed with another secret.
    let (_, forged) = crate::auth::RefreshToken::issue(&Keys::ephemeral(), &login.caller.family);
    let mut bent = login.refresh_token.clone().into_bytes();
    bent[40] ^= 1;
    for token in [forged, String::from_utf8(bent).unwrap(), String::new(), "x".repeat(1 << 20)] {
        assert_eq!(code(users.refresh(&token, LIFETIMES, NOW)), "authentication_required");
    }
    assert_eq!(code(users.refresh(&login.refresh_token, LIFETIMES, NOW)), "done");
}
