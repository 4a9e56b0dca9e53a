//! A real name server for tests: a root of its own that signs, a signed zone and an unsigned one below it, over UDP.
//!
//! A front relays the packets and can be set to fail, so that one address can serve different zones in turn.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::dnssec::NxProofKind;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_server::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_server::proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey as _};
use hickory_server::proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneHandler, ZoneType};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

const TTL: u32 = 60;

/// What a name server says.
#[derive(Clone, Default)]
pub(crate) struct Zones {
    texts: Vec<(String, String)>,
    aliases: Vec<(String, String)>,
    spoiled: Option<String>,
}

impl Zones {
    /// A TXT record. Names below `signed.` are signed, those below `plain.` are not.
    pub(crate) fn text(mut self, name: &str, text: &str) -> Self {
        self.texts.push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn alias(mut self, name: &str, target: &str) -> Self {
        self.aliases.push((name.to_owned(), target.to_owned()));
        self
    }

    /// Changes the records at the name after they were signed.
    pub(crate) fn spoil(mut self, name: &str) -> Self {
        self.spoiled = Some(name.to_owned());
        self
    }

    /// The root alone, and all zones.
    fn catalogs(&self, keys: &Keys) -> [Catalog; 2] {
        let mut root = Zone::new(".", Some(&keys.root));
        root.add("plain.", RData::NS(NS(name("ns.plain."))));
        root.add("signed.", RData::NS(NS(name("ns.signed."))));
        root.add("signed.", keys.signed.delegation());
        let (mut plain, mut signed) = (Zone::new("plain.", None), Zone::new("signed.", Some(&keys.signed)));
        // The domains exist. For names below ones that do not, the server's proof of absence lacks the wildcard's half.
        for domain in ["acme.signed.", "hosting.signed.", "other.signed."] {
            signed.add(domain, RData::A(A::new(192, 0, 2, 1)));
            plain.add(&domain.replace("signed", "plain"), RData::A(A::new(192, 0, 2, 1)));
        }
        let texts = self.texts.iter().map(|(name, text)| {
            let strings = text.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into_owned());
            (name, RData::TXT(TXT::new(strings.collect())))
        });
        let aliases = self.aliases.iter().map(|(alias, target)| (alias, RData::CNAME(CNAME(name(target)))));
        for (owner, data) in texts.chain(aliases) {
            let zone = if owner.ends_with("signed.") { &mut signed } else { &mut plain };
            zone.add(owner, data);
        }
        let (mut parent, mut all) = (Catalog::new(), Catalog::new());
        let spoiled = self.spoiled.as_deref();
        all.upsert(LowerName::from(Name::root()), vec![root.enter(&mut parent, spoiled)]);
        plain.enter(&mut all, spoiled);
        signed.enter(&mut all, spoiled);
        [parent, all]
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

struct Zone<'a> {
    origin: Name,
    handler: InMemoryZoneHandler<TokioRuntimeProvider>,
    key: Option<&'a Key>,
}

impl<'a> Zone<'a> {
    fn new(origin: &str, key: Option<&'a Key>) -> Self {
        let origin = name(origin);
        let proof = key.map(|_| NxProofKind::Nsec);
        let handler = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny, proof);
        let mut zone = Self { origin: origin.clone(), handler, key };
        let server = Name::from_ascii("ns").and_then(|ns| ns.append_domain(&origin)).expect("a name");
        let soa = SOA::new(server.clone(), server.clone(), 1, 60, 60, 60, TTL);
        zone.add(&origin.to_ascii(), RData::SOA(soa));
        zone.add(&origin.to_ascii(), RData::NS(NS(server)));
        zone
    }

    fn add(&mut self, owner: &str, data: RData) {
        assert!(self.handler.upsert_mut(Record::from_rdata(name(owner), TTL, data), 1), "{owner}");
    }

    fn enter(mut self, catalog: &mut Catalog, spoiled: Option<&str>) -> Arc<dyn ZoneHandler> {
        if let Some(key) = self.key {
            self.handler.add_zone_signing_key_mut(key.signer()).expect("a key");
            self.handler.secure_zone_mut().expect("signs");
        }
        if let Some(spoiled) = spoiled {
            let key = RrKey::new(LowerName::from(name(spoiled)), RecordType::TXT);
            if let Some(set) = self.handler.records_get_mut().get_mut(&key) {
                let mut other = RecordSet::clone(set);
                let text = RData::TXT(TXT::new(vec!["v=1; iss=https://evil.example".to_owned()]));
                let signatures = set.rrsigs().to_vec();
                other.set_records(vec![Record::from_rdata(name(spoiled), TTL, text)]);
                other.set_rrsigs(signatures);
                *set = Arc::new(other);
            }
        }
        let handler: Arc<dyn ZoneHandler> = Arc::new(self.handler);
        catalog.upsert(LowerName::from(self.origin), vec![handler.clone()]);
        handler
    }
}

