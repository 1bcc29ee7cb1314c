//! Misplaced pages in a large store, as left by a disk that writes to wrong offsets. Every answer must be
//! right or an error that reports damage; nothing may panic.
//!
//! `TRADINGD_DAMAGES` sets the number of cases (8), `TRADINGD_DAMAGE_SEED` repeats a run.

use super::*;
use crate::domain::rng::Rng;
use crate::limits::STORE_CHECKED_OPEN_BYTES;
use crate::store::records::{LoginV1, SessionControlV1, UserV1};
use std::sync::LazyLock;

const PAGE: usize = 4_096;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}

/// A store file with records of all kinds, large enough to be opened without a page check.
static FILLED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let disk = SharedMemory::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    for round in 0..3 {
        let all = (0..400).map(|number| {
            [
                format!("w{number:03}"),
                format!("Name {number}"),
                format!("{{\"description\":\"{number} v{round}\"}}"),
            ]
        });
        store.put_builtin_strategies(all.collect(), at_ms(round)).unwrap();
    }
    for number in 0..8 {
        let gap = |at: i64| {
            let gap = Gap { from: at_ms(at), to: at_ms(at + 1), cause: GapCause::Silence };
            ("BTCUSDT".to_owned(), RecordedGap { stream: StreamKind::Trades, gap })
        };
        let gaps: Vec<_> = (0..400).map(|at| gap(at * 10)).collect();
        let rows = [
            ("BTCUSDT", StreamKind::Trades, trades(3_000 + number)),
            ("ETHUSDT", StreamKind::Trades, trades(100 + number)),
        ];
        import(&store, number as u32, &rows, &gaps);
    }
    for number in 0..150_u32 {
        let id = format!("exec_{number:03}");
        let control =
            SessionControlV1 { at_ns: i64::from(number), kind: crate::store::records::ControlKindV1::Pause };
        store.put_session(&session(&id, "completed"), &events(1, 30)).unwrap();
        store.put_session_events(&id, &events(31, 30)).unwrap();
        store.put_session_controls(&id, &[control.clone(), control]).unwrap();
        let noise: String = (0..24_000_u32)
            .map(|at| char::from(b'a' + ((at.wrapping_mul(number + 7) >> 3) % 26) as u8))
            .collect();
        store.put_result(new_result(&id, i64::from(number), &noise.repeat(10))).unwrap();
        let (name, hash) = (format!("user{number}"), "$argon2id$".to_owned());
        let user = UserV1 {
            name: name.clone(),
            role: "viewer".into(),
            password_hash: hash,
            created_us: 1,
            updated_us: 2,
            disabled: false,
        };
        store.put_user(&user).unwrap();
        let login = LoginV1 {
            family: id,
            user: name,
            created_us: 1,
            expires_us: 2,
            refresh_hash: [7; 32],
            revoked: false,
        };
        store.put_login(&login, &[]).unwrap();
    }
    drop(store);
    let bytes = disk.bytes.lock().unwrap().clone();
    assert!(bytes.len() as u64 > STORE_CHECKED_OPEN_BYTES);
    bytes
});

type Question = (String, Box<dyn Fn(&Store) -> Result<String, StoreError>>);

fn question<T: std::fmt::Debug>(
    name: impl Into<String>,
    ask: impl Fn(&Store) -> Result<T, StoreError> + 'static,
) -> Question {
    (name.into(), Box::new(move |store| ask(store).map(|answer| format!("{answer:?}"))))
}

