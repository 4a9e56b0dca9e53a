//! Revocation over plain HTTP: `/crl/{ca}.crl`, `/ca/{ca}.cer` and `/ocsp` (RFC 5280, RFC 6960 appendix A, RFC 5019
//! §6).
//!
//! Caches may keep responses without a nonce for half of their validity.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::time::UnixTime;
use shared::x509::revocation::{AnswerPlan, MAX_OCSP_REQUEST, OcspFault, OcspRequest};

use crate::instance::revocation::PublishedRevocations;

/// The routes.
pub(crate) fn routes(published: Arc<PublishedRevocations>) -> Router {
    Router::new()
        .route("/crl/root-ca.crl", get(crl))
        .route("/ca/root-ca.cer", get(authority))
        .route("/ocsp", get(no_request).post(ocsp_post))
        .route("/ocsp/{*request}", get(ocsp_get))
        .layer(DefaultBodyLimit::max(MAX_OCSP_REQUEST))
        .with_state(published)
}

async fn crl(State(published): State<Arc<PublishedRevocations>>) -> Response {
    let state = published.state.load();
    let Some((list, signed)) = &state.list else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the revocation list is not signed yet; an operator must run `privyseal ca crl`\n",
        );
    };
    let mut response = typed("application/pkix-crl", list.clone());
    let half = signed.next_update.saturating_sub(signed.this_update) / 2;
    // A newer list may revoke more, so caches must not keep one for months.
    keep(&mut response, UnixTime::from_seconds(signed.this_update), Duration::from_secs(half.min(86_400)));
    response
}

async fn authority(State(published): State<Arc<PublishedRevocations>>) -> Response {
    let state = published.state.load();
    let mut response = typed("application/pkix-cert", state.root.der().to_vec());
    keep(&mut response, state.root.not_before(), Duration::from_secs(86_400));
    response
}

async fn ocsp_post(State(published): State<Arc<PublishedRevocations>>, body: Bytes) -> Response {
    answer(&published, &body)
}

/// The request as base64 in the path; some clients escape its slashes, others do not.
async fn ocsp_get(State(published): State<Arc<PublishedRevocations>>, Path(request): Path<String>) -> Response {
    match STANDARD.decode(&request) {
        Ok(der) => answer(&published, &der),
        Err(_) => ocsp_reply(OcspFault::MalformedRequest.to_der()),
    }
}

async fn no_request() -> Response {
    ocsp_reply(OcspFault::MalformedRequest.to_der())
}

fn answer(published: &PublishedRevocations, der: &[u8]) -> Response {
    let request = match OcspRequest::parse(der) {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(%error, "an OCSP request is malformed");
            return ocsp_reply(OcspFault::MalformedRequest.to_der());
        }
    };
    let (state, now) = (published.state.load(), published.clock.now().floor_to_second());
    if !request.certificates().iter().any(|certificate| certificate.is_issued_by(&state.root)) {
        return ocsp_reply(OcspFault::Unauthorized.to_der());
    }
    let responder = state.responder.as_ref().filter(|responder| responder.certificate().is_valid_at(now));
    let Some(responder) = responder else {
        tracing::error!("the OCSP responder has no valid certificate; run `privyseal ca crl`");
        return ocsp_reply(OcspFault::TryLater.to_der());
    };
    let plan = AnswerPlan { produced_at: now, next_update: now.plus(published.ocsp), archive_from: state.since };
    match responder.answer(&request, plan, |certificate| state.status(certificate)) {
        Ok(answer) => {
            let mut response = ocsp_reply(answer.0);
            if !request.has_nonce() {
                keep(&mut response, now, published.ocsp / 2);
            }
            response
        }
        Err(error) => {
            tracing::error!(%error, "an OCSP response could not be signed");
            ocsp_reply(OcspFault::InternalError.to_der())
        }
    }
}

/// An OCSP response. Faults are 200 as well; caches must not keep them.
fn ocsp_reply(der: Vec<u8>) -> Response {
    let mut response = typed("application/ocsp-response", der);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn typed(content_type: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], Body::from(bytes)).into_response()
}

fn text(status: StatusCode, message: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}

/// The caching headers of RFC 5019 §6.2: how long a copy may be kept, and since when it is valid.
fn keep(response: &mut Response, since: UnixTime, span: Duration) {
    let headers = response.headers_mut();
    let caching = format!("max-age={}, public, no-transform, must-revalidate", span.as_secs());
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::LAST_MODIFIED, http_date(since)),
        (header::EXPIRES, http_date(since.plus(span))),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn http_date(at: UnixTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Ok(date) = der::DateTime::from_unix_duration(Duration::from_secs(at.seconds())) else { return String::new() };
    let day = DAYS[(at.seconds() / 86_400 % 7) as usize];
    let month = MONTHS[usize::from(date.month() - 1)];
    format!(
        "{day}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        date.day(),
        date.year(),
        date.hour(),
        date.minutes(),
        date.seconds()
    )
}

