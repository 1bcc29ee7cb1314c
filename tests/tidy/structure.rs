//! The structure as its imports draw it: which layer takes from which.

use super::cycles;
use super::source::Tree;
use std::collections::{BTreeMap, BTreeSet};

type Layers<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// A diagram of the layers for a document. An arrow that follows from others is left out.
pub fn drawing(tree: &Tree) -> String {
    let mut graph = cycles::graph(tree);
    graph.remove("src/lib.rs");
    let mut layers = Layers::new();
    for (file, used) in &graph {
        let layer = layer(file);
        let below = used.iter().map(|file| self::layer(file)).filter(|below| *below != layer);
        layers.entry(layer).or_default().extend(below);
    }
    let arrows = layers.iter().flat_map(|(layer, below)| {
        let drawn = below.iter().filter(|target| !follows(&layers, layer, target));
        drawn.map(move |target| format!("    {layer} --> {target}\n"))
    });
    format!("```mermaid\ngraph TD\n{}```\n", arrows.collect::<String>())
}

/// Name of the first folder or file below `src/`.
fn layer(path: &str) -> &str {
    let below = path.trim_start_matches("src/");
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// Whether another layer that `from` uses uses `target`, directly or not.
fn follows(layers: &Layers<'_>, from: &str, target: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut open: Vec<&str> = layers[from].iter().copied().filter(|below| *below != target).collect();
    while let Some(layer) = open.pop() {
        if seen.insert(layer) {
            open.extend(layers.get(layer).into_iter().flatten());
        }
    }
    seen.contains(target)
}