/// Queries that users make: lists and single entries.
fn questions(recordings: &[String]) -> Vec<Question> {
    let mut all = vec![
        question("strategies", |store| store.strategies()),
        question("recordings", |store| store.recordings()),
        question("results", |store| store.results_page(None, 1_000, None)),
        question("sessions", |store| store.sessions_page(None, 1_000, None)),
        question("sessions in part", |store| store.sessions_page(Some("exec_100"), 7, None)),
        question("sessions that failed", |store| {
            store.sessions_page(None, 10, Some(&|session: &SessionRow| session.state == "failed"))
        }),
        question("statistics", |store| store.strategy_statistics()),
        question("users", |store| store.users()),
        question("logins", |store| store.logins()),
    ];
    for number in (0..400).step_by(9) {
        let id = format!("w{number:03}");
        let (first, newest) = (id.clone(), id.clone());
        all.push(question(format!("strategy {id}"), move |store| store.strategy(&newest)));
        all.push(question(format!("strategy {id} version 2"), move |store| {
            store.strategy_version(&first, 2)
        }));
    }
    for id in recordings {
        let [a, b, c] = [id.clone(), id.clone(), id.clone()];
        all.push(question(format!("recording {id}"), move |store| store.recording(&a)));
        all.push(question(format!("gaps of {id}"), move |store| store.gaps(&b)));
        all.push(question(format!("rows of {id}"), move |store| {
            store.rows(&c, "ETHUSDT", StreamKind::Trades)?.collect::<Result<Vec<_>, _>>()
        }));
    }
    for number in (0..150).step_by(7) {
        let id = format!("exec_{number:03}");
        let [a, b, c, d, e] = std::array::from_fn(|_| id.clone());
        all.push(question(format!("session {id}"), move |store| store.session(&a)));
        all.push(question(format!("events of {id}"), move |store| store.session_events(&b, 20, 25)));
        all.push(question(format!("controls of {id}"), move |store| store.session_controls(&c)));
        all.push(question(format!("result {id}"), move |store| store.result(&d)));
        all.push(question(format!("page of {id}"), move |store| store.result_report(&e)));
        all.push(question(format!("user {number}"), move |store| store.user(&format!("user{number}"))));
    }
    all
}

/// Swaps or copies pages, or zeroes one. Half of the picks are tree pages (`nodes`).
fn damage(bytes: &mut [u8], nodes: &[usize], entropy: &mut Rng) -> String {
    let pages = bytes.len() / PAGE;
    let pick = |entropy: &mut Rng| {
        let any = (entropy.next() as usize) % pages;
        if entropy.next().is_multiple_of(2) { any } else { nodes[(entropy.next() as usize) % nodes.len()] }
    };
    // The first page is the header, which has two versions of itself.
    let (from, to) = (pick(entropy).max(1), pick(entropy).max(1));
    let page = |number: usize| number * PAGE..(number + 1) * PAGE;
    match entropy.next() % 3 {
        0 => {
            let (a, b) = (bytes[page(from)].to_vec(), bytes[page(to)].to_vec());
            bytes[page(from)].copy_from_slice(&b);
            bytes[page(to)].copy_from_slice(&a);
            format!("swapped pages {from} and {to}")
        }
        1 => {
            bytes.copy_within(page(from), to * PAGE);
            format!("copied page {from} to {to}")
        }
        _ => {
            bytes[page(to)].fill(0);
            format!("zeroed page {to}")
        }
    }
}

/// Runs all queries; returns the wrong answers, and whether any error reported damage. Where a page of a
/// table has taken the place of that table's root, everything that is read agrees, and only counting the
/// whole table tells.
fn ask(dir: &Path, questions: &[Question], right: &[String]) -> (Vec<String>, bool) {
    let store = match Store::open(dir, OpenMode::MustExist) {
        Ok(store) => store,
        Err(StoreError::Damaged { .. }) => return (Vec::new(), true),
        Err(error) => return (vec![format!("opening: {error:?}")], false),
    };
    let (mut wrong, mut told) = (Vec::new(), false);
    for ((name, ask), right) in questions.iter().zip(right) {
        match ask(&store) {
            Ok(answer) if answer == *right => {}
            Err(StoreError::Damaged { .. }) => told = true,
            Ok(_) => wrong.push(name.clone()),
            Err(error) => wrong.push(format!("{name}: {error:?}")),
        }
    }
    match store.scan() {
        Ok(report) => {
            let lacks = |table: &str| {
                let short = |what: &str| what.starts_with("it holds") && what.contains("entries and says");
                report.problems.iter().any(|found| found.place.contains(table) && short(&found.what))
            };
            wrong.retain(|name| !(name.starts_with("gaps of") && lacks("gaps_v1")));
            (wrong, told || !report.is_sound())
        }
        Err(error) => (vec![format!("scan: {error:?}")], told),
    }
}

