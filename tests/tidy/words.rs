//! The operator's words, and documents that say what the code does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{CRATES, root, rust_files, text};

/// Files that may still say the words of 0.1, each with its reason.
const OF_OLD: [(&str, &str); 8] = [
    ("broker/src/ca/fixture.rs", "the repository in golden certificates is called so"),
    ("config/src/lib.rs", "reads the section's name of 0.1"),
    ("shared/src/audit.rs", "reads records of 0.1"),
    ("shared/src/audit/actor.rs", "reads records of 0.1"),
    ("src/instance/data_dir.rs", "reads the file's name of 0.1"),
    ("docs/issuers.md", "says what records of 0.1 hold"),
    ("docs/operations.md", "says what to rename"),
    ("CONTRIBUTING.md", "shows the word as one to avoid"),
];

/// Words of ours that no operator knows. What this product is called is an instance.
const OURS: [&str; 2] = ["house", "appliance"];

fn files_below(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the checkout") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path);
            }
        }
    }
    found
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned()
}

/// The lines of a text that hold a word of ours, as a word or as a part of a name.
fn lines_with_our_words(text: &str) -> Vec<(usize, &str)> {
    let holds = |line: &str| OURS.iter().any(|word| line.to_lowercase().contains(word));
    text.lines().enumerate().filter(|(_, line)| holds(line)).map(|(at, line)| (at + 1, line.trim())).collect()
}

#[test]
fn operators_read_their_own_words() {
    let mut paths: Vec<PathBuf> = CRATES.iter().flat_map(|folder| files_below(folder, &["rs"])).collect();
    paths.extend(files_below("docs", &["md"]));
    paths.extend(files_below("templates", &["html", "css"]));
    paths.extend(files_below("config", &["toml"]));
    paths.extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"].map(|name| root().join(name)));
    let mut found = Vec::new();
    for path in paths {
        let name = below_root(&path);
        if OF_OLD.iter().any(|(file, _)| *file == name) {
            continue;
        }
        let text = text(&name);
        found.extend(lines_with_our_words(&text).into_iter().map(|(at, line)| format!("{name}:{at}: {line}")));
    }
    assert!(found.is_empty(), "say instance:\n{}", found.join("\n"));
}

#[test]
fn a_planted_word_is_found() {
    let planted = "An instance.\nopen the House here\nlet house_file = 1;\nhours";
    assert_eq!(lines_with_our_words(planted).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 3]);
}

/// The modules that ARCHITECTURE.md must list: those of each library, and those of the binary and of its wings. The
/// commands of the command line are one row, and the sections of the configuration need none: `config/example.toml`
/// shows them.
fn modules() -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for folder in CRATES {
        for path in rust_files(folder) {
            if super::is_test_only(&path) {
                continue;
            }
            let name = path.strip_prefix(root().join(folder)).expect("inside").with_extension("");
            let name = name.to_string_lossy().into_owned();
            let is_root = name == "lib" || name == "main";
            let krate = folder.trim_end_matches("/src");
            let is_wing = ["serving/", "instance/", "outbound/"].iter().any(|wing| name.starts_with(wing));
            let depth = name.matches('/').count();
            let is_listed = depth == 0 || folder == "src" && depth == 1 && is_wing;
            if !is_root && is_listed && folder != "config/src" {
                modules.insert(format!("{krate}/{name}"));
            }
        }
    }
    modules
}

/// The modules that a table of ARCHITECTURE.md lists, in order.
fn listed(architecture: &str) -> Vec<String> {
    let overview = architecture.split("## What always holds").next().unwrap_or_default();
    let rows = overview.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split('|').next());
    let names = cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`').to_owned());
    names.filter(|name| name.contains('/')).collect()
}

#[test]
fn the_overview_lists_every_module_once() {
    let listed = listed(&text("ARCHITECTURE.md"));
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = listed.iter().filter(|name| !seen.insert((*name).clone())).collect();
    assert!(twice.is_empty(), "ARCHITECTURE.md lists twice: {twice:?}");
    let modules = modules();
    let missing: Vec<_> = modules.difference(&seen).collect();
    let gone: Vec<_> = seen.difference(&modules).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "ARCHITECTURE.md lacks {missing:?} and lists {gone:?}, which do not exist"
    );
}

#[test]
fn a_module_listed_twice_or_not_at_all_is_found() {
    let planted = "| `a/b`, `a/c` | x |\n| `a/b` | y |\n## What always holds\n| `a/d` | z |";
    assert_eq!(listed(planted), ["a/b", "a/c", "a/b"]);
}
