//! The conditions of a section as a tree, whichever form the document uses.
//!
//! Flat lists with a connector per condition, as in legacy documents, become groups: strictly from left to
//! right; NOT negates its own condition.

use super::problem::{Problems, at};
use super::wire::{Condition, Connector, Group, Logic, Parts};
use crate::limits::DOCUMENT_GROUP_DEPTH;

/// Where a document comes from, which decides what it may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// Written for tradingd.
    New,
    /// Written for the legacy system.
    Imported,
}

/// Conditions and groups combined by one operator.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) path: String,
    pub(super) logic: Logic,
    pub(super) negate: bool,
    pub(super) branches: Vec<Branch<'a>>,
    /// The group of the document, if it was written as one.
    group: Option<&'a Group>,
}

#[derive(Debug)]
pub(super) enum Branch<'a> {
    Condition { path: String, condition: &'a Condition },
    Group(Tree<'a>),
}

impl<'a> Branch<'a> {
    fn is_group(&self) -> bool {
        matches!(self, Branch::Group(_))
    }
}

/// The tree of a section at `path`, without disabled conditions.
pub(super) fn section<'a>(
    parts: Parts<'a>,
    path: &str,
    default: Logic,
    origin: Origin,
    problems: &mut Problems,
) -> Tree<'a> {
    let tree = build_tree(parts.conditions, parts.groups, parts.logic, default, path, origin, problems);
    check_depth(&tree, 0, problems);
    tree
}

/// The tree of a group, used for the steps of a sequence.
pub(super) fn group<'a>(group: &'a Group, path: &str, origin: Origin, problems: &mut Problems) -> Tree<'a> {
    let tree = group_tree(group, path, origin, problems);
    check_depth(&tree, 1, problems);
    tree
}

fn group_tree<'a>(group: &'a Group, path: &str, origin: Origin, problems: &mut Problems) -> Tree<'a> {
    let conditions = group.conditions.as_deref().unwrap_or_default();
    let groups = group.groups.as_deref().unwrap_or_default();
    let mut tree = build_tree(conditions, groups, group.logic, Logic::And, path, origin, problems);
    if tree.branches.is_empty() && !problems.broken(path) {
        problems.error(path, "the group has no enabled condition; remove it or fill it");
    }
    tree.negate = group.negate.unwrap_or(false);
    tree.group = Some(group);
    tree
}

fn build_tree<'a>(
    conditions: &'a [Condition],
    groups: &'a [Group],
    written: Option<Logic>,
    default: Logic,
    path: &str,
    origin: Origin,
    problems: &mut Problems,
) -> Tree<'a> {
    let logic = written.unwrap_or(default);
    let path_of = |index: usize| at(&at(path, "conditions"), index);
    let enabled: Vec<(String, &Condition)> = conditions
        .iter()
        .enumerate()
        .filter(|(_, condition)| condition.enabled != Some(false))
        .map(|(index, condition)| (path_of(index), condition))
        .collect();
    let flat = enabled.iter().any(|(_, condition)| condition.logic.is_some());
    let mut tree = if flat {
        check_connectors(&enabled, logic, written, path, origin, problems);
        left_to_right(enabled, logic, path)
    } else {
        let branches =
            enabled.into_iter().map(|(path, condition)| Branch::Condition { path, condition }).collect();
        Tree { path: path.to_owned(), logic, negate: false, branches, group: None }
    };
    if !groups.is_empty() && flat && tree.logic != logic {
        tree = Tree {
            path: path.to_owned(),
            logic,
            negate: false,
            branches: vec![Branch::Group(tree)],
            group: None,
        };
    }
    for (index, group) in groups.iter().enumerate() {
        tree.branches.push(Branch::Group(group_tree(
            group,
            &at(&at(path, "groups"), index),
            origin,
            problems,
        )));
    }
    // Conditions before groups, as documents write them, so that a document and its canonical form give the
    // same tree.
    tree.branches.sort_by_key(Branch::is_group);
    tree
}

fn connector(condition: &Condition, logic: Logic) -> Logic {
    match condition.logic {
        Some(Connector::And | Connector::Not) => Logic::And,
        Some(Connector::Or) => Logic::Or,
        None => logic,
    }
}

