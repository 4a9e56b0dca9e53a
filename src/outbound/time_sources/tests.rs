//! Our client against a Network Time Security server on this machine, which can be set to misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes128Siv;
use arc_swap::ArcSwap;
use privyseal_nts::extension_field::{self, ExtensionField, kind};
use privyseal_nts::ntp_packet::Kiss;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tsa::ClockReading;

use super::source::TimeSource;
use super::*;
use crate::clock::SystemClocks;

const CERTIFICATE: &str = include_str!("../../../tests/vectors/tls/first.crt");
const OTHER_CERTIFICATE: &str = include_str!("../../../tests/vectors/tls/second.crt");
const PRIVATE_KEY: &str = include_str!("../../../tests/vectors/tls/first.key");

/// For answers that come, however slow this machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For answers that do not come.
const IMPATIENT: Duration = Duration::from_millis(200);

/// What the time server does with a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    Honest,
    /// An answer without authentication comes first, a sound one after it.
    ForgedFirst,
    /// Sealed with other keys.
    WrongKeys,
    /// No authentication at all.
    Plain,
    /// It does not know the cookie.
    Nak,
    Rate,
    Deny,
    Smearing,
    /// It gives no new cookie.
    Stingy,
}

struct Server {
    exchanges: AtomicUsize,
    questions: AtomicUsize,
    manner: ArcSwap<Manner>,
    keys_at: SocketAddr,
    time_at: SocketAddr,
}

impl Server {
    async fn start() -> Arc<Self> {
        let keys = TcpListener::bind("localhost:0").await.unwrap();
        let time = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            exchanges: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            manner: ArcSwap::from_pointee(Manner::Honest),
            keys_at: keys.local_addr().unwrap(),
            time_at: time.local_addr().unwrap(),
        });
        tokio::spawn(server.clone().give_keys(keys));
        tokio::spawn(server.clone().tell_time(time));
        server
    }

    fn behave(&self, manner: Manner) {
        self.manner.store(Arc::new(manner));
    }

    /// A source that asks this server and believes `certificate`.
    fn source(&self, certificate: &str) -> TimeSource {
        TimeSource::new(TimeSourceSettings {
            name: "test".to_owned(),
            host: "localhost".to_owned(),
            port: self.keys_at.port(),
            nts: Some(client_config(Some(certificate)).unwrap()),
            reach: TimeReach { internal: false, danger_loopback: true },
            is_smeared: false,
            deadline: PATIENT,
        })
    }

    fn plain_source(&self) -> TimeSource {
        TimeSource::new(TimeSourceSettings {
            name: "test".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: self.time_at.port(),
            nts: None,
            reach: TimeReach { internal: false, danger_loopback: true },
            is_smeared: false,
            deadline: PATIENT,
        })
    }

    async fn give_keys(self: Arc<Self>, listener: TcpListener) {
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"ntske/1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let _ = self.exchange_keys(&acceptor, tcp).await;
        }
    }

    async fn exchange_keys(&self, acceptor: &TlsAcceptor, tcp: TcpStream) -> Result<(), std::io::Error> {
        let mut tls = acceptor.accept(tcp).await?;
        let mut offer = [0; 16];
        tls.read_exact(&mut offer).await?;
        assert_eq!(offer, [0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0, 0]);
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        // A real server's cookie holds the keys encrypted; nothing listens here.
        let mut cookie = Vec::new();
        for direction in 0..2 {
            let context = [0, 0, 0, 15, direction];
            let label = b"EXPORTER-network-time-security";
            let keys = tls.get_ref().1.export_keying_material([0; 32], label, Some(&context)).unwrap();
            cookie.extend_from_slice(&keys);
        }
        let port = self.time_at.port().to_be_bytes();
        let mut answer = vec![0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 6, 0, 9];
        answer.extend_from_slice(b"127.0.0.1");
        answer.extend_from_slice(&[0x80, 7, 0, 2, port[0], port[1]]);
        for _ in 0..2 {
            answer.extend_from_slice(&[0, 5, 0, 64]);
            answer.extend_from_slice(&cookie);
        }
        answer.extend_from_slice(&[0x80, 0, 0, 0]);
        // In two parts, as a network may.
        tls.write_all(&answer[..20]).await?;
        tls.flush().await?;
        tls.write_all(&answer[20..]).await?;
        tls.shutdown().await
    }

    async fn tell_time(self: Arc<Self>, socket: UdpSocket) {
        let mut octets = [0; 2_048];
        loop {
            let (length, client) = socket.recv_from(&mut octets).await.unwrap();
            self.questions.fetch_add(1, Ordering::Relaxed);
            let manner = **self.manner.load();
            if manner == Manner::ForgedFirst {
                socket.send_to(&answer(&octets[..length], Manner::Plain), client).await.unwrap();
            }
            socket.send_to(&answer(&octets[..length], manner), client).await.unwrap();
        }
    }
}

