//! Checks rules of the source tree: dependencies between layers, a head comment in every file, no unfinished
//! code, limits on the length of files and functions, valid paths in documents. Every message says where and
//! what to do.

mod tidy {
    pub mod cycles;
    pub mod documents;
    pub mod rules;
    pub mod source;
    pub mod structure;
}

use std::path::Path;
use tidy::source::Tree;
use tidy::{cycles, documents, rules, structure};

/// Deterministic layers: the same input always gives the same output.
const PURE: [&str; 6] = ["checkpoint", "domain", "engine", "sim", "report", "session"];

/// Names that are forbidden there: they would break determinism or tie these layers to one runtime.
const IMPURE: [&str; 22] = [
    "Condvar",
    "File",
    "HashMap",
    "HashSet",
    "Instant",
    "Mutex",
    "RwLock",
    "SystemTime",
    "bincode",
    "dbg",
    "eprint",
    "eprintln",
    "hyper",
    "print",
    "println",
    "rand",
    "redb",
    "reqwest",
    "serde",
    "serde_json",
    "tokio",
    "tracing",
];

/// Methods of floats whose last bits are the platform's.
const PLATFORM_MATHS: [&str; 26] = [
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "tanh", "sinh", "cosh",
    "asinh", "acosh", "atanh", "sin", "cos", "sin_cos", "tan", "atan", "atan2", "asin", "acos", "cbrt",
    "hypot",
];

/// Maximum columns of a line of a comment; for code, rustfmt.toml says the same.
const COMMENT_COLUMNS: usize = 110;

/// Maximum lines of a file at 110 columns; a longer one probably has a second subject.
const FILE_LINES: usize = 600;

/// Maximum lines of a function at 110 columns, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 85;

/// Longer files with their lengths, which may only decrease.
const LONG_FILES: &[(&str, usize)] = &[("src/domain/strategy.rs", 602)];

/// Longer functions with their lengths, which may only decrease.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

fn layers() -> Vec<(String, Vec<String>)> {
    let layers = documents::layers(&architecture());
    assert!(layers.iter().any(|(name, allowed)| name == "app" && allowed.len() > 10), "{layers:?}");
    layers
}

fn tree() -> Tree {
    let mut tree = Tree::read(root(), &["src", "benches", "tests", "examples"]);
    assert!(tree.files.contains_key("src/lib.rs"), "the tree was not found");
    rules::orphans(&mut tree);
    tree
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} to put in order:\n{}\n", problems.len(), problems.join("\n"));
}

#[test]
fn arrows_between_layers_only_point_down() {
    none(&rules::arrows(&tree(), &layers()));
}

#[test]
fn pure_layers_stay_pure() {
    let tree = tree();
    none(&rules::pure_words(&tree, &PURE, &IMPURE));
    none(&rules::pure_lints(&tree, &PURE));
    let clippy = std::fs::read_to_string(root().join("clippy.toml")).expect("clippy.toml");
    for method in PLATFORM_MATHS {
        for float in ["f64", "f32"] {
            assert!(
                clippy.contains(&format!("\"{float}::{method}\"")),
                "clippy.toml: forbid {float}::{method}"
            );
        }
    }
}

#[test]
fn databases_encodings_and_clocks_are_named_in_one_place() {
    let tree = tree();
    none(&rules::only_in(&tree, "redb", "src/store/", "use the functions of `Store`"));
    none(&rules::only_in(&tree, "bincode", "src/store/codec.rs", "use `codec::encode` and `codec::decode`"));
    for clock in ["Instant", "SystemTime"] {
        none(&rules::only_in(
            &tree,
            clock,
            "src/clock.rs",
            "use `crate::clock` in app, and hand times down as values",
        ));
    }
}

/// Defects are compiled in with debug assertions (`src/plant.rs`), so no profile may switch these on; the
/// profiles of the tests have them by themselves. `tests/world/plant` sees that nothing can choose a defect
/// without them.
#[test]
fn no_release_has_planted_defects() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    assert!(
        !manifest.contains("debug-assertions"),
        "Cargo.toml: no profile may set debug-assertions; a release would have the defects of src/plant.rs"
    );
    let plant = std::fs::read_to_string(root().join("src/plant.rs")).expect("src/plant.rs");
    for gated in ["thread_local!", "pub fn choose", "pub(crate) fn is_planted"] {
        let (before, _) = plant.split_once(gated).expect("what plants defects is in src/plant.rs");
        let line = before.lines().next_back().unwrap_or_default();
        assert_eq!(line, "#[cfg(debug_assertions)]", "src/plant.rs: {gated} must not be in a release");
    }
}

