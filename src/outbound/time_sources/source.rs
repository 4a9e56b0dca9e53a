//! One time source: one query at a time, with the state that RFC 5905 and RFC 8915 want a client to keep.

use std::sync::Arc;
use std::time::Duration;

use privyseal_nts::association::{self, Association, AuthenticationError, Fresh};
use privyseal_nts::ntp_packet::{self, Kiss, LeapIndicator, MAX_PACKET, NtpReply, Packet, PacketError};
use rustls::ClientConfig;
use shared::random::{Random, SystemRandom};
use tokio::net::UdpSocket;
use tsa::clock_guard::{Exchange, ExchangeError, Sample};
use tsa::{Clocks, Leap};

use super::key_exchange::{self, KeyExchangeError};
use super::reach::{ReachError, TimeReach};

/// How long an answer may take. Half of the time that it takes is its uncertainty.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_millis(1_500);
/// How long a poll may take in total: resolving names, keys, the query. The other sources wait at most this long.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a source is not polled after its key establishment failed, doubled each time up to the longest.
const KEY_PAUSE: Duration = Duration::from_secs(16);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// How long a source is not polled after it asked for fewer queries (RATE).
const RATE_PAUSE: Duration = Duration::from_secs(256);
/// How long a source is not polled after it denied service (DENY).
const DENY_PAUSE: Duration = Duration::from_secs(86_400);
/// The port of NTP servers.
const NTP_PORT: u16 = 123;

/// The settings of a source.
#[derive(Clone)]
pub(crate) struct TimeSourceSettings {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How its server is authenticated; `None` for plain NTP, which anyone on the network path can forge.
    pub(crate) nts: Option<Arc<ClientConfig>>,
    pub(crate) reach: TimeReach,
    /// Whether the configuration says that it smears leap seconds.
    pub(crate) is_smeared: bool,
    /// How long an answer may take.
    pub(crate) deadline: Duration,
}

