//! `/api/v2/signingCert` and its neighbours: the certificate authority as Fulcio's clients know it.
//!
//! `broker::signing` decides what may be certified, and `instance::certificate_authority` issues it. Here are the two
//! forms of requests, and responses in Fulcio's words. Every error in a request is 400, even a bad token: no client
//! expects 401.

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
use serde::Serialize;
use serde_json::json;

use self::body::{PresentedIdentity, PresentedWitSvid};
use self::refusal::{CertificateRefusal, MAX_BODY};
use super::request_id::RequestId;
use crate::current::Current;
use crate::instance::certificate_authority::CertificateAuthority;
use crate::serving::listen::svid::{Peer, PeerSvid};

/// The headers of a WIT-SVID and of its proof (draft-ietf-wimse-wpt §2).
const WIT: &str = "workload-identity-token";
const WPT: &str = "workload-proof-token";

/// The routes.
pub(crate) fn routes(ca: Current<CertificateAuthority>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/signingCert", post(signing_cert_v1))
        .route("/api/v1/rootCert", get(root_cert))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(ca)
}

type Body = Result<Bytes, BytesRejection>;

/// 200 and JSON. `Accept` is ignored: sigstore-python asks for PEM and reads JSON.
async fn signing_cert(
    State(ca): State<Arc<CertificateAuthority>>,
    Extension(id): Extension<RequestId>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let issued: Result<IssuedCertificate, CertificateRefusal> = async {
        let body = body.map_err(CertificateRefusal::body)?;
        let presented = presented(&ca, &headers, peer, "/api/v2/signingCert");
        let request = body::v2(&body, presented)?;
        Ok(ca.issue(request, id.as_str()).await?)
    }
    .await;
    match issued {
        Ok(certificate) => {
            let leaf = certificate.to_pem();
            let chain = ca.issuance.authority.chain_pem().iter().map(String::as_str);
            let certificates = std::iter::once(leaf.trim_end()).chain(chain).collect();
            let chain = CertificateChain { certificates };
            Json(SigningCertificate { signed_certificate_embedded_sct: EmbeddedSct { chain } }).into_response()
        }
        Err(refusal) => refusal.answer(&id),
    }
}

/// `dev.sigstore.fulcio.v2.SigningCertificate`. There is only the form with an embedded SCT: an instance without a
/// certificate log is not supported yet.
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

/// 201 and PEM, for cosign 2 and gitsign.
async fn signing_cert_v1(
    State(ca): State<Arc<CertificateAuthority>>,
    Extension(id): Extension<RequestId>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let issued: Result<IssuedCertificate, CertificateRefusal> = async {
        let body = body.map_err(CertificateRefusal::body)?;
        let presented = presented(&ca, &headers, peer, "/api/v1/signingCert");
        let request = body::v1(&body, presented)?;
        Ok(ca.issue(request, id.as_str()).await?)
    }
    .await;
    match issued {
        Ok(certificate) => {
            let chain = certificate.to_pem() + &ca.issuance.authority.chain().to_pem();
            (StatusCode::CREATED, [(header::CONTENT_TYPE, PEM_CHAIN)], chain).into_response()
        }
        Err(refusal) => refusal.answer(&id),
    }
}

async fn trust_bundle(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    let chain = ca.issuance.authority.chain().certificates();
    let chain: Vec<String> = chain.iter().map(|certificate| certificate.to_pem()).collect();
    Json(json!({ "chains": [{ "certificates": chain }] })).into_response()
}

async fn root_cert(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    ([(header::CONTENT_TYPE, PEM_CHAIN)], ca.issuance.authority.chain().to_pem()).into_response()
}

const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// The issuers whose tokens are accepted, with every field that Fulcio has: sigstore-rust fails without `issuerUrl`.
async fn configuration(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    let mut entries: Vec<_> = ca.issuers.iter().collect();
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

/// The identity that the request presents beside its body. The URL that a proof must be for is made from the instance's
/// own origin, never from the request.
fn presented<'a>(
    ca: &CertificateAuthority,
    headers: &'a HeaderMap,
    peer: Option<PeerSvid>,
    path: &str,
) -> PresentedIdentity<'a> {
    let header = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.as_bytes());
    let wit_svid = header(WIT).or(header(WPT)).map(|_| PresentedWitSvid {
        wit: header(WIT).unwrap_or_default(),
        proof: header(WPT).unwrap_or_default(),
        target: format!("{}{path}", ca.origin),
    });
    PresentedIdentity { bearer: bearer(headers), peer, wit_svid }
}

/// The token in `Authorization: Bearer …`; the scheme's case is free (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
