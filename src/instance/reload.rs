//! Reloading the configuration: on SIGHUP, when its file has changed, and when an administrator asks.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use shared::audit::AuditRecord;
use shared::log::{AppendError, Log};
use shared::time::{Clock, UnixTime};
use tokio::signal::unix::Signal;

use crate::instance::assemble::{Fingerprint, Problems, Settings, Source};
use crate::instance::snapshots::{Cause, ChangeError, LoadedConfiguration, Snapshots};

/// How often the file is checked for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many problems an audit record holds, and how many characters of each.
const RECORDED: (usize, usize) = (16, 300);

/// A changed configuration that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedConfiguration {
    pub(crate) at: UnixTime,
    /// SHA-256 of what was read, hex; empty if nothing could be.
    pub(crate) sha256: String,
    pub(crate) cause: Cause,
    pub(crate) problems: Problems,
}

/// Why a configuration did not come into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// The instance was started without a file.
    #[error(
        "this server runs without a configuration file, so there is nothing to reload; restart it with --config FILE"
    )]
    NoFile,
    /// It has problems, or it needs a restart. The configuration before it stays in force.
    #[error(transparent)]
    Problems(Problems),
    /// The audit log could not record the change.
    #[error(transparent)]
    Audit(#[from] AppendError),
}

/// Reloads the configuration.
pub(crate) struct Reloader {
    source: Source,
    snapshots: Arc<Snapshots>,
    audit: Log,
    clock: Arc<dyn Clock>,
    refused: ArcSwapOption<RefusedConfiguration>,
}

impl Reloader {
    pub(crate) fn new(source: Source, snapshots: Arc<Snapshots>, audit: Log, clock: Arc<dyn Clock>) -> Self {
        Self { source, snapshots, audit, clock, refused: ArcSwapOption::empty() }
    }

    /// Whether there is a configuration file to reload.
    pub(crate) fn has_file(&self) -> bool {
        self.source.path.is_some()
    }

    /// The last configuration that was refused, if none was accepted since.
    pub(crate) fn refused(&self) -> Option<Arc<RefusedConfiguration>> {
        self.refused.load_full()
    }

    /// Reads the file and puts it in force, or says everything that is wrong with it; both stand in the audit log.
    pub(crate) async fn reload(&self, cause: Cause) -> Result<LoadedConfiguration, ReloadError> {
        if !self.has_file() {
            return Err(ReloadError::NoFile);
        }
        let source = self.source.clone();
        // Files that the configuration names are read too, and TLS keys parsed.
        let read = tokio::task::spawn_blocking(move || Settings::read(&source)).await;
        let settings = match read {
            Ok(Ok(settings)) => settings,
            Ok(Err((problems, sha256))) => return self.refuse(problems, sha256, cause).await,
            Err(error) => {
                let problems = Problems::one("the instance", format!("reading the configuration ended early: {error}"));
                return self.refuse(problems, String::new(), cause).await;
            }
        };
        let sha256 = settings.sha256.clone();
        match self.snapshots.change_configuration(settings, &cause).await {
            Ok(loaded) => {
                self.refused.store(None);
                tracing::info!(sha256, %cause, "the configuration was reloaded and is in force");
                Ok(loaded)
            }
            Err(ChangeError::Problems(problems)) => self.refuse(problems, sha256, cause).await,
            Err(ChangeError::Audit(error)) => {
                tracing::error!(
                    %error,
                    "the audit log could not record the new configuration, so the one before stays in force"
                );
                Err(error.into())
            }
        }
    }

    async fn refuse(
        &self,
        problems: Problems,
        sha256: String,
        cause: Cause,
    ) -> Result<LoadedConfiguration, ReloadError> {
        tracing::error!(
            sha256, %cause, %problems,
            "the changed configuration has problems and is refused; the one before stays in force"
        );
        let at = self.clock.now();
        let (most, longest) = RECORDED;
        let record = AuditRecord::ConfigurationRefused {
            at_ms: at.millis(),
            sha256: sha256.clone(),
            cause: cause.to_string(),
            problems: problems.texts().take(most).map(|text| text.chars().take(longest).collect()).collect(),
        };
        self.refused.store(Some(Arc::new(RefusedConfiguration { at, sha256, cause, problems: problems.clone() })));
        self.audit.append(record.to_leaf()).await?;
        Err(ReloadError::Problems(problems))
    }

    /// Reads it again on every `hangup` and whenever the file has changed and then rested for one look: an editor that
    /// writes in pieces is given the time to finish, since half a file can be a good one that says less.
    pub(crate) async fn follow(self: Arc<Self>, mut hangup: Signal) {
        let in_force = self.snapshots.current().configuration.sha256.clone();
        // The file may have changed since it was read at the start.
        let mut watch = Watch::new(self.look().await.filter(|seen| seen.sha256 == in_force));
        loop {
            let cause = tokio::select! {
                signal = hangup.recv() => match signal {
                    Some(()) => Cause::Signal,
                    None => return,
                },
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if !watch.has_settled(self.look().await) {
                        continue;
                    }
                    Cause::File
                }
            };
            if cause == Cause::Signal {
                watch = Watch::new(self.look().await);
            }
            // Problems have been logged where they were found.
            let _ = self.reload(cause).await;
        }
    }

    async fn look(&self) -> Option<Fingerprint> {
        let source = self.source.clone();
        tokio::task::spawn_blocking(move || source.fingerprint()).await.ok().flatten()
    }
}

/// Notices when a file has changed and then stayed the same for one look.
struct Watch {
    read: Option<Fingerprint>,
    seen: Option<Fingerprint>,
}

impl Watch {
    /// The file as it was read last.
    fn new(read: Option<Fingerprint>) -> Self {
        Self { seen: read.clone(), read }
    }

    /// True once for every change, when two looks in a row saw the same. A file that is gone, as it is for a moment
    /// when an editor replaces it, is no change.
    fn has_settled(&mut self, now: Option<Fingerprint>) -> bool {
        let rests = now == self.seen;
        self.seen.clone_from(&now);
        if now.is_none() || !rests || now == self.read {
            return false;
        }
        self.read = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_when_it_rests() {
        let state = |number: usize| -> Option<Fingerprint> {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("config.toml");
            crate::file::write_durably(&path, &vec![b'#'; number], crate::file::Mode::Public).expect("written");
            Source::new(Some(&path), None).fingerprint()
        };
        let (first, second, third) = (state(1), state(2), state(3));
        let mut watch = Watch::new(first.clone());
        let looks = [
            (&first, false),
            (&second, false),
            (&third, false),
            (&third, true),
            (&third, false),
            (&None, false),
            (&None, false),
            (&third, false),
            (&third, false),
            (&first, false),
            (&first, true),
        ];
        for (at, (look, expected)) in looks.into_iter().enumerate() {
            assert_eq!(watch.has_settled(look.clone()), expected, "look {at}");
        }
    }
}
