//! What browsers and clients send to the OpenID provider.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use broker::connector::ConnectorId;
use broker::provider::{
    Authorized, Clients, Exchange, Lifetimes, Parameters, Provider, ProviderParts, ProviderSealing, SessionSecret,
    TokenRequest,
};
use broker::provider::{flow_of_state, is_flow_id};
use shared::keys::{KeyFile, SignatureAlgorithm, SigningKey};
use shared::random::SystemRandom;
use shared::store::MemoryStore;
use shared::time::UnixTime;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
    Provider::new(ProviderParts {
        origin: "https://seal.example.com".into(),
        clients: Clients::new([]).expect("the built-in client"),
        signer: Arc::new(key),
        sealing: ProviderSealing::derive(&KeyFile::generate(&SystemRandom)),
        store: Arc::new(MemoryStore::new()),
        lifetimes: Lifetimes { token: Duration::from_secs(600), session: Duration::from_secs(3600) },
        connectors: vec![ConnectorId::parse("local").expect("a connector")],
    })
    .expect("a provider")
});

/// An authorization request that is taken leads to the log-in page and answers only to where this client's answers go.
pub fn authorize_request(bytes: &[u8]) {
    let Ok(parameters) = Parameters::parse(bytes) else { return };
    match PROVIDER.authorize(&parameters, None, crate::broker::ISSUERS.rules(), NOW, &SystemRandom) {
        Ok(Authorized::LogIn { .. }) => {
            let target = parameters.value("redirect_uri").expect("a taken request names one");
            let is_known = target.starts_with("http://localhost")
                || target.starts_with("http://127.0.0.1")
                || target.starts_with("http://[::1]")
                || target.starts_with("urn:ietf:wg:oauth:2.0:oob")
                || target.starts_with("https://seal.example.com/");
            assert!(is_known, "{target}");
            assert!(parameters.check_unique().is_ok());
        }
        Ok(_) => panic!("no user is logged in"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A token request with an unknown code, or by an SVID that is valid but has no grant, is refused, whatever else it
/// says. The `Authorization` header stands before the first line feed.
pub fn token_request(bytes: &[u8]) {
    let (header, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (crate::text(&bytes[..at]), &bytes[at + 1..]),
        None => (None, bytes),
    };
    let Ok(parameters) = Parameters::parse(body) else { return };
    match TokenRequest::parse(header, &parameters, None) {
        Ok(TokenRequest::Code(request)) => {
            assert_eq!(parameters.value("grant_type"), Some("authorization_code"));
            assert!(PROVIDER.redeem(&request, NOW, &SystemRandom).is_err());
        }
        Ok(TokenRequest::Exchange(request)) => {
            assert!(parameters.value("audience").is_some());
            match PROVIDER.exchange(*request, &crate::broker::TRUSTING, crate::broker::TRUSTING_AT, &SystemRandom) {
                Ok(Exchange::Uncounted(_)) => panic!("no grant names a workload"),
                Ok(Exchange::NeedsBundle { needs, request }) => assert!(request.unanswered(needs).code().is_some()),
                Err(error) => {
                    assert!(error.code().is_some());
                    assert!(error.description().len() <= 400);
                }
            }
        }
        Err(error) => assert!(error.code().is_some()),
    }
}

/// Cookies and state that are not ours open nothing.
pub fn browser_state(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let (id, cookie) = text.split_once('\n').unwrap_or((text, ""));
    assert!(PROVIDER.open_flow(id, Some(cookie), NOW).is_err());
    assert!(PROVIDER.open_flow(id, None, NOW).is_err());
    if let Some(flow) = flow_of_state(id) {
        assert!(id.starts_with(flow) && is_flow_id(flow));
    }
    if let Some(session) = SessionSecret::parse(cookie) {
        assert_eq!(session.expose(), cookie);
    }
}
