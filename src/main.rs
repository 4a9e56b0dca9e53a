//! Privy Seal: private code signing in one binary.
//!
//! This crate is the edge: command line, files, sockets, HTTP. What may be signed for whom is decided in `broker` and
//! `tsa`, and whether it verifies in `privyseal-sigstore`; they know none of these.

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
