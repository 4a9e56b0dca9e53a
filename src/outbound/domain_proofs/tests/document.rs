//! The document of a host, fetched over HTTP.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use broker::issuer::Reach;
use broker::registration::{Absence, DOCUMENT_PATH, SourceAnswer};
use tokio::task::JoinSet;

use crate::outbound::domain_proofs::document::observe;

async fn host(server: &mut JoinSet<()>, routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}{DOCUMENT_PATH}", listener.local_addr().expect("is bound"));
    server.spawn(async move {
        let _ = axum::serve(listener, routes).await;
    });
    url
}

#[tokio::test]
async fn a_document_is_fetched_without_redirects_and_within_reach() {
    let reach = Reach { danger_loopback_http: true, ..Reach::default() };
    let mut server = JoinSet::new();
    let found = host(&mut server, Router::new().route(DOCUMENT_PATH, get(async || "{}"))).await;
    let observation = observe("build.example.com", &found, &reach).await;
    assert_eq!(
        (observation.source.as_str(), &observation.answer),
        ("build.example.com", &SourceAnswer::Document(b"{}".to_vec()))
    );
    // Not where the operator did not allow it: the address is checked before anything is sent.
    assert!(matches!(observe("x", &found, &Reach::default()).await.answer, SourceAnswer::Failed(_)));
    let missing = host(&mut server, Router::new()).await;
    assert_eq!(observe("x", &missing, &reach).await.answer, SourceAnswer::Absent(Absence::NoDocument));
    let moved = Router::new().route(DOCUMENT_PATH, get(async || Redirect::permanent("/elsewhere")));
    let moved = host(&mut server, moved.route("/elsewhere", get(async || "{}"))).await;
    let answer = observe("x", &moved, &reach).await.answer;
    assert!(matches!(&answer, SourceAnswer::Failed(cause) if cause.contains("308")), "{answer:?}");
    let broken = Router::new().route(DOCUMENT_PATH, get(async || StatusCode::INTERNAL_SERVER_ERROR));
    let broken = host(&mut server, broken).await;
    assert!(matches!(observe("x", &broken, &reach).await.answer, SourceAnswer::Failed(_)));
    let long = host(&mut server, Router::new().route(DOCUMENT_PATH, get(async || "a".repeat(2 << 20)))).await;
    assert!(matches!(observe("x", &long, &reach).await.answer, SourceAnswer::Failed(_)));
}