fn check_connectors(
    list: &[(String, &Condition)],
    logic: Logic,
    written: Option<Logic>,
    path: &str,
    origin: Origin,
    problems: &mut Problems,
) {
    let used: Vec<Logic> =
        list.iter().rev().skip(1).map(|(_, condition)| connector(condition, logic)).collect();
    if used.contains(&Logic::And) && used.contains(&Logic::Or) {
        let path = at(path, "conditions");
        match origin {
            Origin::New => problems.error(&path, "the list mixes AND and OR, which is ambiguous; write `groups` with one logic each"),
            Origin::Imported => {
                problems.warning(&path, "the list mixes AND and OR; it is read strictly left to right: A OR B AND C is (A OR B) AND C")
            }
        }
    } else if written.is_some() && used.iter().any(|used| *used != logic) {
        problems.warning(&at(path, "logic"), "has no effect because the conditions carry their own `logic`");
    }
}

fn left_to_right<'a>(list: Vec<(String, &'a Condition)>, logic: Logic, path: &str) -> Tree<'a> {
    let new = |logic: Logic, branches: Vec<Branch<'a>>| Tree {
        path: path.to_owned(),
        logic,
        negate: false,
        branches,
        group: None,
    };
    let mut tree = new(logic, Vec::new());
    let mut link = None;
    // Every change of logic adds a level. Nesting stops just above the bound, where the document is refused
    // anyway, because trees are walked recursively on the stack.
    let mut depth = 0;
    for (path, condition) in list {
        let next = connector(condition, logic);
        let leaf = Branch::Condition { path, condition };
        let term = if condition.logic == Some(Connector::Not) {
            Branch::Group(Tree { negate: true, ..new(Logic::And, vec![leaf]) })
        } else {
            leaf
        };
        match link {
            Some(link) if tree.branches.len() > 1 && tree.logic != link && depth <= DOCUMENT_GROUP_DEPTH => {
                depth += 1;
                tree = new(link, vec![Branch::Group(tree), term]);
            }
            Some(link) => {
                tree.logic = link;
                tree.branches.push(term);
            }
            None => tree.branches.push(term),
        }
        link = Some(next);
    }
    tree.branches.sort_by_key(Branch::is_group);
    tree
}

fn check_depth(tree: &Tree<'_>, depth: usize, problems: &mut Problems) {
    if depth > DOCUMENT_GROUP_DEPTH {
        problems.error(&tree.path, format!("groups are nested deeper than {DOCUMENT_GROUP_DEPTH} levels"));
        return;
    }
    for branch in &tree.branches {
        if let Branch::Group(group) = branch {
            check_depth(group, depth + 1, problems);
        }
    }
}

/// Whether any condition below has a connector of its own.
pub(super) fn is_flat(conditions: &[Condition], groups: &[Group]) -> bool {
    conditions.iter().any(|condition| condition.logic.is_some())
        || groups.iter().any(|group| {
            is_flat(
                group.conditions.as_deref().unwrap_or_default(),
                group.groups.as_deref().unwrap_or_default(),
            )
        })
}

/// The tree as a group without connectors.
pub(super) fn written(tree: &Tree<'_>) -> Group {
    let mut conditions = Vec::new();
    let mut groups = Vec::new();
    for branch in &tree.branches {
        match branch {
            Branch::Condition { condition, .. } => {
                conditions.push(Condition { logic: None, ..(*condition).clone() })
            }
            Branch::Group(group) => groups.push(written(group)),
        }
    }
    let known = tree.group;
    // Disabled conditions are not in the tree, but must be kept for the author.
    conditions
        .extend(known.and_then(|group| group.conditions.as_deref()).map(switched_off).into_iter().flatten());
    Group {
        id: known.and_then(|group| group.id.clone()),
        logic: Some(tree.logic),
        negate: tree.negate.then_some(true).or(known.and_then(|group| group.negate)),
        conditions: Some(conditions),
        groups: (!groups.is_empty()).then_some(groups),
        unknown: known.map(|group| group.unknown.clone()).unwrap_or_default(),
    }
}

/// The disabled conditions, without connectors.
pub(super) fn switched_off(conditions: &[Condition]) -> impl Iterator<Item = Condition> {
    conditions
        .iter()
        .filter(|condition| condition.enabled == Some(false))
        .map(|condition| Condition { logic: None, ..condition.clone() })
}
