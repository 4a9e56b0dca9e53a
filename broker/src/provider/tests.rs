//! What the edge's tests cannot see from outside: signing is refused without the right receipt, and keys of each kind
//! work.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::keys::{KeyFile, SignatureAlgorithm, Signer as _, SigningKey};
use shared::log::Log;
use shared::random::{Random, SystemRandom};
use shared::store::MemoryStore;
use shared::time::UnixTime;

use super::*;
use crate::connector::{ConnectorId, ConnectorIdentity};
use crate::grants::{ConnectorSpec, Grant};
use crate::registry::Issuers;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);
const RANDOM: &dyn Random = &SystemRandom;
const ASK: &str = "client_id=sigstore&redirect_uri=http://localhost:1/cb&response_type=code&scope=openid+email\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const REDEEM: &str = "grant_type=authorization_code&client_id=sigstore&redirect_uri=http://localhost:1/cb\
    &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&code=";

fn provider(algorithm: SignatureAlgorithm) -> (Provider, Arc<SigningKey>) {
    let key = Arc::new(SigningKey::generate(algorithm).expect("generates"));
    let provider = Provider::new(ProviderParts {
        origin: "http://localhost:8420".to_owned(),
        clients: Clients::new([]).expect("none can be wrong"),
        signer: key.clone(),
        sealing: ProviderSealing::derive(&KeyFile::generate(RANDOM)),
        store: Arc::new(MemoryStore::new()),
        lifetimes: Lifetimes { token: Duration::from_secs(600), session: Duration::ZERO },
        connectors: vec![ConnectorId::local()],
    });
    (provider.expect("a good key"), key)
}

fn prepared(provider: &Provider) -> PreparedToken {
    let asserters = vec![ConnectorSpec { id: "local".to_owned(), grants: vec![Grant::local_accounts()] }];
    let Ok(issuers) = Issuers::build(Vec::new(), asserters) else { panic!("one asserter has no rival") };
    let asked = Parameters::parse(ASK.as_bytes()).expect("reads");
    let Ok(Authorized::LogIn { flow, connector }) = provider.authorize(&asked, None, issuers.rules(), NOW, RANDOM)
    else {
        panic!("nobody is logged in")
    };
    assert_eq!(connector, Some(ConnectorId::local()), "the only one");
    let flow = provider.open_flow(&flow.id, Some(&flow.value), NOW).expect("opens");
    let alice = ConnectorIdentity {
        connector_id: ConnectorId::local(),
        user_id: "17".to_owned(),
        email: Some("alice@Example.com".to_owned()),
        email_verified: true,
        name: None,
    };
    let alice = permit(issuers.rules(), &alice).expect("a local user");
    let done = provider.log_in(&flow, alice, NOW, None, NOW, RANDOM).expect("logs in");
    assert!(done.session.is_none(), "a session of no time is none");
    let RedirectAnswer::Redirect(uri) = done.answer else { panic!("a redirect") };
    let code = uri.split_once("code=").and_then(|(_, rest)| rest.split('&').next()).expect("a code");
    let form = Parameters::parse(format!("{REDEEM}{code}").as_bytes()).expect("reads");
    let Ok(TokenRequest::Code(request)) = TokenRequest::parse(None, &form, None) else { panic!("a good request") };
    provider.redeem(&request, NOW, RANDOM).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn nothing_is_signed_for_another_leaf() {
    let (provider, _) = provider(SignatureAlgorithm::EcdsaP256Sha256);
    let log = Log::in_memory();
    let (one, two) = (prepared(&provider), prepared(&provider));
    let receipt = log.append(one.leaf()).wait().expect("taken");
    assert_eq!(provider.sign(two, &receipt).err(), Some(TokenFault::Receipt));
    let response = provider.sign(one, &receipt).expect("its own");
    let info = provider.user_info(&response.access_token, NOW).expect("an access token");
    assert_eq!(
        serde_json::to_value(info).expect("encodes")["email"],
        "alice@example.com",
        "the domain as the rules read it"
    );
}

#[test]
fn the_leaf_binds_the_claims() {
    let (provider, _) = provider(SignatureAlgorithm::EcdsaP256Sha256);
    let log = Log::in_memory();
    let token = prepared(&provider);
    let leaf: serde_json::Value = serde_json::from_slice(token.leaf()).expect("JSON");
    let receipt = log.append(token.leaf()).wait().expect("taken");
    let response = provider.sign(token, &receipt).expect("signs");
    let claims = URL_SAFE_NO_PAD.decode(response.id_token.split('.').nth(1).expect("claims")).expect("base64url");
    assert_eq!(leaf["claims_sha256"], shared::digest::sha256_hex(&claims));
    assert_eq!((&leaf["type"], &leaf["client"]), (&"token-issued".into(), &"sigstore".into()));
}

#[test]
fn tokens_of_each_kind_of_key_verify() {
    for algorithm in
        [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256]
    {
        let (provider, key) = provider(algorithm);
        let token = prepared(&provider);
        let receipt = Log::in_memory().append(token.leaf()).wait().expect("taken");
        let token = provider.sign(token, &receipt).expect("signs").id_token;
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        // Other libraries' opinion of the JOSE form.
        match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => {
                use p256::ecdsa::signature::Verifier as _;
                let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(key.public_key().key_bits()).expect("a point");
                let signature = p256::ecdsa::Signature::from_slice(&signature).expect("r and s");
                public.verify(input.as_bytes(), &signature).expect("verifies");
            }
            SignatureAlgorithm::EcdsaP384Sha384 => {
                use p384::ecdsa::signature::Verifier as _;
                let public = p384::ecdsa::VerifyingKey::from_sec1_bytes(key.public_key().key_bits()).expect("a point");
                let signature = p384::ecdsa::Signature::from_slice(&signature).expect("r and s");
                public.verify(input.as_bytes(), &signature).expect("verifies");
            }
            SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPkcs1Sha512 => {
                key.public_key().verify(input.as_bytes(), &signature).expect("verifies");
            }
        }
        let jwks: serde_json::Value = serde_json::from_str(&provider.token_key().jwks()).expect("JSON");
        assert_eq!(jwks["keys"][0]["alg"], algorithm.jose_name());
        assert!(provider.user_info(&token, NOW).is_ok(), "we take our own");
        let mut changed = token.into_bytes();
        let last = changed.len() - 10;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(matches!(provider.user_info(&changed, NOW), Err(UserInfoError::Invalid)));
    }
}

