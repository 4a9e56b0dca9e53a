use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::instance::fixture::Scratch;

async fn scrape(scratch: &Scratch) -> String {
    let request = Request::get("/metrics").body(Body::empty()).expect("a request");
    let response = scratch.routes.metrics.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

/// A readable map of bundles without the trust domain that the test needs.
const EMPTY_MAP: &str = r#"{"trust_domains":{}}"#;

#[tokio::test]
async fn metrics_of_a_bundle_are_those_of_its_file() {
    let bundle = include_str!("../../../../tests/vectors/spire/alpha-bundle-2-prepared.json");
    let configuration = "[[trust_domains]]\nname = \"alpha.test\"\nbundle = { file = \"alpha.json\" }\n\
                         grants = [{ spiffe = \"spiffe://alpha.test\" }]\n\
                         [[trust_domains]]\nname = \"gone.test\"\nbundle = { map_file = \"map.json\" }\n\
                         grants = [{ spiffe = \"spiffe://gone.test\" }]\n";
    let scratch =
        Scratch::open_with(configuration, &[("alpha.json", bundle.to_owned()), ("map.json", EMPTY_MAP.to_owned())])
            .await;
    let text = scrape(&scratch).await;
    for line in [
        "privyseal_bundle_sequence{trust_domain=\"alpha.test\"} 3",
        "privyseal_bundle_keys{trust_domain=\"alpha.test\",use=\"x509-svid\"} 2",
        "privyseal_bundle_keys{trust_domain=\"alpha.test\",use=\"jwt-svid\"} 2",
        "privyseal_bundle_keys{trust_domain=\"alpha.test\",use=\"wit-svid\"} 0",
        "privyseal_bundle_state{trust_domain=\"alpha.test\",state=\"fresh\"} 1",
        "privyseal_bundle_state{trust_domain=\"alpha.test\",state=\"stale\"} 0",
        "privyseal_bundle_state{trust_domain=\"gone.test\",state=\"missing\"} 1",
        "privyseal_bundle_fetches_total{trust_domain=\"alpha.test\",outcome=\"succeeded\"} 1",
        "privyseal_bundle_fetches_total{trust_domain=\"gone.test\",outcome=\"failed\"} 1",
        "privyseal_clock_trusted{mode=\"local\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("privyseal_bundle_age_seconds{trust_domain=\"alpha.test\"} "), "{text}");
    assert!(!text.contains("privyseal_bundle_sequence{trust_domain=\"gone.test\"}"), "{text}");
    let ready = scratch.get("/readyz", None).await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    let expected = serde_json::json!({ "fresh": 1, "stale": [], "missing": ["gone.test"], "empty": [] });
    assert_eq!(ready.json()["trust_domains"], expected);
}

#[tokio::test]
async fn without_a_trust_domain_there_are_no_bundle_metrics() {
    let text = scrape(&Scratch::open("").await).await;
    assert!(text.contains("privyseal_build_info{version="), "{text}");
    assert!(!text.contains("privyseal_bundle"), "{text}");
    assert_eq!(text.matches("privyseal_log_up{log=").count(), 3, "{text}");
}
