//! `privyseal up`

use std::path::PathBuf;

use clap::Args;

use super::data_args::DataArgs;
use super::failure::Failure;
use super::init;
use super::new_instance::NewInstanceArgs;
use super::runtime::block_on;
use crate::instance::Instance;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::DataDir;
use crate::serving::{Serving, stop_signal};

/// Serve an instance.
#[derive(Args, Debug)]
pub(super) struct UpArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration file. Default: plain HTTP on loopback and local users.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on, instead of the configured one; with port 0 the system chooses a port.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    new: NewInstanceArgs,
}

pub(super) fn run(args: UpArgs) -> Result<(), Failure> {
    let settings = Settings::load(args.config.as_deref(), args.listen.as_deref())?;
    let data = DataDir::hold(&args.data.data)?;
    let first = if data.has_instance()? { None } else { Some(init::set_up(&data, args.new, &settings)?) };
    block_on(async move {
        let stop = stop_signal()?;
        let serving = Serving::prepare(&data, settings).await?;
        // The first line is the origin alone, for scripts.
        println!("{}", serving.instance().origin);
        if let Some(first) = first {
            println!();
            first.print();
        }
        print_clients(serving.instance(), &data);
        tracing::info!(origin = %serving.instance().origin, data = %data.root().display(), "the instance is serving");
        serving.run(stop).await?;
        tracing::info!("the instance has stopped");
        Ok(())
    })
}

/// Prints commands for common clients.
fn print_clients(instance: &Instance, data: &DataDir) {
    let origin = &instance.origin;
    let issuer = format!("{origin}/oidc");
    println!(
        "
cosign:
  cosign initialize --mirror {origin}/tuf --root {origin}/trust/root.json --root-checksum {checksum}
  cosign sign-blob --yes --bundle FILE.sigstore.json FILE
  cosign verify-blob --bundle FILE.sigstore.json --certificate-identity EMAIL --certificate-oidc-issuer {issuer} FILE

sigstore-python:
  curl -sSo root.json {origin}/trust/root.json && sigstore --instance {origin}/tuf trust-instance root.json
  sigstore --instance {origin}/tuf sign FILE
  sigstore --instance {origin}/tuf verify identity --cert-identity EMAIL --cert-oidc-issuer {issuer} FILE

openssl:
  openssl ts -query -data FILE -sha256 -cert -out FILE.tsq
  curl -sS -H 'Content-Type: application/timestamp-query' --data-binary @FILE.tsq {origin}/tsa -o FILE.tsr
  openssl ts -verify -data FILE -in FILE.tsr -CAfile {root}
",
        checksum = instance.root_checksum,
        root = data.certificates_path("root-ca").display(),
    );
}
