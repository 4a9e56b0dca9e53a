//! `/spiffe/bundle.json`: the bundle of the instance's own trust domain, for federation (SPIFFE Federation §5).
//!
//! It is a bundle endpoint of profile `https_web` on the main listener, and of `https_spiffe` on the listener for
//! workloads if that uses the instance's own X.509-SVID. Clients do not authenticate (§5.2).

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;

/// Caches keep a copy for a fifth of the refresh hint, so that a withdrawn key disappears soon.
const FRESH: &str = "public, max-age=60, must-revalidate";

/// The routes. Without a trust domain of its own the instance has no bundle, and the response is 404.
pub(crate) fn routes(bundle: Option<Bytes>) -> Router {
    Router::new().route("/spiffe/bundle.json", get(async move || answer(bundle)))
}

fn answer(bundle: Option<Bytes>) -> Response {
    let Some(bundle) = bundle else {
        let message = "this instance has no trust domain of its own; its operator can set spiffe.trust_domain\n";
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, FRESH),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, bundle).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::instance::fixture::Scratch;

    #[tokio::test]
    async fn our_own_bundle_verifies_our_own_tokens_and_outlives_a_restart() {
        let scratch = Scratch::open("[spiffe]\ntrust_domain = \"seal.test\"\n").await;
        let answer = scratch.get("/spiffe/bundle.json", None).await;
        assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().expect("text")));
        let document = answer.json();
        let entries = document["keys"].as_array().expect("keys");
        assert_eq!(entries.len(), 1, "one key, and none of an authority: {document}");
        assert_eq!((entries[0]["use"].as_str(), entries[0]["kty"].as_str()), (Some("jwt-svid"), Some("RSA")));
        let provider = scratch.get("/oidc/keys", None).await.json();
        assert_eq!(entries[0]["kid"], provider["keys"][0]["kid"]);
        assert_eq!(document["spiffe_refresh_hint"], 300);

        let scratch = scratch.reopen(true).await;
        assert_eq!(scratch.get("/spiffe/bundle.json", None).await.json(), document);

        // Another instance accepts this one's tokens as JWT-SVIDs, with that bundle alone.
        let configuration = "[[trust_domains]]\nname = \"seal.test\"\nbundle = { file = \"seal.json\" }\n\
                             grants = [{ spiffe = \"spiffe://seal.test\" }]\n";
        let other = Scratch::open_with(configuration, &[("seal.json", document.to_string())]).await;
        let claims = json!({ "iss": "https://other.example/oidc", "sub": "spiffe://seal.test/ci", "aud": "sigstore" });
        for (signer, verdict) in [(&scratch, "ACCEPT"), (&other, "REJECT")] {
            let response =
                other.post("/api/privyseal/v1/explain", Some(&signer.token_with(claims.clone())), None).await;
            assert_eq!(response.json()["verdict"], verdict, "{}", response.text());
        }
    }

    #[tokio::test]
    async fn without_a_trust_domain_there_is_no_bundle() {
        let answer = Scratch::open("").await.get("/spiffe/bundle.json", None).await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("spiffe.trust_domain"), "{}", answer.text());
    }
}
