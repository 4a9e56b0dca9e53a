//! What every engine of the store must do, and what the embedded one must survive.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests fail by panic and make files of their own")]

mod conformance;
mod damage;
mod kill;
#[cfg(target_os = "linux")]
mod power_cut;
mod writer;

/// Prints a line even if the tests pass, which `println!` would not.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
