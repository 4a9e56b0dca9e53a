//! No file imports, over however many others, a file that imports it.
//!
//! One thing is allowed: inside one module, a part may use the words that the module's own file defines
//! (`use super::…`), since the file is the face of its parts. Leaving those imports out, the parts of a module have an
//! order too.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Crate;
use super::{CRATES, code, root, rust_files};

/// Two files of the binary that may import each other, each pair with its reason. At most three.
const ALLOWED: [(&str, &str, &str); 0] = [];

/// The files of every cycle: the strongly connected components with more than one member.
fn cycles<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (*file, reachable(edges, file))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &reach {
        let members: Vec<&str> = reached.iter().copied().filter(|other| reach[other].contains(file)).collect();
        if members.len() > 1 {
            found.insert(members);
        }
    }
    found.into_iter().collect()
}

/// True if `cycle` is a module's own file and parts of it, and only the parts' use of that file closes the circle.
fn is_one_module(cycle: &[&str], edges: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
    let Some(whole) = cycle.iter().find(|file| cycle.iter().all(|part| part == *file || is_part_of(part, file))) else {
        return false;
    };
    let down = cycle.iter().map(|file| {
        let targets = edges[file].iter().copied().filter(|target| cycle.contains(target) && !is_part_of(file, target));
        (*file, targets.collect::<BTreeSet<_>>())
    });
    let down: BTreeMap<&str, BTreeSet<&str>> = down.collect();
    // A crate's root belongs to no module of its own: what all need has a file.
    !["lib.rs", "main.rs"].contains(whole) && cycles(&down).is_empty()
}

/// `a/b.rs` and `a/b/c.rs` are parts of `a.rs`.
fn is_part_of(part: &str, whole: &str) -> bool {
    part.strip_prefix(whole.trim_end_matches(".rs")).is_some_and(|rest| rest.starts_with('/'))
}

/// What `from` imports, directly or over others.
fn reachable<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = edges[from].iter().copied().collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(&edges[file]);
        }
    }
    reached
}

/// A cycle, with the imports that make it.
fn describe(cycle: &[&str], edges: &BTreeMap<&str, BTreeSet<&str>>) -> String {
    let mut text = format!("{} files import each other in a circle:\n", cycle.len());
    for file in cycle {
        let others: Vec<_> = edges[file].iter().filter(|other| cycle.contains(other)).copied().collect();
        text.push_str(&format!("  {file} imports {}\n", others.join(", ")));
    }
    text
}

fn read(folder: &str) -> Crate {
    let below = root().join(folder);
    Crate::new(rust_files(folder).iter().map(|path| {
        let name = path.strip_prefix(&below).expect("inside").to_string_lossy().into_owned();
        (name, code(path))
    }))
}

#[test]
fn no_file_imports_what_imports_it() {
    let mut told = String::new();
    for folder in CRATES {
        let source = read(folder);
        let edges = source.edges();
        assert!(edges.values().any(|targets| !targets.is_empty()) || edges.len() < 3, "{folder}: no import was read");
        for cycle in cycles(&edges) {
            if is_one_module(&cycle, &edges) {
                continue;
            }
            let allowed = ALLOWED.iter().any(|(one, other, _)| folder == "src" && cycle == [*one, *other]);
            if !allowed {
                told.push_str(&format!("{folder}: {}", describe(&cycle, &edges)));
            }
        }
    }
    assert!(told.is_empty(), "\n{told}move what both need below both, into a file of its own");
}

/// The wings of the binary, from the top down: a wing imports what stands below it, and nothing above. What lies beside
/// them at the root of `src/` is below all of them.
const WINGS: [&str; 4] = ["cli", "serving", "instance", "outbound"];

/// How high a file of the binary stands.
fn height(file: &str) -> usize {
    let wing = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
    WINGS.iter().rev().position(|name| *name == wing).map_or(0, |at| at + 1)
}

#[test]
fn wings_import_downwards() {
    let source = read("src");
    let up: Vec<String> = source
        .edges()
        .iter()
        .filter(|(file, _)| **file != "main.rs")
        .flat_map(|(file, targets)| targets.iter().map(move |target| (*file, *target)))
        .filter(|(file, target)| height(file) < height(target))
        .map(|(file, target)| format!("src/{file} imports src/{target}"))
        .collect();
    assert!(up.is_empty(), "{up:#?}\nthe order is {}", WINGS.join(" → "));
}

/// The check can fail: a planted cycle is found, whichever way its imports are written.
#[test]
fn a_planted_cycle_is_found() {
    let planted = |parent: &str, child: &str, other: &str| {
        let source = Crate::new(
            [("lib.rs", "mod a;\nmod b;"), ("a.rs", parent), ("a/child.rs", child), ("b.rs", other)]
                .map(|(file, code)| (file.to_owned(), code.to_owned())),
        );
        let edges = source.edges();
        let found = cycles(&edges).into_iter().filter(|cycle| !is_one_module(cycle, &edges));
        found.map(|cycle| cycle.join(" ")).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    assert_eq!(planted("mod child;\nuse crate::b::B;", "use crate::b::B;", "pub struct B;"), none);
    assert_eq!(planted("use crate::b::B;\nstruct A;", "", "use crate::a::A;\nstruct B;"), ["a.rs b.rs"]);
    assert_eq!(
        planted("use crate::{\n    b::{self, B as C},\n};\nstruct A;", "", "fn b() { super::a::a() }"),
        ["a.rs b.rs"]
    );
    assert_eq!(planted("mod child;\nfn a() { child::c() }", "use super::a;\n", ""), none, "a part of a module");
    assert_eq!(
        planted("mod child;\nfn a() { child::c(crate::b::B) }", "use super::a;\n", "use crate::a::child::c;"),
        ["a.rs a/child.rs b.rs"]
    );
    // A name that is handed on belongs to the file that defines it.
    assert_eq!(planted("mod child;\npub use child::C;", "pub struct C;", "use crate::a::C;"), none);
    assert_eq!(
        planted("mod child;\npub use child::C;", "use crate::b::B;\nstruct C;", "use crate::a::C;"),
        ["a/child.rs b.rs"]
    );
}
