//! The invariants of ARCHITECTURE.md that a program can check, and that the documents say what the code does.
#![expect(clippy::disallowed_methods, reason = "this test reads the checkout")]

mod cycles;
mod imports;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The source folder of each crate.
const CRATES: [&str; 7] = ["broker/src", "config/src", "nts/src", "shared/src", "sigstore/src", "src", "tsa/src"];

/// The crates that decide: plain functions, which read nothing and wait for nothing.
const PURE: [&str; 4] = ["broker/src", "nts/src", "sigstore/src", "tsa/src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the checkout") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file of tests, or what only tests use.
fn is_test(path: &Path) -> bool {
    let name = path.file_name().expect("a name").to_string_lossy();
    path.components().any(|part| part.as_os_str() == "tests")
        || ["fixture.rs", "mint.rs", "tests.rs", "vectors.rs"].contains(&&*name)
}

fn manifest(path: &str) -> toml::Table {
    toml::from_str(&text(path)).expect("a manifest")
}

fn dependencies(path: &str, section: &str) -> BTreeSet<String> {
    let manifest = manifest(path);
    manifest.get(section).and_then(|s| s.as_table()).map(|t| t.keys().cloned().collect()).unwrap_or_default()
}

/// A file whose parent declares it for tests only.
fn is_test_only(path: &Path) -> bool {
    let stem = path.file_stem().expect("a name").to_string_lossy();
    let parent = path.parent().expect("a folder").with_extension("rs");
    let declares = |word: &str| std::fs::read_to_string(&parent).is_ok_and(|text| text.contains(word));
    ["", "pub(crate) "].iter().any(|reach| declares(&format!("#[cfg(test)]\n{reach}mod {stem};")))
}

/// Code of a file, its unit tests and comments left out.
fn code(path: &Path) -> String {
    if is_test_only(path) {
        return String::new();
    }
    let text = text(path);
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The packages of the workspace.
const PACKAGES: [&str; 7] =
    ["broker", "privyseal", "privyseal-config", "privyseal-nts", "privyseal-sigstore", "shared", "tsa"];
/// The folders of the packages below the binary.
const LIBRARIES: [&str; 6] = ["broker", "config", "nts", "shared", "sigstore", "tsa"];

/// Design: `privyseal -> broker, sigstore, tsa, nts, config, shared`; `sigstore -> tsa, shared`; `broker -> shared`;
/// `tsa -> shared`; `nts` and `config` stand alone.
#[test]
fn arrows_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("Cargo.toml", &["broker", "privyseal-config", "privyseal-nts", "privyseal-sigstore", "shared", "tsa"][..]),
        ("broker/Cargo.toml", &["shared"]),
        ("config/Cargo.toml", &[]),
        ("nts/Cargo.toml", &[]),
        ("shared/Cargo.toml", &[]),
        ("sigstore/Cargo.toml", &["shared", "tsa"]),
        ("tsa/Cargo.toml", &["shared"]),
    ]);
    assert_eq!(allowed.len(), PACKAGES.len(), "a package without a rule");
    for (path, allowed) in allowed {
        for room in dependencies(path, "dependencies").iter().filter(|name| PACKAGES.contains(&name.as_str())) {
            assert!(allowed.contains(&room.as_str()), "{path} must not depend on {room}");
        }
    }
}

/// Invariant 1: only `src/` knows HTTP, sockets and the runtime.
#[test]
fn only_the_edge_knows_http_and_sockets() {
    let edge_only = ["axum", "hyper", "hyper-util", "reqwest", "rustls", "tokio", "tokio-rustls", "tower"];
    for folder in LIBRARIES {
        let path = format!("{folder}/Cargo.toml");
        for name in dependencies(&path, "dependencies") {
            assert!(!edge_only.contains(&name.as_str()), "{path} must not depend on {name}");
        }
    }
    for folder in ["broker/src", "tsa/src", "shared/src"] {
        for path in rust_files(folder) {
            for word in ["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket", "StatusCode"] {
                assert!(!code(&path).contains(word), "{} mentions {word}", path.display());
            }
        }
    }
}

/// Invariant 1: the deciding rooms have no clock, no randomness of their own, no file, no environment, no thread.
#[test]
fn deciding_rooms_are_plain_functions() {
    let banned = [
        "SystemTime::now",
        "Instant::now",
        "std::env",
        "std::fs",
        "std::thread",
        "std::process",
        "SystemRandom",
        "static mut",
        "LazyLock<Mutex",
        "thread_local!",
    ];
    for folder in PURE {
        for path in rust_files(folder) {
            for word in banned {
                assert!(!code(&path).contains(word), "{} mentions {word}", path.display());
            }
        }
    }
}

/// Invariant 1: the deciding crates wait for nothing. What waits is at the edge.
#[test]
fn deciding_crates_are_synchronous() {
    for folder in PURE {
        for path in rust_files(folder) {
            let code = code(&path);
            let waits = ["async fn", "async move", "async {", ".await"].iter().find(|word| code.contains(**word));
            assert!(waits.is_none(), "{}: {:?} in a crate that decides", path.display(), waits);
        }
    }
}

