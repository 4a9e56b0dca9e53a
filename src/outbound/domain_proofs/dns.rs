//! TXT records of a domain. Each name server is queried separately, so that one with a wrong answer is outvoted or
//! noticed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::registration::{Absence, Observation, SourceAnswer};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::task::JoinSet;

use super::settings::{Anchors, ResolverSettings};

/// How long one name server may take for everything, signatures of all zones above included.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long one packet may take.
const PACKET_DEADLINE: Duration = Duration::from_secs(3);
/// The most TXT records at one name.
const MAX_RECORDS: usize = 64;

/// The name servers to ask.
#[derive(Clone)]
pub(crate) struct Resolvers {
    settings: ResolverSettings,
    /// None: signatures are not looked at.
    trust_anchors: Option<Arc<TrustAnchors>>,
}

impl Resolvers {
    /// Reads the anchors. Nobody is asked yet. The error says what is wrong with the anchors.
    pub(crate) fn new(settings: ResolverSettings) -> Result<Self, String> {
        let trust_anchors = match &settings.anchors {
            Anchors::Internet => Some(TrustAnchors::default()),
            Anchors::Listed(text) => Some(text.parse::<TrustAnchors>().map_err(|error| error.to_string())?),
            Anchors::Skipped => None,
        };
        Ok(Self { settings, trust_anchors: trust_anchors.map(Arc::new) })
    }

    /// How many must give the same answer.
    pub(crate) fn agreeing(&self) -> usize {
        self.settings.agreeing
    }

    /// Queries every name server for the TXT records at `name`, all at once, without a cache.
    pub(crate) async fn observe(&self, name: &str) -> Vec<Observation> {
        let mut asked = JoinSet::new();
        for (place, server) in self.servers().into_iter().enumerate() {
            let (name, trust_anchors) = (name.to_owned(), self.trust_anchors.clone());
            asked.spawn(async move {
                let source = server.source.clone();
                let answer = tokio::time::timeout(DEADLINE, ask(server, &name, trust_anchors)).await;
                let answer = answer.unwrap_or_else(|_| SourceAnswer::Failed("no answer in time".to_owned()));
                (place, Observation { source, answer })
            });
        }
        let mut observations = asked.join_all().await;
        observations.sort_by_key(|(place, _)| *place);
        observations.into_iter().map(|(_, observation)| observation).collect()
    }

    /// The configured ones, and the system's current ones, which change with the network of a laptop.
    fn servers(&self) -> Vec<Server> {
        let listed = self.settings.addresses.iter().map(|address| Server::at(*address));
        let mut servers: Vec<Server> = listed.collect();
        if self.settings.system {
            match hickory_resolver::system_conf::read_system_conf() {
                Ok((config, _)) => {
                    for server in config.name_servers() {
                        let source = server.ip.to_string();
                        if servers.iter().all(|other| other.source != source) {
                            servers.push(Server { source, config: server.clone() });
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "the system's name servers could not be read; only the configured ones are queried"
                    )
                }
            }
        }
        servers
    }
}

struct Server {
    source: String,
    config: NameServerConfig,
}

impl Server {
    fn at(address: SocketAddr) -> Self {
        let connection = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            connection
        };
        let connections = vec![connection(ConnectionConfig::udp()), connection(ConnectionConfig::tcp())];
        let source = if address.port() == 53 { address.ip().to_string() } else { address.to_string() };
        Self { source, config: NameServerConfig::new(address.ip(), true, connections) }
    }
}

async fn ask(server: Server, name: &str, trust_anchors: Option<Arc<TrustAnchors>>) -> SourceAnswer {
    let validates = trust_anchors.is_some();
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = PACKET_DEADLINE;
    options.preserve_intermediates = true;
    options.try_tcp_on_error = true;
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server.config]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
    if let Some(trust_anchors) = trust_anchors {
        builder = builder.with_trust_anchor(trust_anchors);
    }
    let resolver = match builder.build() {
        Ok(resolver) => resolver,
        Err(error) => return SourceAnswer::Failed(error.to_string()),
    };
    match resolver.lookup(name, RecordType::TXT).await {
        Ok(lookup) => read(&lookup, validates),
        Err(error) => read_error(&error),
    }
}

fn read(lookup: &Lookup, validates: bool) -> SourceAnswer {
    let mut texts = Vec::new();
    let mut alias = None;
    let mut is_signed = validates;
    for record in lookup.answers() {
        match &record.data {
            RData::TXT(txt) => texts.push(txt.txt_data.concat()),
            RData::CNAME(target) => alias = Some(target.0.to_lowercase().to_string()),
            _ => continue,
        }
        match record.proof {
            _ if !validates => {}
            Proof::Secure => {}
            Proof::Insecure => is_signed = false,
            Proof::Bogus | Proof::Indeterminate => {
                return SourceAnswer::Failed("the records' signatures do not verify (DNSSEC)".to_owned());
            }
        }
    }
    match texts.len() {
        0 => SourceAnswer::Absent(Absence::NoData),
        1..=MAX_RECORDS => SourceAnswer::Records { texts, alias, is_signed },
        count => SourceAnswer::Failed(format!("there are {count} TXT records; at most {MAX_RECORDS} are allowed")),
    }
}

/// Only a name server that says "there is none", and may say so, has said no.
fn read_error(error: &NetError) -> SourceAnswer {
    let code = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
        NetError::Dns(DnsError::Nsec { response, proof, .. }) if proof.is_insecure() => response.response_code,
        NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => {
            return SourceAnswer::Failed("the signatures do not verify (DNSSEC)".to_owned());
        }
        NetError::Dns(DnsError::ResponseCode(code)) => return SourceAnswer::Failed(code.to_string()),
        other => return SourceAnswer::Failed(other.to_string()),
    };
    match code {
        ResponseCode::NXDomain => SourceAnswer::Absent(Absence::NxDomain),
        ResponseCode::NoError => SourceAnswer::Absent(Absence::NoData),
        other => SourceAnswer::Failed(other.to_string()),
    }
}
