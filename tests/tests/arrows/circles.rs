//! Circles in a graph.

use std::collections::{BTreeMap, BTreeSet};

/// Files and the files that they import from, each with a path that says so.
pub(crate) type Arrows = BTreeMap<String, BTreeMap<String, String>>;

/// The sets of files that can all reach each other, two or more in each.
pub(crate) fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reach = |from: &str| -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(file) = open.pop() {
            for to in arrows.get(&file).into_iter().flat_map(|to| to.keys()) {
                if seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|file| (file, reach(file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (&file, ahead) in &reached {
        if !ahead.contains(file) || found.iter().any(|circle| circle.contains(file)) {
            continue;
        }
        let back = |other: &&String| reached.get(*other).is_some_and(|ahead| ahead.contains(file));
        found.push(ahead.iter().filter(back).cloned().collect());
    }
    found
}

/// A circle as text: its files, and the arrows among them.
pub(crate) fn describe(circle: &BTreeSet<String>, arrows: &Arrows) -> String {
    let mut text = format!("circle of {} files:\n", circle.len());
    for from in circle {
        for (to, path) in arrows.get(from).into_iter().flatten().filter(|(to, _)| circle.contains(*to)) {
            text += &format!("    {from} -> {to} ({path})\n");
        }
    }
    text
}
