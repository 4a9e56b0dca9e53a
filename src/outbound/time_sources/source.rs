//! One time source: a question at a time, with all that a polite and distrustful client remembers.

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
use super::reach::{Reach, ReachError};

/// How long an answer may take. One that takes longer would say little: half of it is how wrong it may be.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_millis(1_500);
/// How long everything together may take: resolving names, keys, the question. The others wait so long at most.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a source is left alone after keys could not be had, doubled each time up to the longest.
const KEY_PAUSE: Duration = Duration::from_secs(16);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// How long after the server asked for fewer questions.
const RATE_PAUSE: Duration = Duration::from_secs(256);
/// How long after the server denied service: it may have changed its mind by tomorrow.
const DENY_PAUSE: Duration = Duration::from_secs(86_400);
/// Where NTP servers listen.
const NTP_PORT: u16 = 123;

/// How a source is asked.
#[derive(Clone)]
pub(crate) struct SourceSettings {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How its server is believed; `None` for plain NTP, which anybody on the way can forge.
    pub(crate) nts: Option<Arc<ClientConfig>>,
    pub(crate) reach: Reach,
    /// It is known to smear leap seconds.
    pub(crate) is_smeared: bool,
    /// How long an answer may take.
    pub(crate) deadline: Duration,
}

/// Why a source brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("no answer in time")]
    Deadline,
    #[error("no answer within {} s, names and keys included", PATIENCE.as_secs())]
    Patience,
    #[error("it is left alone for now: {0}")]
    Paused(&'static str),
    #[error("it sent a refusal ({0:?})")]
    Kiss(Kiss),
    #[error("it is smearing a leap second, and its section does not say `smeared`")]
    Smearing,
    #[error("key establishment: {0}")]
    Keys(#[from] KeyExchangeError),
    #[error("authentication: {0}")]
    Authentication(#[from] AuthenticationError),
    #[error("its answer: {0}")]
    Packet(#[from] PacketError),
    #[error("its answer: {0}")]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A source and what is remembered of it. The poll owns it: nobody else asks.
pub(crate) struct Source {
    settings: SourceSettings,
    association: Option<Keyed>,
    /// Not before this time since boot, and why.
    pause: Option<(Duration, &'static str)>,
    key_failures: u32,
}

struct Keyed {
    association: Association,
    host: String,
    port: u16,
}

/// One question on its way.
struct Question {
    packet: Vec<u8>,
    cookie: [u8; 8],
    identifier: [u8; association::IDENTIFIER],
}

impl Source {
    pub(crate) fn new(settings: SourceSettings) -> Self {
        Self { settings, association: None, pause: None, key_failures: 0 }
    }

    #[cfg(test)]
    pub(crate) fn wait_only(&mut self, deadline: Duration) {
        self.settings.deadline = deadline;
    }

    pub(crate) fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// Asks once. `clocks` is read directly before and after the way.
    pub(crate) async fn ask(&mut self, clocks: &dyn Clocks) -> Result<Sample, SourceError> {
        let now = clocks.read().boot;
        match self.pause {
            Some((until, why)) if now < until => return Err(SourceError::Paused(why)),
            _ => self.pause = None,
        }
        let done = tokio::time::timeout(PATIENCE, self.exchange(clocks)).await.unwrap_or(Err(SourceError::Patience));
        match &done {
            Err(SourceError::Kiss(Kiss::Deny)) => self.pause = Some((now + DENY_PAUSE, "it denied service")),
            Err(SourceError::Kiss(Kiss::Rate)) => self.pause = Some((now + RATE_PAUSE, "it asked for fewer questions")),
            Err(SourceError::Kiss(Kiss::NtsNak)) => self.association = None,
            Err(SourceError::Keys(_)) => {
                let pause = KEY_PAUSE.saturating_mul(1 << self.key_failures.min(10)).min(LONGEST_PAUSE);
                self.key_failures += 1;
                self.pause = Some((now + pause, "its keys could not be had"));
            }
            _ => {}
        }
        let (exchange, reply) = done?;
        if reply.is_smearing && !self.settings.is_smeared {
            return Err(SourceError::Smearing);
        }
        Ok(Sample::measure(&exchange)?)
    }

    async fn exchange(&mut self, clocks: &dyn Clocks) -> Result<(Exchange, NtpReply), SourceError> {
        self.have_keys().await?;
        let question = self.question()?;
        let (host, port) = match &self.association {
            Some(keyed) => (keyed.host.clone(), keyed.port),
            None => (self.settings.host.clone(), self.settings.port),
        };
        let address = self.settings.reach.resolve(&host, port).await?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        // A new port each time: who wants to forge an answer must guess it too.
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        let sent = clocks.read().boot;
        socket.send(&question.packet).await?;
        let heard = tokio::time::timeout(self.settings.deadline, self.hear(&socket, &question, clocks)).await;
        let (received, reply) = heard.unwrap_or(Err(SourceError::Deadline))?;
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

    /// The first answer to our question; what is none is passed over, so that nobody silences a source by being faster than it.
    async fn hear(
        &mut self,
        socket: &UdpSocket,
        question: &Question,
        clocks: &dyn Clocks,
    ) -> Result<(Duration, NtpReply), SourceError> {
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
                Err(SourceError::Authentication(error)) => {
                    tracing::debug!(source = self.settings.name, %error, "an answer was passed over");
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn accept(&mut self, packet: &Packet<'_>, question: &Question) -> Result<NtpReply, SourceError> {
        let Some(keyed) = &mut self.association else { return packet.body.map_err(SourceError::Kiss) };
        // A server that lost its keys cannot authenticate its saying so (RFC 8915 §5.7); whoever knows the identifier was on the
        // way and could have dropped the question as well.
        if packet.body == Err(Kiss::NtsNak) && association::has_identifier(packet, &question.identifier) {
            return Err(SourceError::Kiss(Kiss::NtsNak));
        }
        keyed.association.open(packet, &question.identifier)?;
        packet.body.map_err(SourceError::Kiss)
    }

    /// Keys, when the source has network time security and there are none, or no cookie.
    async fn have_keys(&mut self) -> Result<(), SourceError> {
        let Some(config) = self.settings.nts.clone() else { return Ok(()) };
        if self.association.as_ref().is_some_and(|keyed| keyed.association.cookies_left() > 0) {
            return Ok(());
        }
        self.association = None;
        let SourceSettings { host, port, reach, .. } = &self.settings;
        let (association, agreement) = key_exchange::establish(config, reach, host, *port).await?;
        self.key_failures = 0;
        self.association = Some(Keyed {
            association,
            host: agreement.server.unwrap_or_else(|| host.clone()),
            port: agreement.port.unwrap_or(NTP_PORT),
        });
        Ok(())
    }

    fn question(&mut self) -> Result<Question, SourceError> {
        let random: &dyn Random = &SystemRandom;
        let (cookie, fresh) = (random.bytes(), Fresh { identifier: random.bytes(), nonce: random.bytes() });
        let mut packet = ntp_packet::question(cookie).to_vec();
        if let Some(keyed) = &mut self.association {
            keyed.association.seal(&mut packet, &fresh)?;
        }
        Ok(Question { packet, cookie, identifier: fresh.identifier })
    }
}
