//! `privyseal demo`

mod walkthrough;

use std::path::PathBuf;

use clap::Args;
use shared::random::{Random, SystemRandom};
use shared::time::Clock as _;

use self::walkthrough::DemoOptions;
use super::failure::Failure;
use super::runtime::block_on;
use crate::clock::SystemClock;
use crate::file;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::{Curve, DataDir};
use crate::instance::init::{self, Plan};
use crate::instance::local_users::Password;
use crate::serving::Serving;

/// Sign a file and verify it, with a new instance.
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// The file to sign. Default: this program itself.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The folder for the instance and the results. Default: a new one in the system's temporary folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const EMAIL: &str = "alice@demo.privyseal.internal";

pub(super) fn run(args: DemoArgs) -> Result<(), Failure> {
    let file = match args.file {
        Some(file) => file,
        None => std::env::current_exe()?,
    };
    let folder = args.out.unwrap_or_else(|| {
        let name = hex::encode((&SystemRandom as &dyn Random).bytes::<4>());
        std::env::temp_dir().join(format!("privyseal-demo-{name}"))
    });
    file::create_dir(&folder)?;
    let data = DataDir::hold(&folder.join("instance"))?;
    let password = Password::choose(None, &SystemRandom)?;
    let plan = Plan::new(Curve::default(), EMAIL, &password);
    init::init(&data, plan, SystemClock.now(), &SystemRandom)?;
    block_on(async move {
        let serving = Serving::prepare(&data, Settings::load(None, Some("127.0.0.1:0"))?).await?;
        let options = DemoOptions {
            origin: serving.instance().origin.to_string(),
            email: EMAIL.to_owned(),
            password: password.expose().to_owned(),
            file,
            folder,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(serving.run(async move {
            let _ = stopped.await;
        }));
        let outcome = walkthrough::run(&options, &SystemClock, &SystemRandom, &mut std::io::stdout()).await;
        drop(stop);
        server.await??;
        Ok(outcome?)
    })
}
