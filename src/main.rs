//! Privy Seal: private code signing in one binary.
//!
//! This crate is the edge: command line, files, sockets, HTTP. What may be signed for whom is decided in `broker` and `tsa`,
//! which know none of these.

mod api_client;
mod assemble;
mod bundles;
mod cli;
mod client;
mod clock;
mod data_dir;
mod demo;
mod disclosure;
mod explain;
mod founding;
mod house;
mod http;
mod listen;
mod logging;
mod logs;
mod outbound;
mod own_bundle;
mod people;
mod policy;
mod registration;
mod revocation;
mod roles;
mod rollover;
mod serve;
mod signature_log;
mod snapshots;
mod svid_uses;
mod time_sources;
mod timestamp_units;
mod tokens;
mod trust_publisher;
mod trusted_time;
mod verify;
mod workload_api;

fn main() -> std::process::ExitCode {
    cli::run()
}