fn now() -> [u8; 8] {
    let wall = SystemClocks.read().wall.millis();
    let fraction = ((wall % 1_000) << 32) / 1_000;
    let at = (((wall / 1_000 + 2_208_988_800) & 0xffff_ffff) << 32) | fraction;
    at.to_be_bytes()
}

fn answer(question: &[u8], manner: Manner) -> Vec<u8> {
    let mut packet = vec![0; 48];
    packet[0] = 0x24;
    packet[1] = if matches!(manner, Manner::Nak | Manner::Rate | Manner::Deny) { 0 } else { 2 };
    packet[12..16].copy_from_slice(match manner {
        Manner::Nak => b"NTSN",
        Manner::Rate => b"RATE",
        Manner::Deny => b"DENY",
        Manner::Smearing => &[254, 0, 0, 1],
        _ => b"\x7f\0\0\x01",
    });
    packet[24..32].copy_from_slice(&question[40..48]);
    packet[32..40].copy_from_slice(&now());
    packet[40..48].copy_from_slice(&now());
    let (mut rest, mut cookie, mut wanted) = (&question[48..], Vec::new(), 0);
    while let Ok(field) = ExtensionField::read(rest) {
        rest = &rest[field.length()..];
        match field.kind {
            kind::UNIQUE_IDENTIFIER => extension_field::write(&mut packet, field.kind, field.value),
            kind::COOKIE => (cookie, wanted) = (field.value.to_vec(), wanted + 1),
            kind::COOKIE_PLACEHOLDER => wanted += 1,
            _ => {}
        }
    }
    if cookie.is_empty() || matches!(manner, Manner::Plain | Manner::Nak) {
        return packet;
    }
    let mut contents = Vec::new();
    for _ in 0..if manner == Manner::Stingy { 0 } else { wanted } {
        extension_field::write(&mut contents, kind::COOKIE, &cookie);
    }
    let key: [u8; 32] = if manner == Manner::WrongKeys { [0; 32] } else { cookie[32..].try_into().unwrap() };
    let sealed = Aes128Siv::new((&key).into()).encrypt([&packet[..], &[7; 16]], &contents).unwrap();
    extension_field::write_authenticator(&mut packet, &[7; 16], &sealed);
    packet
}

async fn ask(source: &mut TimeSource) -> Result<Sample, TimeSourceError> {
    source.ask(&SystemClocks).await
}

#[tokio::test]
async fn one_key_exchange_lasts_as_long_as_answers_bring_cookies() {
    let server = Server::start().await;
    let mut source = server.source(CERTIFICATE);
    for _ in 0..20 {
        let sample = ask(&mut source).await.expect("the time");
        assert!(sample.at() <= SystemClocks.read().boot);
    }
    assert_eq!(server.exchanges.load(Ordering::Relaxed), 1);
    server.behave(Manner::Stingy);
    for _ in 0..9 {
        ask(&mut source).await.expect("the time");
    }
    assert_eq!(server.exchanges.load(Ordering::Relaxed), 2, "eight cookies were left");
}

