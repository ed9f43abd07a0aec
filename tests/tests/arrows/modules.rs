//! The modules of a crate, what each defines and imports, and which file a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens::{closing, tokens};

/// One module: a file, or a block `mod … { … }` in one.
#[derive(Debug, Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// Names brought in by `use`, with their paths.
    aliases: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Aliases that are passed on (`pub use`): an arrow only where the module itself uses the name.
    passed_on: BTreeSet<String>,
    /// Paths in `use` lines that are not passed on, and paths in the code.
    paths: Vec<Vec<String>>,
    /// Words of the code, outside of `use` lines.
    words: BTreeSet<String>,
}

/// All modules of one crate.
#[derive(Debug)]
pub(crate) struct Modules {
    files: Vec<String>,
    modules: Vec<Module>,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Found {
    Module(usize),
    /// An item of a file.
    Item(usize),
}

impl Modules {
    /// Reads a crate. `files` are its sources: path inside `src` and text. Files that no module declares are not read.
    pub(crate) fn read(files: &[(String, String)]) -> Self {
        let texts: BTreeMap<&str, &str> = files.iter().map(|(path, text)| (&path[..], &text[..])).collect();
        let mut crate_ = Modules { files: Vec::new(), modules: Vec::new() };
        let root = if texts.contains_key("lib.rs") { "lib.rs" } else { "main.rs" };
        crate_.add_file(&texts, root, "", None);
        crate_
    }

    fn add_file(&mut self, texts: &BTreeMap<&str, &str>, path: &str, folder: &str, parent: Option<usize>) -> usize {
        let file = self.files.len();
        self.files.push(path.to_owned());
        self.add_module(texts, &tokens(texts[path]), file, folder, parent)
    }

    /// Reads a module's tokens. Its children's files are in `folder`.
    fn add_module(
        &mut self,
        texts: &BTreeMap<&str, &str>,
        tokens: &[String],
        file: usize,
        folder: &str,
        parent: Option<usize>,
    ) -> usize {
        let number = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        let mut depth = 0;
        let mut public = false;
        let mut i = 0;
        while i < tokens.len() {
            let next = |n: usize| tokens.get(i + n).map_or("", |t| &t[..]);
            match &tokens[i][..] {
                "{" => depth += 1,
                "}" => depth -= 1,
                "pub" => {
                    public = true;
                    i = if next(1) == "(" { closing(tokens, i + 1) + 1 } else { i + 1 };
                    continue;
                }
                "mod" if depth == 0 && (next(2) == ";" || next(2) == "{") => {
                    let name = next(1).to_owned();
                    let inside = format!("{folder}{name}/");
                    let child = if next(2) == "{" {
                        let end = closing(tokens, i + 2);
                        let child = self.add_module(texts, &tokens[i + 3..end], file, &inside, Some(number));
                        i = end;
                        Some(child)
                    } else {
                        i += 2;
                        let candidates = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
                        let path = candidates.iter().find(|path| texts.contains_key(&path[..]));
                        path.map(|path| self.add_file(texts, path, &inside, Some(number)))
                    };
                    if let Some(child) = child {
                        self.modules[number].children.insert(name, child);
                    }
                }
                "use" => {
                    let end = (i..tokens.len()).find(|&j| tokens[j] == ";").unwrap_or(tokens.len());
                    self.add_use(number, &tokens[i + 1..end], &[], public);
                    i = end;
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" if depth == 0 => {
                    let name = if next(1) == "mut" { next(2) } else { next(1) };
                    self.modules[number].items.insert(name.to_owned());
                }
                // The registry of heads declares a module for each `in module::Head`.
                "heads" if next(1) == "!" && next(2) == "{" => {
                    let end = closing(tokens, i + 2);
                    for name in (i..end).filter(|&j| tokens[j] == "in").map(|j| tokens[j + 1].clone()) {
                        let path = format!("{folder}{name}.rs");
                        assert!(texts.contains_key(&path[..]), "{file}: no file of the head {name}");
                        let child = self.add_file(texts, &path, &format!("{folder}{name}/"), Some(number));
                        self.modules[number].children.insert(name, child);
                    }
                    i = end;
                }
                "macro_rules" if next(1) == "!" => {
                    self.modules[number].items.insert(next(2).to_owned());
                    i += 2;
                }
                word if word.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                    let mut path = vec![word.to_owned()];
                    self.modules[number].words.insert(word.to_owned());
                    while next(1 + 2 * (path.len() - 1)) == "::" {
                        let part = next(2 * path.len());
                        if part.is_empty() || !part.chars().all(|c| c.is_alphanumeric() || c == '_') {
                            break;
                        }
                        path.push(part.to_owned());
                    }
                    i += 2 * (path.len() - 1);
                    self.modules[number].paths.push(path);
                }
                _ => {}
            }
            public = false;
            i += 1;
        }
        number
    }