#[test]
fn every_file_is_compiled() {
    let mut tree = tree();
    none(&rules::orphans(&mut tree));
}

#[test]
fn every_file_says_what_it_does() {
    none(&rules::module_docs(&tree()));
}

#[test]
fn nothing_is_left_unfinished() {
    none(&rules::leftovers(&tree()));
}

#[test]
fn names_say_something() {
    none(&rules::empty_names(&tree()));
}

#[test]
fn long_files_and_functions_only_shrink() {
    let tree = tree();
    none(&rules::ratchet("file", FILE_LINES, &rules::long_files(&tree, FILE_LINES), LONG_FILES));
    none(&rules::ratchet(
        "function",
        FUNCTION_LINES,
        &rules::long_functions(&tree, FUNCTION_LINES),
        LONG_FUNCTIONS,
    ));
}

#[test]
fn comments_are_not_too_wide() {
    none(&rules::wide_comments(&tree(), COMMENT_COLUMNS));
}

#[test]
fn files_do_not_name_each_other() {
    none(&cycles::problems(&tree()));
}

#[test]
fn documents_are_true_about_the_tree() {
    for document in documents::all(root()) {
        let text = std::fs::read_to_string(&document).expect("a readable document");
        none(&documents::dead_ends(root(), &document, &text));
    }
    none(&documents::untold(root(), &architecture()));
}

/// `BLESS=1` draws it again.
#[test]
fn the_structure_is_drawn_as_it_is() {
    let path = root().join("docs/structure.md");
    let text = std::fs::read_to_string(&path).expect("docs/structure.md");
    let heading = "## Now\n\n";
    let (before, drawn) = text.split_once(heading).expect("its last section is the drawing");
    let drawing = structure::drawing(&tree());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{heading}{drawing}")).expect("docs/structure.md is writable");
    } else {
        assert_eq!(drawn, drawing, "the layers changed: BLESS=1 cargo test --test tidy, and look at it");
    }
}

/// Tests of the rules: each must find the violations in a small tree.
mod rules_find {
    use super::*;

    #[track_caller]
    fn finds(problems: &[String], places: &[&str]) {
        let found: Vec<&str> =
            problems.iter().map(|problem| problem.split(": ").next().unwrap_or_default()).collect();
        assert_eq!(found, places, "{problems:#?}");
    }

    #[test]
    fn arrows_up_in_every_way_to_write_them() {
        let tree = Tree::of(&[
            ("src/domain/num.rs", "//! x\nuse crate::{limits::A, engine::Engine};\n"),
            ("src/engine/mod.rs", "use crate::domain::num;\nfn f() { crate::store::open(); }\n"),
            (
                "src/store/mod.rs",
                "use crate::session::{ports::Feed, backtest};\nuse super::files::Row;\nmod a { use super::super::document; use super::b; }\n",
            ),
            (
                "src/files/row.rs",
                "use super::super::session::ports::Feed;\n// use crate::store::Store\nconst S: &str = \"crate::store\";\n",
            ),
            ("src/main.rs", "fn main() { tradingd::store::open() }\n"),
            ("src/rest/mod.rs", ""),
        ]);
        let places = ["src/domain/num.rs:2", "src/engine/mod.rs:2", "src/main.rs:1", "src/rest/mod.rs:1"];
        let store = ["src/store/mod.rs:1", "src/store/mod.rs:2", "src/store/mod.rs:3"];
        finds(&rules::arrows(&tree, &layers()), &[&places[..], &store[..]].concat());
    }

    #[test]
    fn impure_words_outside_tests() {
        let text = "use std::{fmt, fs::read};\nfn f() { println!(\"HashMap\") }\n#[cfg(test)]\nmod tests { use std::collections::HashMap; }\n";
        let tree = Tree::of(&[("src/engine/mod.rs", text), ("src/app/mod.rs", text)]);
        finds(&rules::pure_words(&tree, &PURE, &IMPURE), &["src/engine/mod.rs:2", "src/engine/mod.rs:1"]);
        finds(&rules::pure_lints(&tree, &PURE), &["src/engine/mod.rs:1"]);
        let strict =
            Tree::of(&[("src/sim/mod.rs", "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]")]);
        finds(&rules::pure_lints(&strict, &PURE), &[]);
    }

    #[test]
    fn names_outside_their_place() {
        let tree = Tree::of(&[
            ("src/app/mod.rs", "// redb\nuse redb::Database;"),
            ("src/store/mod.rs", "use redb::Database;"),
        ]);
        finds(&rules::only_in(&tree, "redb", "src/store/", "x"), &["src/app/mod.rs:2"]);
    }

