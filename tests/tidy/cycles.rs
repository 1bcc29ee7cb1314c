//! Cycles between files: files of `src/` that name each other's items, directly or through others. A
//! re-export is no use of its own: a path is followed through it to the file that defines the item. Nor is
//! what a file takes from the modules it is part of: they are one subject told in several files.

use super::source::{Source, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Re-exports that a path is followed through; longer chains end at the file reached by then.
const RE_EXPORTS: usize = 8;

type Module = Vec<String>;

/// Every file with the files whose items it names outside tests.
pub type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Cycles with more files are told by their first file and the number of the others.
const NAMED_FILES: usize = 4;

/// All cycles, each as its files in order, joined by spaces.
pub fn cycles(tree: &Tree) -> Vec<String> {
    let graph = graph(tree);
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reach(&graph, file))).collect();
    let mut found = BTreeSet::new();
    for (file, ahead) in reached.iter().filter(|(file, ahead)| ahead.contains(*file)) {
        let ring: Vec<&str> = ahead.iter().copied().filter(|other| reached[other].contains(file)).collect();
        found.insert(match ring[..] {
            [first, ref others @ ..] if ring.len() > NAMED_FILES => {
                format!("{first} and {} others", others.len())
            }
            _ => ring.join(" "),
        });
    }
    found.into_iter().collect()
}

/// The cycles, with what to do about them.
pub fn problems(tree: &Tree) -> Vec<String> {
    let told =
        |cycle| format!("{cycle}: these files name each other; move what both need into a file below them");
    cycles(tree).into_iter().map(told).collect()
}

fn reach<'a>(graph: &Graph<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = graph[from].iter().copied().collect();
    while let Some(file) = open.pop() {
        if seen.insert(file) {
            open.extend(&graph[file]);
        }
    }
    seen
}

/// The imports of a tree.
pub fn graph(tree: &Tree) -> Graph<'_> {
    let files: BTreeMap<Module, &str> = tree
        .files
        .iter()
        .filter(|(path, source)| path.starts_with("src/") && *path != "src/main.rs" && !source.is_test)
        .map(|(path, _)| (super::rules::module_of(path), path.as_str()))
        .collect();
    let imports: BTreeMap<&str, BTreeMap<String, Module>> =
        files.iter().map(|(module, path)| (*path, imports(&tree.files[*path], module))).collect();
    let edges = |module: &Module, path: &str| {
        let source = &tree.files[path];
        let re_exports = re_exports(source);
        let lines =
            |line: &usize| !source.in_test(*line) && !re_exports.iter().any(|range| range.contains(line));
        let named = paths(source, module).into_iter().filter(|(_, line)| lines(line));
        let others = named.filter_map(|(named, _)| defined_in(&named, &files, &imports));
        others.filter(|other| !module.starts_with(&super::rules::module_of(other))).collect()
    };
    files.iter().map(|(module, path)| (*path, edges(module, path))).collect()
}

/// The file that defines what a path names, if it is one of this crate.
fn defined_in<'a>(
    named: &[String],
    files: &BTreeMap<Module, &'a str>,
    imports: &BTreeMap<&str, BTreeMap<String, Module>>,
) -> Option<&'a str> {
    let mut named = named.to_vec();
    for _ in 0..RE_EXPORTS {
        let depth = (1..=named.len()).rev().find(|depth| files.contains_key(&named[..*depth]))?;
        let file = files[&named[..depth]];
        let Some(target) = named.get(depth).and_then(|item| imports[file].get(item)) else {
            return Some(file);
        };
        named = target.iter().chain(&named[depth + 1..]).cloned().collect();
    }
    None
}

/// Names that a file imports or re-exports, with their paths from the root.
fn imports(source: &Source, module: &[String]) -> BTreeMap<String, Module> {
    let starts = (0..source.tokens.len()).filter(|at| source.word(*at) == "use");
    let lines: BTreeSet<usize> =
        starts.flat_map(|at| source.tokens[at].line..=source.statement_end(at)).collect();
    let of_uses = paths(source, module).into_iter().filter(|(_, line)| lines.contains(line));
    of_uses.filter_map(|(path, _)| Some((path.last()?.clone(), path))).collect()
}

/// Lines of `pub use` statements in any visibility.
fn re_exports(source: &Source) -> Vec<std::ops::RangeInclusive<usize>> {
    let starts = (1..source.tokens.len()).filter(|at| source.word(*at) == "use");
    let public = starts.filter(|at| matches!(source.word(at - 1), "pub" | ")"));
    public.map(|at| source.tokens[at].line..=source.statement_end(at)).collect()
}

/// Every path into this crate that a file writes: from the root, from `self`, and from a module it declares.
fn paths(source: &Source, module: &[String]) -> Vec<(Module, usize)> {
    let from_root = source.paths_from_root(module).into_iter().map(|path| (path.segments, path.line));
    let below = |path: super::source::WrittenPath, skip: usize| {
        (module.iter().cloned().chain(path.segments.into_iter().skip(skip)).collect(), path.line)
    };
    let declared =
        source.modules().into_iter().filter(|declared| !declared.is_test && declared.inside.is_empty());
    let of_modules = declared.flat_map(|declared| source.paths_from(&declared.name));
    from_root
        .chain(source.paths_from("self").into_iter().map(|path| below(path, 1)))
        .chain(of_modules.map(|path| below(path, 0)))
        .collect()
}
