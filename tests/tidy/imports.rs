//! Which file of a crate imports which, read from its source.
//!
//! A file is a node. An import is a `use` line, or a path in the code that begins with `crate`, `self`, `super` or a
//! module that the file declares. A name that a module hands on by `pub use` counts as an import of the file that
//! defines it. What only tests see is left out.

use std::collections::{BTreeMap, BTreeSet};

/// The path of a module inside its crate; the root is empty.
pub(crate) type Module = Vec<String>;

/// The source of one crate, by module.
pub(crate) struct Crate {
    sources: BTreeMap<Module, Source>,
}

struct Source {
    file: String,
    code: String,
    /// Where the names come from that this file imports, whether or not it hands them on.
    imports: Vec<Import>,
}

/// `use PATH as NAME`, one name each.
#[derive(Clone, Debug)]
struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

impl Crate {
    /// Reads `files`: the path below the crate's source folder, and its code without tests and comments.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let sources = files.into_iter().map(|(file, code)| {
            let module = match file.trim_end_matches(".rs") {
                "lib" | "main" => Module::new(),
                path => path.split('/').map(str::to_owned).collect(),
            };
            let imports = imports(&code);
            (module, Source { file, code, imports })
        });
        Self { sources: sources.collect() }
    }

    /// Every import between two files.
    pub(crate) fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (module, source) in &self.sources {
            let targets = edges.entry(&source.file).or_default();
            let paths = source.imports.iter().map(|import| import.path.clone()).chain(paths(&source.code));
            for path in paths {
                if let Some(target) = self.absolute(module, &path).and_then(|path| self.definition(&path, 0))
                    && target != source.file
                {
                    targets.insert(target);
                }
            }
        }
        edges
    }

    /// `path` from the crate's root, as `module` writes it; nothing for a path into another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?;
        let mut absolute = match first.as_str() {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            _ => {
                let mut child = module.clone();
                child.push(first.clone());
                self.sources.contains_key(&child).then_some(child)?
            }
        };
        for part in &path[1..] {
            if part == "super" {
                absolute.pop()?;
            } else {
                absolute.push(part.clone());
            }
        }
        Some(absolute)
    }

    /// The file that defines what `path` names: the longest module in it, or where that module takes the name from.
    fn definition(&self, path: &[String], depth: usize) -> Option<&str> {
        let length = (0..=path.len()).rev().find(|length| self.sources.contains_key(&path[..*length]))?;
        let module = path[..length].to_vec();
        let source = &self.sources[&module];
        if let Some(name) = path.get(length)
            && depth < 8
            && let Some(import) = source.imports.iter().find(|import| import.is_public && import.name == *name)
            && let Some(absolute) = self.absolute(&module, &import.path)
        {
            return self.definition(&absolute, depth + 1);
        }
        Some(&source.file)
    }
}

/// The `use` lines of a file, with their braces spread out.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for statement in statements(code) {
        let Some((reach, tree)) = statement.split_once("use ") else { continue };
        let mut leaves = Vec::new();
        spread(tree.trim(), &[], &mut leaves);
        let is_public = reach.trim_start().starts_with("pub");
        found.extend(leaves.into_iter().map(|(path, name)| Import { path, name, is_public }));
    }
    found
}

/// What stands between the beginning of a `use` line and its semicolon.
fn statements(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = None::<String>;
    for line in code.lines() {
        let trimmed = line.trim_start();
        let begins =
            ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|start| trimmed.starts_with(start));
        if open.is_none() && begins {
            open = Some(String::new());
        }
        if let Some(text) = &mut open {
            text.push_str(trimmed);
            text.push(' ');
            if trimmed.ends_with(';') {
                found.push(open.take().unwrap_or_default().trim_end().trim_end_matches(';').to_owned());
            }
        }
    }
    found
}

/// Spreads `a::{b, c::{d as e}}` into its leaves, each with the name that it has in the file.
fn spread(tree: &str, before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let (head, group) = match tree.split_once('{') {
        Some((head, rest)) => (head, Some(rest.rsplit_once('}').map_or(rest, |(inside, _)| inside))),
        None => (tree, None),
    };
    let mut path = before.to_vec();
    let (head, alias) = head.split_once(" as ").map_or((head, None), |(head, alias)| (head, Some(alias.trim())));
    path.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "*").map(str::to_owned));
    let Some(group) = group else {
        if path.len() > 1 && path.last().is_some_and(|part| part == "self") {
            path.pop();
        }
        let name = alias.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
        leaves.push((path, name));
        return;
    };
    for part in parts(group) {
        spread(part.trim(), &path, leaves);
    }
}

/// The members of a group, split at the commas outside its inner groups.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&group[start..]);
    found.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// Paths in the code outside `use` lines: `crate::a::B`, `super::C`, `child::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let words = code.split(|character: char| !is_word(character)).filter(|word| word.contains("::"));
    words.map(|word| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()).collect()
}
