//! The program's log, on standard error; standard output is for what the user asked for.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged without `--log`. The DNS client tells of every packet that it gives up.
pub(crate) const DEFAULT: &str = "warn,hickory_net=off,privyseal=info";

/// Starts logging by `filter`, once a process: a level, or `module=level`, or several of these with commas between.
pub(crate) fn start(filter: &str, json: bool) -> Result<(), ParseError> {
    let filter: Targets = filter.parse()?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if json {
        layer.json().boxed()
    } else {
        layer.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
    };
    tracing_subscriber::registry().with(layer).with(filter).init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn logs(filter: &str, target: &str, level: Level) -> bool {
        filter.parse::<Targets>().expect("a filter").would_enable(target, &level)
    }

    #[test]
    fn filters_are_levels_for_all_and_for_modules() {
        assert!(logs("info", "hyper", Level::INFO) && !logs("info", "hyper", Level::DEBUG));
        let filter = "privyseal=debug,hyper=info";
        assert!(logs(filter, "privyseal::serving", Level::DEBUG) && !logs(filter, "hyper::server", Level::DEBUG));
        assert!(!logs(filter, "rustls", Level::ERROR));
        assert!(logs(DEFAULT, "privyseal::serving", Level::INFO) && !logs(DEFAULT, "privyseal", Level::DEBUG));
        assert!(logs(DEFAULT, "rustls", Level::WARN) && !logs(DEFAULT, "rustls", Level::INFO));
        assert!(!logs(DEFAULT, "hickory_net::xfer", Level::ERROR));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for wrong in ["privyseal=loud", "privyseal=info=debug"] {
            assert!(wrong.parse::<Targets>().is_err(), "{wrong}");
        }
    }
}