#[test]
fn misplaced_pages_give_the_right_answer_or_damage() {
    let any = u64::from(std::process::id());
    let (seed, count) =
        (setting("TRADINGD_DAMAGE_SEED").unwrap_or(any), setting("TRADINGD_DAMAGES").unwrap_or(8));
    println!("TRADINGD_DAMAGE_SEED={seed} TRADINGD_DAMAGES={count}");
    let mut entropy = Rng::new(seed);
    let whole = &*FILLED;
    let dir = tempfile::tempdir().unwrap();
    let path = store_path(dir.path());
    drop(Store::open(dir.path(), OpenMode::CreateIfNew).unwrap());
    fs::write(&path, whole).unwrap();
    let (questions, right) = {
        let store = Store::open(dir.path(), OpenMode::MustExist).unwrap();
        let ids: Vec<String> =
            store.recordings().unwrap().into_iter().map(|recording| recording.id).collect();
        let questions = questions(&ids);
        let right: Vec<String> = questions
            .iter()
            .map(|(name, ask)| ask(&store).unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect();
        (questions, right)
    };
    // Pages that start like a leaf or branch of redb: kind, a byte of padding, number of entries.
    let is_node = |page: &usize| matches!(whole[page * PAGE..page * PAGE + 4], [1 | 2, _, 1..=255, 0]);
    let nodes: Vec<usize> = (1..whole.len() / PAGE).filter(is_node).collect();
    assert!(nodes.len() > 100, "{} pages of keys", nodes.len());
    let (mut told, mut untouched) = (0, 0);
    for number in 0..count {
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &nodes, &mut entropy);
        fs::write(&path, &bytes).unwrap();
        let (wrong, damaged) = ask(dir.path(), &questions, &right);
        assert!(
            wrong.is_empty(),
            "damage {number}, {what}, seed {seed}: wrong answers to {wrong:?} (damage told: {damaged})"
        );
        if damaged {
            told += 1;
        } else {
            untouched += 1;
        }
    }
    println!(
        "misplaced pages: {count} damages of a store of {} MiB, {told} told, {untouched} changed nothing, 0 silent",
        whole.len() >> 20
    );
}

/// The one kind of misplaced page that reading cannot find: what is left of the table agrees with itself. The
/// check of all pages finds it, at every start and with `tradingd verify`.
#[test]
fn a_page_in_the_place_of_its_tables_root_is_found_by_the_check_of_all_pages() {
    let dir = tempfile::tempdir().unwrap();
    let path = store_path(dir.path());
    drop(Store::open(dir.path(), OpenMode::CreateIfNew).unwrap());
    fs::write(&path, &*FILLED).unwrap();
    let gaps = |store: &Store, ids: &[String]| -> Result<Vec<usize>, StoreError> {
        ids.iter().map(|id| Ok(store.gaps(id)?.len())).collect()
    };
    let (ids, right) = {
        let store = Store::open(dir.path(), OpenMode::MustExist).unwrap();
        let ids: Vec<String> =
            store.recordings().unwrap().into_iter().map(|recording| recording.id).collect();
        let right = gaps(&store, &ids).unwrap();
        (ids, right)
    };
    assert_eq!(right, [400; 8]);
    let page = |number: usize| &FILLED[number * PAGE..(number + 1) * PAGE];
    let named = |number: usize| page(number).windows(8).filter(|part| *part == b"session_").count();
    let (leaves, branches): (Vec<usize>, Vec<usize>) = (1..FILLED.len() / PAGE)
        .filter(|number| matches!(page(*number)[..4], [1 | 2, _, 1..=255, 0]) && named(*number) > 1)
        .partition(|number| page(*number)[0] == 1);
    // A leaf with many keys of recordings is one of gaps.
    let leaf = *leaves.iter().max_by_key(|number| named(**number)).unwrap();
    let (mut unseen, mut verified) = (0, 0);
    for branch in branches {
        let mut bytes = FILLED.clone();
        bytes.copy_within(leaf * PAGE..(leaf + 1) * PAGE, branch * PAGE);
        fs::write(&path, &bytes).unwrap();
        if verified < 5 {
            verified += 1;
            let report = verify(dir.path()).unwrap();
            let says = |word| report.problems.iter().any(|problem| problem.what.contains(word));
            assert!(!says("tradingd verify") && !says("unreachable"), "{report:?}");
        }
        let Ok(store) = Store::open(dir.path(), OpenMode::MustExist) else { continue };
        let Ok(found) = gaps(&store, &ids) else { continue };
        if found == right {
            continue;
        }
        unseen += 1;
        let report = store.scan().unwrap();
        let told = |problem: &Problem| problem.place.contains("gaps_v1") && problem.what.contains("3200");
        assert!(report.problems.iter().any(told), "{report:?}");
    }
    assert_eq!(unseen, 1, "the root of the gaps, and no other page");
}
