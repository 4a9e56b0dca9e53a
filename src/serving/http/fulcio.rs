//! `/api/v2/signingCert` and its neighbours: the certificate authority as Fulcio's clients know it.
//!
//! What may be certified is decided in `broker::signing`. Here: the two request forms, the order of the log entries, and the
//! answers in Fulcio's words. Everything that is wrong with a request is 400, a bad token included: no client expects 401.

mod body;
mod refusal;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use broker::ca::IssuedCertificate;
use broker::grants::Scope;
use broker::profile::Profile;
use broker::registry::Issuers;
use broker::signing::{Call, Issuance, Outcome, Prepared, SigningError, SigningRequest};
use serde::Serialize;
use serde_json::json;
use shared::log::Log;
use shared::random::Random;
use shared::time::Clock;

use super::request_id::RequestId;
use crate::instance::assemble::Origin;
use crate::instance::signature_log::IssuedLately;
use crate::instance::snapshots::Current;
use crate::instance::svid_uses::SvidUses;
use crate::outbound::KeyKeeper;
use crate::outbound::bundles::BundleKeeper;
use crate::serving::listen::svid::{Peer, PeerSvid};
use body::{Proven, Shown};
use refusal::Refusal;

/// The largest request read. A token has at most 16 KiB, an RSA-4096 request 2 KiB; base64 and JSON around them.
const MAX_BODY: usize = 64 * 1024;

/// The headers of a WIT-SVID and of its proof (draft-ietf-wimse-wpt §2).
const WIT: &str = "workload-identity-token";
const WPT: &str = "workload-proof-token";

/// What this edge needs; one for each snapshot.
pub(crate) struct FulcioEdge {
    /// Where clients reach us.
    pub(crate) origin: Origin,
    /// Who may speak for what.
    pub(crate) issuers: Arc<Issuers>,
    /// The authority, the log's key and the profile.
    pub(crate) issuance: Arc<Issuance>,
    /// The audit log.
    pub(crate) audit: Log,
    /// The certificate log.
    pub(crate) certificates: Log,
    /// What the signature log will recognise.
    pub(crate) issued_lately: Arc<IssuedLately>,
    /// Fetches issuers' keys.
    pub(crate) keys: Arc<KeyKeeper>,
    /// Fetches trust domains' bundles.
    pub(crate) bundles: Arc<BundleKeeper>,
    /// Counts the uses of SVIDs.
    pub(crate) svid_uses: Arc<SvidUses>,
    /// The present moment.
    pub(crate) clock: Arc<dyn Clock>,
    /// Serial numbers.
    pub(crate) random: Arc<dyn Random>,
}

/// The routes.
pub(crate) fn routes(edge: Current<FulcioEdge>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/signingCert", post(signing_cert_v1))
        .route("/api/v1/rootCert", get(root_cert))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(edge)
}

type Body = Result<Bytes, BytesRejection>;

/// 200 and JSON. `Accept` is not looked at: sigstore-python asks for PEM and reads JSON.
async fn signing_cert(
    State(edge): State<Arc<FulcioEdge>>,
    Extension(id): Extension<RequestId>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let issued = async {
        let body = body.map_err(Refusal::body)?;
        let shown = edge.shown(&headers, peer, "/api/v2/signingCert");
        let request = body::v2(&body, shown)?;
        edge.issue(request, &id).await
    };
    match issued.await {
        Ok(certificate) => {
            let leaf = certificate.to_pem();
            let chain = edge.issuance.authority.chain_pem().iter().map(String::as_str);
            let certificates = std::iter::once(leaf.trim_end()).chain(chain).collect();
            let chain = CertificateChain { certificates };
            Json(SigningCertificate { signed_certificate_embedded_sct: EmbeddedSct { chain } }).into_response()
        }
        Err(refusal) => refusal.answer(&id),
    }
}

/// `dev.sigstore.fulcio.v2.SigningCertificate`. There is no detached form: a house without a certificate log is a later matter.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SigningCertificate<'a> {
    signed_certificate_embedded_sct: EmbeddedSct<'a>,
}

#[derive(Serialize)]
struct EmbeddedSct<'a> {
    chain: CertificateChain<'a>,
}

/// Leaf first, root last, each PEM without a line feed at its end.
#[derive(Serialize)]
struct CertificateChain<'a> {
    certificates: Vec<&'a str>,
}

/// 201 and PEM: cosign 2 and gitsign.
async fn signing_cert_v1(
    State(edge): State<Arc<FulcioEdge>>,
    Extension(id): Extension<RequestId>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let issued = async {
        let body = body.map_err(Refusal::body)?;
        let shown = edge.shown(&headers, peer, "/api/v1/signingCert");
        let request = body::v1(&body, shown)?;
        edge.issue(request, &id).await
    };
    match issued.await {
        Ok(certificate) => {
            let chain = certificate.to_pem() + &edge.issuance.authority.chain().to_pem();
            (StatusCode::CREATED, [(header::CONTENT_TYPE, PEM_CHAIN)], chain).into_response()
        }
        Err(refusal) => refusal.answer(&id),
    }
}

