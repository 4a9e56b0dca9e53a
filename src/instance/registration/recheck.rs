//! Checks every proof again when it is due.

use std::sync::Arc;
use std::time::Duration;

use broker::registration::{Registration, Timing};
use shared::time::UnixTime;
use tokio::task::JoinSet;

use super::registrar::{Registrar, SYSTEM};

/// How often the clock is checked for what is due.
const ROUND: Duration = Duration::from_secs(1);
/// How many domains are asked at once.
const AT_ONCE: usize = 8;

impl Registrar {
    /// Ends what has expired and checks what is due, until the future is dropped.
    pub(crate) async fn keep_current(self: Arc<Self>) {
        // Name servers that are slow must not keep what is over in force.
        let checking = async {
            loop {
                tokio::time::sleep(ROUND).await;
                self.check_due().await;
                self.look_at_enforced().await;
            }
        };
        let ending = async {
            loop {
                tokio::time::sleep(ROUND).await;
                if let Err(error) = self.let_time_pass().await {
                    tracing::error!(%error, "registrations whose time is over could not be ended; this is tried again");
                }
            }
        };
        tokio::join!(checking, ending);
    }

    async fn check_due(self: &Arc<Self>) {
        let (timing, now) = (self.settings().timing, self.now());
        let roster = self.roster();
        let mut running = JoinSet::new();
        for registration in roster.iter().filter(|registration| is_due(registration, &timing, now)) {
            if running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let (registrar, id) = (Arc::clone(self), registration.id().clone());
            running.spawn(async move {
                if let Err(error) = registrar.check(id.as_str(), SYSTEM).await {
                    tracing::warn!(%id, %error, "a registration could not be checked");
                }
            });
        }
        while running.join_next().await.is_some() {}
    }
}

/// Proofs that were seen in the same minute are not all checked again in the same minute: each is up to a tenth of the
/// interval early, always by the same amount for an identifier, and never late.
fn is_due(registration: &Registration, timing: &Timing, now: UnixTime) -> bool {
    let spread = registration.id().as_str().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let early = timing.recheck * spread.unwrap_or_default() / 0x10000 / 10;
    let is_fresh =
        registration.proof().is_some_and(|(_, at)| registration.last_check().is_some_and(|(_, last)| last == *at));
    let early = if is_fresh { early } else { Duration::ZERO };
    registration.next_check(timing).is_some_and(|due| due.minus(early) <= now)
}