/// Why a source gave no time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TimeSourceError {
    #[error("no answer in time")]
    Deadline,
    #[error("no answer within {} s, including name resolution and key establishment", PATIENCE.as_secs())]
    Patience,
    #[error("it is not polled for now, because {0}")]
    Paused(&'static str),
    #[error("it refused the query ({})", kiss_code(*.0))]
    Kiss(Kiss),
    #[error("it smears a leap second; set smeared = true in its section, or remove the source")]
    Smearing,
    #[error("key establishment (NTS) failed: {0}")]
    Keys(#[from] KeyExchangeError),
    #[error("its answer is not authentic: {0}")]
    Authentication(#[from] AuthenticationError),
    #[error("its answer is not valid: {0}")]
    Packet(#[from] PacketError),
    #[error("its answer cannot be used: {0}")]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("the network failed: {0}")]
    Io(#[from] std::io::Error),
}

/// The kiss code as it is in the packet (RFC 5905 §7.4, RFC 8915 §5.7).
fn kiss_code(kiss: Kiss) -> String {
    match kiss {
        Kiss::Deny => "DENY or RSTR".to_owned(),
        Kiss::Rate => "RATE".to_owned(),
        Kiss::NtsNak => "NTSN".to_owned(),
        Kiss::Other(code) => code.escape_ascii().to_string(),
    }
}

/// A source and its state, which only the running poll uses.
pub(crate) struct TimeSource {
    settings: TimeSourceSettings,
    association: Option<Keyed>,
    /// Not polled before this time since boot, and why.
    pause: Option<(Duration, &'static str)>,
    key_failures: u32,
}

struct Keyed {
    association: Association,
    host: String,
    port: u16,
}

/// A query that was sent.
struct Question {
    packet: Vec<u8>,
    cookie: [u8; 8],
    identifier: [u8; association::IDENTIFIER],
}

impl TimeSource {
    pub(crate) fn new(settings: TimeSourceSettings) -> Self {
        Self { settings, association: None, pause: None, key_failures: 0 }
    }

    #[cfg(test)]
    pub(crate) fn wait_only(&mut self, deadline: Duration) {
        self.settings.deadline = deadline;
    }

    pub(crate) fn settings(&self) -> &TimeSourceSettings {
        &self.settings
    }

    /// Polls once. `clocks` is read directly before sending and after receiving.
    pub(crate) async fn ask(&mut self, clocks: &dyn Clocks) -> Result<Sample, TimeSourceError> {
        let now = clocks.read().boot;
        match self.pause {
            Some((until, why)) if now < until => return Err(TimeSourceError::Paused(why)),
            _ => self.pause = None,
        }
        let done =
            tokio::time::timeout(PATIENCE, self.exchange(clocks)).await.unwrap_or(Err(TimeSourceError::Patience));
        match &done {
            Err(TimeSourceError::Kiss(Kiss::Deny)) => self.pause = Some((now + DENY_PAUSE, "it denied service")),
            Err(TimeSourceError::Kiss(Kiss::Rate)) => {
                self.pause = Some((now + RATE_PAUSE, "it asked for fewer queries"))
            }
            Err(TimeSourceError::Kiss(Kiss::NtsNak)) => self.association = None,
            Err(TimeSourceError::Keys(_)) => {
                let pause = KEY_PAUSE.saturating_mul(1 << self.key_failures.min(10)).min(LONGEST_PAUSE);
                self.key_failures += 1;
                self.pause = Some((now + pause, "its key establishment failed"));
            }
            _ => {}
        }
        let (exchange, reply) = done?;
        if reply.is_smearing && !self.settings.is_smeared {
            return Err(TimeSourceError::Smearing);
        }
        Ok(Sample::measure(&exchange)?)
    }

    async fn exchange(&mut self, clocks: &dyn Clocks) -> Result<(Exchange, NtpReply), TimeSourceError> {
        self.have_keys().await?;
        let question = self.question()?;
        let (host, port) = match &self.association {
            Some(keyed) => (keyed.host.clone(), keyed.port),
            None => (self.settings.host.clone(), self.settings.port),
        };
        let address = self.settings.reach.resolve(&host, port).await?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        // A new port each time: anyone who wants to forge an answer must guess it too.
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        let sent = clocks.read().boot;
        socket.send(&question.packet).await?;
        let heard = tokio::time::timeout(self.settings.deadline, self.hear(&socket, &question, clocks)).await;
        let (received, reply) = heard.unwrap_or(Err(TimeSourceError::Deadline))?;
        let exchange = Exchange {
            sent,
            received,
            server_received_us: reply.received_us,
            server_sent_us: reply.sent_us,
            root_delay_us: reply.root_delay_us,
            root_dispersion_us: reply.root_dispersion_us,
            leap: match reply.leap {
                LeapIndicator::None => None,
                LeapIndicator::Insert => Some(Leap::Insert),
                LeapIndicator::Delete => Some(Leap::Delete),
            },
        };
        Ok((exchange, reply))
    }

    /// The first valid answer to the query. Anything else is skipped, so that nobody can silence a source by answering
    /// first.
    async fn hear(
        &mut self,
        socket: &UdpSocket,
        question: &Question,
        clocks: &dyn Clocks,
    ) -> Result<(Duration, NtpReply), TimeSourceError> {
        let mut octets = [0; MAX_PACKET + 1];
        loop {
            let length = socket.recv(&mut octets).await?;
            let received = clocks.read().boot;
            let packet = match Packet::parse(&octets[..length], question.cookie) {
                Ok(packet) => packet,
                Err(PacketError::Origin | PacketError::Mode(_) | PacketError::Length(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            match self.accept(&packet, question) {
                Ok(reply) => return Ok((received, reply)),
                Err(TimeSourceError::Authentication(error)) => {
                    tracing::debug!(
                        source = self.settings.name, %error,
                        "an answer of the time source was not authentic and is ignored"
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn accept(&mut self, packet: &Packet<'_>, question: &Question) -> Result<NtpReply, TimeSourceError> {
        let Some(keyed) = &mut self.association else { return packet.body.map_err(TimeSourceError::Kiss) };
        // A server that lost its keys cannot authenticate this answer (RFC 8915 §5.7). Anyone who knows the identifier
        // is on the network path and could have dropped the query as well.
        if packet.body == Err(Kiss::NtsNak) && association::has_identifier(packet, &question.identifier) {
            return Err(TimeSourceError::Kiss(Kiss::NtsNak));
        }
        keyed.association.open(packet, &question.identifier)?;
        packet.body.map_err(TimeSourceError::Kiss)
    }

    /// Establishes keys if the source uses Network Time Security and has no cookie left.
    async fn have_keys(&mut self) -> Result<(), TimeSourceError> {
        let Some(config) = self.settings.nts.clone() else { return Ok(()) };
        if self.association.as_ref().is_some_and(|keyed| keyed.association.cookies_left() > 0) {
            return Ok(());
        }
        self.association = None;
        let TimeSourceSettings { host, port, reach, .. } = &self.settings;
        let (association, agreement) = key_exchange::establish(config, reach, host, *port).await?;
        self.key_failures = 0;
        self.association = Some(Keyed {
            association,
            host: agreement.server.unwrap_or_else(|| host.clone()),
            port: agreement.port.unwrap_or(NTP_PORT),
        });
        Ok(())
    }

    fn question(&mut self) -> Result<Question, TimeSourceError> {
        let random: &dyn Random = &SystemRandom;
        let (cookie, fresh) = (random.bytes(), Fresh { identifier: random.bytes(), nonce: random.bytes() });
        let mut packet = ntp_packet::question(cookie).to_vec();
        if let Some(keyed) = &mut self.association {
            keyed.association.seal(&mut packet, &fresh)?;
        }
        Ok(Question { packet, cookie, identifier: fresh.identifier })
    }
}
