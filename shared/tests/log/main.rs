//! What the log must survive: SIGKILL at any moment, and the power going; and what another program says of its files.
#![expect(clippy::disallowed_methods, reason = "a test plays the disk, the operator and the crash")]

mod kill;
mod outside;
#[cfg(target_os = "linux")]
mod power_cut;
mod writer;

/// Prints a line even if the tests pass, which `println!` would not.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