    /// A `use` tree after `prefix`.
    fn add_use(&mut self, module: usize, tree: &[String], prefix: &[String], public: bool) {
        let mut path = prefix.to_vec();
        let mut i = 0;
        while i < tree.len() {
            match &tree[i][..] {
                "::" => {}
                "{" => {
                    let end = closing(tree, i);
                    let mut start = i + 1;
                    let mut depth = 0;
                    for j in i + 1..=end {
                        match &tree[j][..] {
                            "{" => depth += 1,
                            "}" if j < end => depth -= 1,
                            _ => {}
                        }
                        if (tree[j] == "," && depth == 0) || j == end {
                            self.add_use(module, &tree[start..j], &path, public);
                            start = j + 1;
                        }
                    }
                    return;
                }
                "*" => {
                    self.modules[module].globs.push(path);
                    return;
                }
                "as" => {
                    if path.last().is_some_and(|last| last == "self") {
                        path.pop();
                    }
                    self.add_alias(module, tree[i + 1].clone(), path, public);
                    return;
                }
                part => path.push(part.to_owned()),
            }
            i += 1;
        }
        if path.len() > prefix.len() {
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let name = path.last().cloned().unwrap_or_default();
            self.add_alias(module, name, path, public);
        }
    }

    fn add_alias(&mut self, module: usize, name: String, path: Vec<String>, public: bool) {
        if public {
            self.modules[module].passed_on.insert(name.clone());
        } else {
            self.modules[module].paths.push(path.clone());
        }
        self.modules[module].aliases.insert(name, path);
    }

    /// What a path leads to from a module; nothing if it leaves the crate or is a local name.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Found> {
        if depth > 12 {
            return None;
        }
        let mut at = from;
        for (i, part) in path.iter().enumerate() {
            match &part[..] {
                "crate" => at = 0,
                "self" => {}
                "super" => at = self.modules[at].parent?,
                name => {
                    let module = &self.modules[at];
                    let rest = &path[i + 1..];
                    if let Some(&child) = module.children.get(name) {
                        at = child;
                    } else if let Some(alias) = module.aliases.get(name) {
                        // `use x::x`, where the first x is another crate.
                        if alias.first().is_some_and(|first| first == name) {
                            return None;
                        }
                        return match self.resolve(at, alias, depth + 1)? {
                            Found::Module(next) => self.resolve_in(next, rest, depth),
                            item => Some(item),
                        };
                    } else if module.items.contains(name) {
                        return Some(Found::Item(module.file));
                    } else {
                        let mut through = module.globs.iter().filter_map(|glob| {
                            let Found::Module(next) = self.resolve(at, glob, depth + 1)? else { return None };
                            if next == at { None } else { self.resolve_in(next, &path[i..], depth + 1) }
                        });
                        return through.next();
                    }
                }
            }
        }
        Some(Found::Module(at))
    }

    fn resolve_in(&self, module: usize, path: &[String], depth: usize) -> Option<Found> {
        if path.is_empty() { Some(Found::Module(module)) } else { self.resolve(module, path, depth + 1) }
    }

    /// From each file the files that define what it imports, each with one of the paths.
    pub(crate) fn arrows(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut arrows: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            let own = &self.files[module.file];
            let mut add = |path: &[String]| {
                if let Some(Found::Item(file)) = self.resolve(number, path, 0)
                    && file != module.file
                {
                    let to = arrows.entry(own.clone()).or_default().entry(self.files[file].clone());
                    to.or_insert_with(|| path.join("::"));
                }
            };
            for path in &module.paths {
                let first = &path[0];
                let passed_on = module.passed_on.contains(first) && module.words.contains(first);
                let local = module.aliases.contains_key(first) || module.items.contains(first);
                let through_glob = !module.globs.is_empty() && !local;
                if path.len() > 1 || passed_on || through_glob {
                    add(path);
                }
            }
        }
        arrows
    }
}
