//! Time sources: NTP servers (RFC 5905), authenticated with Network Time Security (RFC 8915) unless the configuration
//! says otherwise.
//!
//! A source only says what time it is; the clock guard decides whether to trust that. Nothing here sets a clock.

mod key_exchange;
mod reach;
mod source;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tsa::Clocks;
use tsa::clock_guard::{Sample, SourceLabel};

pub(crate) use key_exchange::client_config;
pub(crate) use reach::TimeReach;
use source::TimeSource;
pub(crate) use source::{ANSWER_DEADLINE, TimeSourceError, TimeSourceSettings};

/// All sources of an instance.
pub(crate) struct TimeSources {
    settings: Vec<TimeSourceSettings>,
    sources: Vec<Arc<tokio::sync::Mutex<TimeSource>>>,
    poll: Duration,
}

impl TimeSources {
    /// No sources, for the mode `local`.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::new(Vec::new(), Duration::from_secs(64))
    }

    /// These sources, polled every `poll`.
    pub(crate) fn new(settings: Vec<TimeSourceSettings>, poll: Duration) -> Self {
        let sources =
            settings.iter().map(|one| Arc::new(tokio::sync::Mutex::new(TimeSource::new(one.clone())))).collect();
        Self { settings, sources, poll }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// How often they are polled.
    pub(crate) fn poll_every(&self) -> Duration {
        self.poll
    }

    /// Their names for the clock guard.
    pub(crate) fn labels(&self) -> Vec<SourceLabel> {
        let label = |settings: &TimeSourceSettings| SourceLabel {
            name: settings.name.clone(),
            is_authenticated: settings.nts.is_some(),
        };
        self.settings.iter().map(label).collect()
    }

    /// Polls all sources at once, each with its own deadline. The answers are in the order of the sources.
    pub(crate) async fn ask(&self, clocks: &Arc<dyn Clocks>) -> Vec<Result<Sample, TimeSourceError>> {
        let mut asking = JoinSet::new();
        for (at, source) in self.sources.iter().enumerate() {
            let (source, clocks) = (source.clone(), clocks.clone());
            asking.spawn(async move {
                let mut source = source.lock().await;
                let answer = source.ask(&*clocks).await;
                if let Err(error) = &answer {
                    tracing::debug!(source = source.settings().name, %error, "the time source gave no time");
                }
                (at, answer)
            });
        }
        let mut answers: Vec<_> = self.sources.iter().map(|_| Err(TimeSourceError::Deadline)).collect();
        while let Some(done) = asking.join_next().await {
            if let Ok((at, answer)) = done {
                answers[at] = answer;
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests;
