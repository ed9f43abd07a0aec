//! Dependencies point one way: between files of a crate, and between crates.
//!
//! A file points to another if it names an item that the other defines, in a `use` or by a path. A name that a `mod.rs`
//! passes on (`pub use`) belongs to the file that defines it. Declaring a module (`mod`) and passing names on are no
//! arrows. What is compiled for tests only does not count. Files that point to each other in a circle fail.

mod circles;
mod modules;
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use circles::{Arrows, circles, describe};
use modules::Modules;

/// Folders and packages, each after those that it may depend on.
const CRATES: [(&str, &str); 7] = [
    ("linalg", "linalg"),
    ("autodiff", "autodiff"),
    ("samplers", "samplers"),
    ("models", "missvae"),
    ("tests", "verify"),
    ("cli", "missvae-cli"),
    ("benches", "missvae-benches"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// The sources below a folder: path inside of it, with `/`, and text.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(folder).expect("a file below the folder");
                let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
                files.push((name.join("/"), std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    files
}

fn arrows(files: &[(&str, &str)]) -> Arrows {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Modules::read(&files).arrows()
}

#[test]
fn no_file_imports_in_a_circle() {
    let mut problems = String::new();
    for (folder, _) in CRATES {
        let source = workspace().join(folder).join("src");
        let files = if source.is_dir() { sources(&source) } else { Vec::new() };
        if !files.iter().any(|(path, _)| path == "lib.rs" || path == "main.rs") {
            continue;
        }
        let arrows = Modules::read(&files).arrows();
        assert!(folder == "benches" || !arrows.is_empty(), "{folder}: no arrow was found");
        for circle in circles(&arrows) {
            problems += &format!("{folder}: {}", describe(&circle, &arrows));
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Every package depends on earlier ones of the list only, in tests as well: so they can be published in that order.
#[test]
fn crates_point_one_way() {
    for (number, (folder, name)) in CRATES.iter().enumerate() {
        let manifest = std::fs::read_to_string(workspace().join(folder).join("Cargo.toml")).expect("a manifest");
        let dependencies = dependencies(&manifest);
        assert!(*name == "linalg" || !dependencies.is_empty(), "{folder}: no dependency was found");
        for (_, later) in &CRATES[number..] {
            assert!(!dependencies.contains(*later), "{folder} must not depend on {later}");
        }
    }
}

/// The names in the dependency tables of a manifest.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((key, _)) = line.split_once('=') {
            names.insert(key.trim().split('.').next().unwrap_or_default());
        }
    }
    names
}

#[test]
fn a_planted_circle_is_found() {
    let files = [
        ("lib.rs", "mod a; mod b; pub mod c; pub use c::Deep;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; impl B { fn f() -> crate::Deep { todo!() } }"),
        ("c/mod.rs", "mod deep; pub use deep::Deep;"),
        ("c/deep.rs", "//! use of a.rs\npub struct Deep; fn f() { super::super::a::A; }"),
    ];
    let arrows = arrows(&files);
    let found = circles(&arrows);
    let expected: BTreeSet<String> = ["a.rs", "b.rs", "c/deep.rs"].map(str::to_owned).into();
    assert_eq!(found, [expected]);
    let text = describe(&found[0], &arrows);
    assert!(text.contains("b.rs -> c/deep.rs (crate::Deep)"), "{text}");
}

#[test]
fn what_is_no_circle() {
    for (a, b) in [
        // Passing on is no arrow, comments, strings and tests are none.
        ("mod b; pub use b::B; pub struct A;", "use super::A; pub struct B(A);"),
        ("mod b; pub struct A; // b::B\n/* b::B */ const S: &str = \"b::B\";", "use super::A; pub struct B(A);"),
        ("mod b; pub struct A; #[cfg(test)] mod tests { use super::b::B; }", "use super::A; pub struct B(A);"),
        ("mod b; pub struct A; #[cfg(test)] use b::{B, C}; fn f() {}", "use super::A; pub struct B(A);"),
        ("mod b; use b::B; pub struct A;", "pub struct B; fn f() { let A = 1; }"),
    ] {
        assert_eq!(circles(&arrows(&[("lib.rs", a), ("b.rs", b)])), [], "{a}");
    }
    for (a, b) in [
        ("mod b; pub struct A(b::B);", "use super::A; pub struct B(A);"),
        ("mod b; pub use b::B; pub struct A(B);", "use super::A; pub struct B(A);"),
        ("mod b; use b::{self as c, X}; pub fn a(c: c::B) {}", "pub struct B; use super::*; fn f() { a(B) }"),
        ("mod b; pub struct A; fn f<'a>() { b::g('x', 'y') }", "pub fn g() { crate::A; }"),
        ("mod b; mod inner { use super::b; fn f() { b::g() } } struct A;", "pub fn g() { super::A; }"),
    ] {
        assert_eq!(circles(&arrows(&[("lib.rs", a), ("b.rs", b)])).len(), 1, "{a}");
    }
}

#[test]
fn dependencies_of_a_manifest() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = { path = \"b\" }\n\
        [dev-dependencies]\nc = \"1\"\n[features]\nd = []\n";
    assert_eq!(dependencies(manifest), ["a", "b", "c"].into());
}