async fn trust_bundle(State(edge): State<Arc<FulcioEdge>>) -> Response {
    let chain = edge.issuance.authority.chain().certificates();
    let chain: Vec<String> = chain.iter().map(|certificate| certificate.to_pem()).collect();
    Json(json!({ "chains": [{ "certificates": chain }] })).into_response()
}

async fn root_cert(State(edge): State<Arc<FulcioEdge>>) -> Response {
    ([(header::CONTENT_TYPE, PEM_CHAIN)], edge.issuance.authority.chain().to_pem()).into_response()
}

const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// The issuers whose tokens are taken, with every field that Fulcio emits: sigstore-rust fails on an absent `issuerUrl`.
async fn configuration(State(edge): State<Arc<FulcioEdge>>) -> Response {
    let mut entries: Vec<_> = edge.issuers.iter().collect();
    entries.sort_by_key(|issuer| (issuer.iss().as_str(), issuer.audience().as_str()));
    let entries: Vec<_> = entries
        .into_iter()
        .map(|issuer| {
            let (kind, challenge) = match issuer.profile() {
                Profile::Gcp | Profile::Human | Profile::OwnProvider => ("email", "email"),
                Profile::Ci(_) => ("ci-provider", "sub"),
                Profile::Kubernetes(_) => ("kubernetes", "sub"),
                // Fulcio knows no roles of AWS; a URI is what their certificates hold.
                Profile::Aws | Profile::Uri => ("uri", "sub"),
                Profile::Spiffe => ("spiffe", "sub"),
                Profile::Username(_) => ("username", "sub"),
            };
            let trust_domain = issuer.grants().iter().find_map(|grant| match grant.scope() {
                Scope::Spiffe(prefix) => Some(prefix.trust_domain().as_str()),
                _ => None,
            });
            let subject_domain = match issuer.profile() {
                Profile::Username(domain) => domain.as_str(),
                _ => "",
            };
            json!({
                "issuerUrl": issuer.iss().as_str(),
                "audience": issuer.audience().as_str(),
                "challengeClaim": challenge,
                "spiffeTrustDomain": trust_domain.unwrap_or_default(),
                "issuerType": kind,
                "subjectDomain": subject_domain,
                "skipEmailVerification": false,
            })
        })
        .collect();
    Json(json!({ "issuers": entries })).into_response()
}

impl FulcioEdge {
    /// The order of things: intent and certificate entry durable, then the keys, then the issued entry durable, then the answer.
    async fn issue(&self, request: SigningRequest, id: &RequestId) -> Result<IssuedCertificate, Refusal> {
        let call = Call { id: id.as_str(), now: self.clock.now(), random: &*self.random };
        let prepared = match self.issuance.prepare(request, &self.issuers, &call)? {
            Outcome::Prepared(prepared) => prepared,
            // Once: a token that names a key which its issuer does not publish is the caller's fault.
            unprepared => self.prepare_after_fetching(unprepared, &call).await?,
        };
        if let Some(svid) = prepared.svid_use() {
            self.svid_uses.admit(svid, call.now).await?;
        }
        let intent = self.audit.append(prepared.intent());
        let logged = self.certificates.append(prepared.certificate_entry());
        let (intent, logged) = tokio::try_join!(intent, logged)?;
        let unreleased = prepared.sign(&intent, &logged)?;
        let receipt = self.audit.append(unreleased.leaf()).await?;
        let certificate = unreleased.release(receipt).map_err(SigningError::from)?;
        self.issued_lately.remember(certificate.der());
        Ok(certificate)
    }
}

impl FulcioEdge {
    /// How the request shows who asks. The address that a proof must be for is the house's own, never what the request calls it.
    fn shown<'a>(&self, headers: &'a HeaderMap, peer: Option<PeerSvid>, path: &str) -> Shown<'a> {
        let header = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.as_bytes());
        let proven = header(WIT).or(header(WPT)).map(|_| Proven {
            wit: header(WIT).unwrap_or_default(),
            proof: header(WPT).unwrap_or_default(),
            target: format!("{}{path}", self.origin),
        });
        Shown { bearer: bearer(headers), peer, proven }
    }

    async fn prepare_after_fetching(&self, unprepared: Outcome, call: &Call<'_>) -> Result<Box<Prepared>, Refusal> {
        let request = match unprepared {
            Outcome::Prepared(prepared) => return Ok(prepared),
            Outcome::NeedsKeys { issuer, request } => {
                self.keys.refresh(&issuer).await.map_err(|error| Refusal::keys_unavailable(&issuer, &error))?;
                request
            }
            Outcome::NeedsBundle { needs, request } => {
                self.bundles.refresh_for(&needs, &self.issuers, call.id).await;
                request
            }
        };
        match self.issuance.prepare(*request, &self.issuers, call)? {
            Outcome::Prepared(prepared) => Ok(prepared),
            Outcome::NeedsKeys { issuer, .. } => Err(Refusal::key_unknown(&issuer)),
            Outcome::NeedsBundle { needs, .. } => Err(SigningError::from(needs).into()),
        }
    }
}

/// The token in `Authorization: Bearer …`; the scheme's case is free (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