#[tokio::test]
async fn what_is_not_authenticated_is_passed_over() {
    let server = Server::start().await;
    let mut source = server.source(CERTIFICATE);
    server.behave(Manner::ForgedFirst);
    ask(&mut source).await.expect("the answer that came second");
    for manner in [Manner::Plain, Manner::WrongKeys] {
        server.behave(manner);
        source.wait_only(IMPATIENT);
        assert!(matches!(ask(&mut source).await, Err(TimeSourceError::Deadline)), "{manner:?}");
    }
}

#[tokio::test]
async fn a_server_that_lost_its_keys_is_asked_for_new_ones() {
    let server = Server::start().await;
    let mut source = server.source(CERTIFICATE);
    ask(&mut source).await.expect("the time");
    server.behave(Manner::Nak);
    assert!(matches!(ask(&mut source).await, Err(TimeSourceError::Kiss(Kiss::NtsNak))));
    server.behave(Manner::Honest);
    ask(&mut source).await.expect("the time, with new keys");
    assert_eq!(server.exchanges.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_kiss_is_heeded() {
    for (manner, kiss) in [(Manner::Rate, Kiss::Rate), (Manner::Deny, Kiss::Deny)] {
        let server = Server::start().await;
        for mut source in [server.source(CERTIFICATE), server.plain_source()] {
            server.behave(manner);
            let refused = ask(&mut source).await;
            assert!(matches!(refused, Err(TimeSourceError::Kiss(found)) if found == kiss), "{refused:?}");
            server.behave(Manner::Honest);
            let before = server.questions.load(Ordering::Relaxed);
            assert!(matches!(ask(&mut source).await, Err(TimeSourceError::Paused(_))));
            assert_eq!(server.questions.load(Ordering::Relaxed), before, "it was not asked");
        }
    }
}

#[tokio::test]
async fn a_smearing_server_counts_only_where_it_is_known_to_be_one() {
    let server = Server::start().await;
    server.behave(Manner::Smearing);
    assert!(matches!(ask(&mut server.plain_source()).await, Err(TimeSourceError::Smearing)));
    let settings = TimeSourceSettings { is_smeared: true, ..server.plain_source().settings().clone() };
    ask(&mut TimeSource::new(settings)).await.expect("the time, smeared");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_gives_no_keys_and_is_not_asked_for_again_at_once() {
    let server = Server::start().await;
    let mut source = server.source(OTHER_CERTIFICATE);
    assert!(matches!(ask(&mut source).await, Err(TimeSourceError::Keys(_))));
    assert!(matches!(ask(&mut source).await, Err(TimeSourceError::Paused(_))));
    assert_eq!(server.exchanges.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn addresses_that_a_section_does_not_allow_are_not_asked() {
    let server = Server::start().await;
    let settings = TimeSourceSettings { reach: TimeReach::default(), ..server.plain_source().settings().clone() };
    let refused = ask(&mut TimeSource::new(settings)).await;
    assert!(matches!(refused, Err(TimeSourceError::Reach(_))), "{refused:?}");
    assert_eq!(server.questions.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn sources_answer_in_their_order_and_bear_the_machines_clock_out() {
    let server = Server::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let plain = server.plain_source().settings().clone();
    let port = silent.local_addr().unwrap().port();
    let mute = TimeSourceSettings { port, deadline: IMPATIENT, ..plain.clone() };
    let sources = TimeSources::new(vec![plain.clone(), mute, plain.clone(), plain], Duration::from_secs(1));
    let clocks: Arc<dyn Clocks> = Arc::new(SystemClocks);
    let answers = sources.ask(&clocks).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
    let samples: Vec<Option<Sample>> = answers.into_iter().map(Result::ok).collect();
    let ClockReading { wall, boot, .. } = SystemClocks.read();
    let found = tsa::clock_guard::Quorum::of(&samples, 3, boot, Duration::from_secs(64));
    let (quorum, _) = found.expect("three agree");
    let offset = wall.millis() as i64 - boot.as_millis() as i64;
    // However slow this machine is now, its own clock is within what it measured.
    let (ahead, margin) = quorum.offset_and_margin(offset);
    assert!(ahead.unsigned_abs() <= margin + 5, "{ahead} {margin}");
}