/// The keys of the root and of the signed zone.
pub(crate) struct Keys {
    root: Key,
    signed: Key,
}

struct Key {
    zone: Name,
    pkcs8: Vec<u8>,
}

impl Keys {
    pub(crate) fn generate() -> Self {
        Self { root: Key::generate("."), signed: Key::generate("signed.") }
    }

    /// What a resolver is told to trust, as a file.
    pub(crate) fn trust_anchor_file(&self) -> String {
        format!(". {TTL} IN DNSKEY {}\n", self.root.dnskey())
    }
}

impl Key {
    fn generate(zone: &str) -> Self {
        let key = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).expect("generates");
        Self { zone: name(zone), pkcs8: key.secret_pkcs8_der().to_vec() }
    }

    fn signing(&self) -> EcdsaSigningKey {
        EcdsaSigningKey::from_pkcs8(&self.pkcs8.clone().into(), Algorithm::ECDSAP256SHA256).expect("a key")
    }

    fn dnskey(&self) -> DNSKEY {
        DNSKEY::from_key(&self.signing().to_public_key().expect("a public key"))
    }

    fn signer(&self) -> DnssecSigner {
        let lasts = Duration::from_secs(86_400);
        DnssecSigner::new(self.dnskey(), Box::new(self.signing()), self.zone.clone(), lasts)
    }

    fn delegation(&self) -> RData {
        let key = self.dnskey();
        let digest = key.to_digest(&self.zone, DigestType::SHA256).expect("digests");
        let tag = key.calculate_key_tag().expect("a tag");
        let ds = DS::new(tag, Algorithm::ECDSAP256SHA256, DigestType::SHA256, digest.as_ref().to_vec());
        RData::DNSSEC(DNSSECRData::DS(ds))
    }
}

/// What the front does with a packet.
#[derive(Clone, Copy)]
enum Mode {
    Forward { parent: SocketAddr, all: SocketAddr },
    ServFail,
    Silent,
}

/// One name server.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    keys: Arc<Keys>,
    mode: Arc<Mutex<Mode>>,
    behind: Mutex<Vec<Server<Catalog>>>,
    _front: JoinSet<()>,
}

impl NameServer {
    /// Starts one that does not answer yet.
    pub(crate) async fn start(keys: &Arc<Keys>) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
        let address = socket.local_addr().expect("is bound");
        let mode = Arc::new(Mutex::new(Mode::Silent));
        let mut front = JoinSet::new();
        front.spawn(serve(socket, mode.clone()));
        Self { address, keys: keys.clone(), mode, behind: Mutex::default(), _front: front }
    }

    /// From now on it says this.
    pub(crate) async fn say(&self, zones: Zones) {
        let mut addresses = Vec::new();
        for catalog in zones.catalogs(&self.keys) {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
            addresses.push(socket.local_addr().expect("is bound"));
            let mut server = Server::new(catalog);
            server.register_socket(socket);
            self.behind.lock().expect("not poisoned").push(server);
        }
        *self.mode.lock().expect("not poisoned") = Mode::Forward { parent: addresses[0], all: addresses[1] };
    }

    /// From now on it answers SERVFAIL.
    pub(crate) fn fail(&self) {
        *self.mode.lock().expect("not poisoned") = Mode::ServFail;
    }

    /// From now on it does not answer.
    pub(crate) fn fall_silent(&self) {
        *self.mode.lock().expect("not poisoned") = Mode::Silent;
    }
}

async fn serve(socket: Arc<UdpSocket>, mode: Arc<Mutex<Mode>>) {
    let mut relays = JoinSet::new();
    let mut packet = vec![0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        let mut query = packet[..length].to_vec();
        let mode = *mode.lock().expect("not poisoned");
        let socket = socket.clone();
        match mode {
            Mode::Silent => {}
            Mode::ServFail => {
                // RFC 1035 §4.1.1: QR is set, RCODE is 2.
                query[2] |= 0x80;
                query[3] = query[3] & 0xf0 | 2;
                let _ = socket.send_to(&query, client).await;
            }
            Mode::Forward { parent, all } => {
                let behind = if asks_the_parent(&query) { parent } else { all };
                relays.spawn(async move {
                    let relay = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
                    let mut answer = vec![0; 4096];
                    let _ = relay.send_to(&query, behind).await;
                    if let Ok(length) = relay.recv(&mut answer).await {
                        let _ = socket.send_to(&answer[..length], client).await;
                    }
                });
            }
        }
    }
}

/// A delegation's DS records are the parent's to say (RFC 4035 §3.1.4.1); a recursive resolver asks there.
fn asks_the_parent(query: &[u8]) -> bool {
    const DS: [u8; 2] = [0, 43];
    // One label, the root's empty one, the type.
    let length = usize::from(query[12]);
    length > 0 && query.get(13 + length) == Some(&0) && query.get(14 + length..16 + length) == Some(&DS)
}