    #[test]
    fn leftovers() {
        let text = "fn f(c: char) { a.unwrap(); c == '\"'; }\n// a.b();\n// Words; then more words.\n/// let x = TODO();\nfn g() { dbg!(1) }\n#[cfg(test)]\nmod t {\n fn h() { a.unwrap() }\n}\n";
        let tree = Tree::of(&[("src/a.rs", text)]);
        finds(&rules::leftovers(&tree), &["src/a.rs:4", "src/a.rs:1", "src/a.rs:5", "src/a.rs:2"]);
        finds(&rules::module_docs(&tree), &["src/a.rs:1"]);
    }

    #[test]
    fn files_nobody_names_and_tests_behind_a_name() {
        let mut tree = Tree::of(&[
            ("src/lib.rs", "mod a;\nmod b { mod c; }"),
            ("src/a/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("src/a/tests.rs", "mod deep;"),
            ("src/a/tests/deep.rs", ""),
            ("src/b/c.rs", ""),
            ("src/b/lost.rs", ""),
            ("tests/it.rs", "mod it { mod part; }"),
            ("tests/it/part.rs", ""),
            ("tests/sim/main.rs", "mod world;"),
            ("tests/sim/world.rs", ""),
        ]);
        finds(&rules::orphans(&mut tree), &["src/b/lost.rs:1"]);
        assert!(tree.files["src/a/tests/deep.rs"].is_test && !tree.files["src/b/c.rs"].is_test);
    }

    #[test]
    fn files_that_name_each_other() {
        let tree = Tree::of(&[
            ("src/lib.rs", "mod a;\nmod b;\nmod c;"),
            ("src/a/mod.rs", "mod one;\nmod two;\npub use one::One;\npub struct A;\nfn f() { two::g(); }"),
            ("src/a/one.rs", "use super::A;\npub struct One;\nfn f() { crate::b::g(); }"),
            ("src/a/two.rs", "pub fn g() {}\n#[cfg(test)]\nmod tests { use crate::c::C; }"),
            ("src/b.rs", "use crate::a::One;\npub fn g() {}"),
            ("src/c.rs", "use crate::a::{A, One};\npub struct C;"),
        ]);
        finds(&cycles::problems(&tree), &["src/a/one.rs src/b.rs"]);
    }

    #[test]
    fn names_that_say_nothing() {
        let tree = Tree::of(&[
            ("src/util.rs", "struct OrderManager;\nfn helpers() {}\nstruct Utilisation;"),
            ("src/data.rs", ""),
        ]);
        finds(
            &rules::empty_names(&tree),
            &["src/data.rs:1", "src/util.rs:1", "src/util.rs:1", "src/util.rs:2"],
        );
    }

    #[test]
    fn what_grew_and_what_the_list_forgot() {
        let text = "fn short() {}\nfn long<T>(x: [u8; 3]) -> T where T: A {\n'a'; \"}\"; r#\"}\"#; b'}';\n/* } */\n}\ntrait T { fn none(); }\n";
        let tree = Tree::of(&[("src/a.rs", text)]);
        assert_eq!(rules::long_functions(&tree, 3), [("src/a.rs::long".to_owned(), 4)]);
        assert_eq!(rules::long_files(&tree, 5), [("src/a.rs".to_owned(), 6)]);
        let found = ["new", "same", "grew", "shrank"].map(|name| (name.to_owned(), 10));
        let listed = [("same", 10), ("grew", 9), ("shrank", 11), ("gone", 12)];
        finds(&rules::ratchet("file", 5, &found, &listed), &["new", "grew", "shrank", "gone"]);
    }

    #[test]
    fn comments_that_are_too_wide() {
        let text =
            "/// A line of a comment.\n//! https://example.org/a/long/path\n/// | a | wide | table |\n";
        let tree = Tree::of(&[("src/a.rs", text), ("src/b/c.rs", "fn f() {}\n    // Some words.\n")]);
        finds(&rules::wide_comments(&tree, 16), &["src/a.rs:1", "src/b/c.rs:2"]);
    }

    #[test]
    fn dead_ends_in_documents() {
        let text = "[a](Cargo.toml) [b](gone.md#x) [c](https://example.org)\n`src/lib.rs` `src/gone.rs` `src/<kind>.rs`\n";
        finds(&documents::dead_ends(root(), &root().join("X.md"), text), &["X.md:1", "X.md:2"]);
        assert!(
            documents::untold(root(), "src/lib.rs").iter().any(|problem| problem.contains("`src/main.rs`"))
        );
    }
}