#[test]
fn who_confirms_is_who_was_shown() {
    let (mut provider, _) = provider(SignatureAlgorithm::EcdsaP256Sha256);
    provider.lifetimes.session = Duration::from_secs(3600);
    let asserters = vec![ConnectorSpec { id: "local".to_owned(), grants: vec![Grant::local_accounts()] }];
    let Ok(issuers) = Issuers::build(Vec::new(), asserters) else { panic!("one asserter has no rival") };
    let rules = issuers.rules();
    let asked = Parameters::parse(ASK.as_bytes()).expect("reads");
    let session = |user: &str| {
        let Ok(Authorized::LogIn { flow, .. }) = provider.authorize(&asked, None, rules, NOW, RANDOM) else {
            panic!("nobody is logged in")
        };
        let flow = provider.open_flow(&flow.id, Some(&flow.value), NOW).expect("opens");
        let identity = ConnectorIdentity {
            connector_id: ConnectorId::local(),
            user_id: user.to_owned(),
            email: Some(format!("{user}@example.com")),
            email_verified: true,
            name: None,
        };
        let identity = permit(rules, &identity).expect("a local user");
        provider.log_in(&flow, identity, NOW, None, NOW, RANDOM).expect("logs in").session.expect("a session")
    };
    let (alice, bob) = (session("alice"), session("bob"));
    let Ok(Authorized::Confirm(asked)) = provider.authorize(&asked, Some(&alice), rules, NOW, RANDOM) else {
        panic!("a public client needs a word")
    };
    assert_eq!(asked.person, "alice@example.com");
    let flow = provider.open_flow(&asked.flow.id, Some(&asked.flow.value), NOW).expect("opens");
    let confirm = |csrf: &str, who| provider.confirm(&flow, Some(csrf), who, rules, NOW, RANDOM);
    assert!(matches!(confirm("x", Some(&alice)), Err(ContinueError::Flow(FlowError::Form))));
    assert!(matches!(confirm(&asked.csrf, Some(&bob)), Ok(Continued::LogIn)));
    assert!(matches!(confirm(&asked.csrf, None), Ok(Continued::LogIn)));
    assert!(matches!(confirm(&asked.csrf, Some(&alice)), Ok(Continued::Answer(RedirectAnswer::Redirect(_)))));
}
