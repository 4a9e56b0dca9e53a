//! Whom we ask for the time: NTP servers (RFC 5905), authenticated by network time security (RFC 8915) unless the configuration
//! says otherwise.
//!
//! A source only says what time it is; whether that is believed is the clock guard's business. Nothing here sets a clock.

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
    /// None: mode `local`.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::new(Vec::new(), Duration::from_secs(64))
    }

    /// These, asked every `poll`.
    pub(crate) fn new(settings: Vec<TimeSourceSettings>, poll: Duration) -> Self {
        let sources =
            settings.iter().map(|one| Arc::new(tokio::sync::Mutex::new(TimeSource::new(one.clone())))).collect();
        Self { settings, sources, poll }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// How often they are asked.
    pub(crate) fn poll_every(&self) -> Duration {
        self.poll
    }

    /// What the guard calls them.
    pub(crate) fn labels(&self) -> Vec<SourceLabel> {
        let label = |settings: &TimeSourceSettings| SourceLabel {
            name: settings.name.clone(),
            is_authenticated: settings.nts.is_some(),
        };
        self.settings.iter().map(label).collect()
    }

    /// Asks all at once; a slow one makes no other wait, and each has its own deadline. Answers in their order.
    pub(crate) async fn ask(&self, clocks: &Arc<dyn Clocks>) -> Vec<Result<Sample, TimeSourceError>> {
        let mut asking = JoinSet::new();
        for (at, source) in self.sources.iter().enumerate() {
            let (source, clocks) = (source.clone(), clocks.clone());
            asking.spawn(async move {
                let mut source = source.lock().await;
                let answer = source.ask(&*clocks).await;
                if let Err(error) = &answer {
                    tracing::debug!(source = source.settings().name, %error, "no time");
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