#[cfg(test)]
mod tests {
    use arc_swap::ArcSwap;
    use shared::time::Clock;

    use super::*;
    use crate::instance::revocation::RevocationState;

    #[test]
    fn dates_have_the_form_of_http() {
        assert_eq!(http_date(UnixTime::from_seconds(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
    struct At(UnixTime);

    impl Clock for At {
        fn now(&self) -> UnixTime {
            self.0
        }
    }

    const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

    /// A root that issued 1 and 2, of which 2 is revoked, and its responder.
    fn edge() -> Arc<PublishedRevocations> {
        use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
        use shared::random::SystemRandom;
        use shared::x509::CaSetup;
        use shared::x509::revocation::{Responder, RevocationReason, Revoked};

        let key = |algorithm| SigningKey::generate(algorithm).unwrap();
        let (root_key, ocsp_key) = (key(SignatureAlgorithm::EcdsaP384Sha384), key(SignatureAlgorithm::EcdsaP256Sha256));
        let setup = CaSetup { instance: "h.example", root_key: &root_key, now: NOW, random: &SystemRandom };
        let root = setup.root().unwrap();
        let certificate = setup.ocsp_responder(&root, ocsp_key.public_key(), Duration::from_secs(86_400)).unwrap();
        let state = RevocationState {
            issued: vec![vec![1], vec![2]],
            revoked: vec![Revoked { serial: vec![2], at: NOW, reason: RevocationReason::KeyCompromise }],
            list: None,
            responder: Responder::new(Arc::new(ocsp_key), certificate),
            since: NOW,
            root,
        };
        let ocsp = Duration::from_secs(3_600);
        Arc::new(PublishedRevocations { state: ArcSwap::from_pointee(state), clock: Arc::new(At(NOW)), ocsp })
    }

    /// A request for `serial` of `root`, with a nonce of `nonce` octets unless that is none.
    fn query(root: &shared::x509::Certificate, serial: u8, nonce: usize) -> Vec<u8> {
        use shared::x509::DerWriter;
        let sha1 = |bytes| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        let mut out = DerWriter::default();
        out.nested(0x30, |request| {
            request.nested(0x30, |tbs| {
                tbs.nested(0x30, |list| {
                    list.nested(0x30, |single| {
                        single.nested(0x30, |id| {
                            id.raw(&[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0]);
                            id.value(4, sha1(root.subject_der()).as_ref());
                            id.value(4, sha1(root.public_key().key_bits()).as_ref());
                            id.value(2, &[serial]);
                        });
                    });
                });
                if nonce > 0 {
                    tbs.nested(0xa2, |extensions| {
                        extensions.nested(0x30, |extensions| {
                            extensions.nested(0x30, |extension| {
                                extension.value(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2]);
                                extension.nested(4, |value| value.value(4, &vec![7; nonce]));
                            });
                        });
                    });
                }
            });
        });
        out.finish()
    }

    async fn ask(edge: &Arc<PublishedRevocations>, der: Vec<u8>) -> (Vec<u8>, String) {
        use axum::http::Request;
        use http_body_util::BodyExt as _;
        use tower::ServiceExt as _;
        let request = Request::post("/ocsp").body(Body::from(der)).unwrap();
        let response = routes(edge.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let caching = response.headers()[header::CACHE_CONTROL].to_str().unwrap().to_owned();
        (response.into_body().collect().await.unwrap().to_bytes().to_vec(), caching)
    }

    #[tokio::test]
    async fn each_certificate_has_its_status_and_unknown_ones_have_none() {
        let edge = edge();
        let root = edge.state.load().root.clone();
        // good [0], revoked [1] with keyCompromise (1), unknown [2].
        let revoked = [&[0xa1, 0x16, 0x18, 0x0f][..], b"20261121105200Z", &[0xa0, 3, 0x0a, 1, 1]].concat();
        for (serial, said) in [(1, &[0x80, 0][..]), (2, &revoked), (3, &[0x82, 0])] {
            let (answer, caching) = ask(&edge, query(&root, serial, 0)).await;
            let wanted = [&[2, 1, serial][..], said].concat();
            assert!(answer.windows(wanted.len()).any(|window| window == wanted), "{serial}: {}", hex::encode(&answer));
            assert_eq!(caching, "max-age=1800, public, no-transform, must-revalidate");
        }
        let (answer, caching) = ask(&edge, query(&root, 1, 128)).await;
        assert!(answer.windows(128).any(|window| window == [7; 128]) && caching == "no-store");
        let malformed = OcspFault::MalformedRequest.to_der();
        for bad in [query(&root, 1, 129), Vec::new(), [query(&root, 1, 0), vec![0]].concat()] {
            assert_eq!(ask(&edge, bad).await.0, malformed);
        }
        let stranger = super::tests::edge().state.load().root.clone();
        assert_eq!(ask(&edge, query(&stranger, 1, 0)).await.0, OcspFault::Unauthorized.to_der());
    }
}