/// In `shared`, only the engines of the log and the store touch files.
#[test]
fn files_belong_to_engines() {
    for path in rust_files("shared/src") {
        let name = path.strip_prefix(root().join("shared/src")).expect("inside").to_string_lossy().into_owned();
        let engine = name.starts_with("log/") || name.starts_with("store/");
        assert!(engine || !code(&path).contains("std::fs"), "shared/src/{name} touches files");
    }
}

/// One concept a file, named with its own word; `foo.rs` beside `foo/`.
#[test]
fn files_have_names_that_say_something() {
    for folder in CRATES {
        for path in rust_files(folder) {
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let vague = ["common", "helper", "helpers", "manager", "misc", "mod", "types", "util", "utils"];
            assert!(!vague.contains(&stem.as_str()), "{}: name it after what lives there", path.display());
            let lines = code(&path).lines().count();
            assert!(lines <= 600, "{}: {lines} lines of code; is there one concept in it?", path.display());
        }
    }
}

/// Unfinished work is a `TODO(#n)` with its issue, or it is not there.
#[test]
fn nothing_is_left_unfinished() {
    for folder in CRATES {
        for path in rust_files(folder) {
            let text = text(&path);
            for word in ["todo!(", "unimplemented!(", "dbg!(", "FIXME"] {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
            assert!(!text.replace("TODO(#", "").contains("TODO"), "{} holds a TODO without its issue", path.display());
        }
    }
}

/// Every dependency has its line in ARCHITECTURE.md, and no line outlives its dependency.
#[test]
fn every_dependency_has_its_reason() {
    let mut used = BTreeSet::new();
    let manifests = LIBRARIES.iter().chain(&["benches"]).map(|folder| format!("{folder}/Cargo.toml"));
    for path in manifests.chain(["Cargo.toml".to_owned()]) {
        for section in ["dependencies", "dev-dependencies"] {
            used.extend(dependencies(&path, section));
        }
    }
    for package in PACKAGES {
        used.remove(package);
    }
    let architecture = text("ARCHITECTURE.md");
    let table = architecture.split("## Dependencies").nth(1).expect("a section Dependencies");
    let told: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|line| line.split('|').next().unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    assert_eq!(told, used, "ARCHITECTURE.md, section Dependencies (left), and the manifests (right)");
    let workspace: BTreeSet<String> =
        manifest("Cargo.toml")["workspace"]["dependencies"].as_table().expect("a table").keys().cloned().collect();
    let unused: Vec<_> =
        workspace.iter().filter(|name| !used.contains(*name) && !PACKAGES.contains(&name.as_str())).collect();
    assert!(unused.is_empty(), "[workspace.dependencies] nobody uses: {unused:?}");
}

/// Every feature has its line in ARCHITECTURE.md, with the very crates that it switches on, and every optional dependency
/// belongs to one.
#[test]
fn every_feature_has_its_reason() {
    let of_root = manifest("Cargo.toml");
    let of_broker = manifest("broker/Cargo.toml");
    let parts = |manifest: &toml::Table, feature: &str| -> Vec<String> {
        let parts = manifest["features"][feature].as_array().expect("a list");
        parts.iter().map(|part| part.as_str().expect("text").to_owned()).collect()
    };
    let mut switched = BTreeMap::<String, BTreeSet<String>>::new();
    for feature in of_root["features"].as_table().expect("a table").keys().filter(|name| *name != "full") {
        let crates = parts(&of_root, feature).into_iter().flat_map(|part| match part.strip_prefix("broker/") {
            Some(feature) => parts(&of_broker, feature),
            None => vec![part],
        });
        // A feature of a crate, and the sum of all edges, bring no crate.
        let crates = crates.filter(|part| part != "full" && !part.contains('/'));
        switched.insert(feature.clone(), crates.map(|part| part.trim_start_matches("dep:").to_owned()).collect());
    }
    let architecture = text("ARCHITECTURE.md");
    let section = architecture.split("## Cargo features").nth(1).expect("a section Cargo features");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let crates = columns[3].split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect();
        (columns[1].trim_matches('`').to_owned(), crates)
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), switched, "ARCHITECTURE.md (left), and the manifests (right)");
    let switched: BTreeSet<&str> = switched.values().flatten().map(String::as_str).collect();
    for manifest in [&of_root, &of_broker] {
        let dependencies = manifest["dependencies"].as_table().expect("a table").iter();
        let is_optional = |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool) == Some(true);
        for (name, _) in dependencies.filter(|(_, value)| is_optional(value)) {
            assert!(switched.contains(name.as_str()), "{name} is optional, and no feature brings it");
        }
    }
}

/// A command that the documents show exists.
#[test]
fn documents_show_commands_that_exist() {
    let help = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_privyseal"))
            .args(arguments)
            .arg("--help")
            .output()
            .expect("the program runs");
        output.status.success()
    };
    let documents = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/divergences.md"];
    for document in documents {
        for line in text(document).lines() {
            let command = line.trim().trim_start_matches("$ ");
            let Some(rest) = command.strip_prefix("privyseal ") else { continue };
            let words: Vec<&str> =
                rest.split_whitespace().take_while(|w| w.chars().all(|c| c.is_ascii_lowercase())).take(2).collect();
            if words.is_empty() || !line.starts_with("    ") && !line.starts_with("privyseal") {
                continue;
            }
            assert!(help(&words) || help(&words[..1]), "{document}: `{command}` is no command");
        }
    }
}
