//! Privy Seal: private code signing in one binary.
//!
//! This crate is the edge: command line, files, sockets, HTTP. The crates `broker` and `tsa` decide what may be signed
//! for whom, and `privyseal-sigstore` decides whether a bundle verifies; none of them does any input or output.

mod cli;
mod clock;
mod current;
mod feature;
mod file;
mod instance;
mod outbound;
mod serving;

fn main() -> std::process::ExitCode {
    cli::run()
}
