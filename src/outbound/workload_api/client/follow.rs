//! Following a stream: it is opened again when it ends, and anew when it has said nothing for a while.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use shared::random::Random;
use spiffe::transport::Endpoint;

use super::calls::{Agent, Messages};
use super::trouble::Trouble;

/// The spans of a follower.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Longest wait for a connection, and for a stream's first message.
    pub(super) answer: Duration,
    /// After so long without a word a stream is opened anew.
    pub(super) renew: Duration,
    /// From the first failure to the next try; twice as long after each further one.
    pub(super) pause: Duration,
    /// The longest pause.
    pub(super) longest_pause: Duration,
    /// Where asking again would change nothing.
    pub(super) resigned: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            renew: Duration::from_secs(60),
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            resigned: Duration::from_secs(60),
        }
    }
}

/// What a stream is about.
pub(super) trait Topic: Send + Sync + 'static {
    type Message: Send;

    /// In the log's words.
    fn name(&self) -> &'static str;

    fn open(&self, agent: &Agent) -> impl Future<Output = Result<Messages<Self::Message>, Trouble>> + Send;

    /// Takes the full state. If it cannot be used, nothing changes.
    fn take(&self, message: Self::Message) -> Result<(), Trouble>;

    /// Nothing was said, or that there is nothing.
    fn bear(&self, trouble: &Trouble);
}

/// Who follows.
#[derive(Clone)]
pub(super) struct Follower {
    pub(super) endpoint: Endpoint,
    pub(super) random: Arc<dyn Random>,
    pub(super) pace: Pace,
}

impl Follower {
    /// Follows for ever. Dropping the future ends it.
    pub(super) async fn follow<T: Topic>(self, topic: T) {
        let pause = self.pace.pause;
        let mut following = Following { topic, agent: None, pause, first_pause: pause, told: None };
        loop {
            let Err(trouble) = self.listen(&mut following).await else { continue };
            // A connection of which anything went wrong is not used again: the agent may be another one by now.
            following.agent = None;
            let is_final = trouble.is_final();
            following.bear(trouble);
            if is_final {
                // Another agent may stand there one day, so it is asked now and then, as often as a quiet stream is
                // opened anew.
                tokio::time::sleep(self.jittered(self.pace.resigned)).await;
                continue;
            }
            tokio::time::sleep(self.jittered(following.pause)).await;
            following.pause = (following.pause * 2).min(self.pace.longest_pause);
        }
    }

    /// Listens to one stream until nothing is said any more.
    async fn listen<T: Topic>(&self, following: &mut Following<T>) -> Result<(), Trouble> {
        let agent = match &following.agent {
            Some(agent) => agent.clone(),
            None => self.in_time(Agent::connect(&self.endpoint)).await?,
        };
        following.agent = Some(agent.clone());
        let first = async {
            let mut messages = following.topic.open(&agent).await?;
            let first = messages.next().await;
            Ok((first, messages))
        };
        let (mut message, mut messages) = self.in_time(first).await?;
        loop {
            following.hear(message.ok_or_else(|| Trouble::Ended("without a message".to_owned()))??);
            message = match tokio::time::timeout(self.pace.renew, messages.next()).await {
                Ok(next) => next,
                Err(_) => return Ok(()),
            };
        }
    }

    async fn in_time<O>(&self, answer: impl Future<Output = Result<O, Trouble>>) -> Result<O, Trouble> {
        let silent = |_| Trouble::Silent(self.pace.answer.as_secs());
        tokio::time::timeout(self.pace.answer, answer).await.map_err(silent)?
    }

    /// From 0.75 to 1: the streams of one process, and all processes of a machine, need not come back at one moment.
    fn jittered(&self, span: Duration) -> Duration {
        let [byte] = self.random.bytes();
        span * (768 + u32::from(byte)) / 1024
    }
}

/// One stream, from one opening to the next.
struct Following<T> {
    topic: T,
    agent: Option<Agent>,
    pause: Duration,
    first_pause: Duration,
    /// The failure that was logged last and is not over.
    told: Option<Trouble>,
}

impl<T: Topic> Following<T> {
    fn hear(&mut self, message: T::Message) {
        match self.topic.take(message) {
            Err(trouble) => self.bear(trouble),
            Ok(()) => {
                self.pause = self.first_pause;
                if self.told.take().is_some() {
                    tracing::info!(topic = self.topic.name(), "the Workload API answers again");
                }
            }
        }
    }

    /// Logs a failure, once for as long as it stays the same.
    fn bear(&mut self, trouble: Trouble) {
        self.topic.bear(&trouble);
        if self.told.as_ref() != Some(&trouble) {
            tracing::warn!(
                topic = self.topic.name(), %trouble, advice = trouble.advice(),
                "a stream of the Workload API failed; it is opened again"
            );
        }
        self.told = Some(trouble);
    }
}
