use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use broker::ca::{Authority, CertificateLogKey, Profile as LeafProfile};
use broker::grants::Grant;
use broker::issuer::{IssuerSpec, KeySource, Reach};
use broker::jose::{JoseAlgorithm, KeySet};
use broker::names::IssuerUrl;
use broker::registry::Issuers;
use http_body_util::BodyExt as _;
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use serde_json::Value;
use shared::audit::AuditRecord;
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::random::SystemRandom;
use shared::time::{Clock, UnixTime};
use shared::x509::{CaSetup, Chain, NodePrefix};
use tower::ServiceExt as _;

use broker::signing::Issuance;
use shared::log::Log;
use shared::store::MemoryStore;

use super::*;
use crate::instance::assemble::Origin;
use crate::instance::svid_uses::SvidUses;
use crate::outbound::KeyRefresher;
use crate::outbound::bundles::BundleRefresher;
use crate::serving::http::request_id::RequestIds;

const NOW: UnixTime = UnixTime::from_millis(1_795_258_320_789);
const ISSUER: &str = "https://login.example.com";

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        NOW
    }
}

/// One issuer, one applicant, everything in memory.
struct Fixture {
    edge: Arc<CertificateAuthority>,
    issuer_key: Arc<SigningKey>,
    applicant_key: SigningKey,
}

fn key(algorithm: SignatureAlgorithm) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm).expect("a key"))
}

impl Fixture {
    fn new() -> Self {
        let issuer_key = key(SignatureAlgorithm::RsaPkcs1Sha256);
        let keys = KeySet::from_public_keys(&[("k".to_owned(), JoseAlgorithm::Rs256, issuer_key.public_key().clone())]);
        let iss = IssuerUrl::parse(ISSUER).expect("an issuer");
        let keys = KeySource::Pinned(Arc::new(keys.expect("a key")));
        Self::with(IssuerSpec::new("corp", iss, Profile::Human, keys), issuer_key)
    }

    fn with(mut spec: IssuerSpec, issuer_key: Arc<SigningKey>) -> Self {
        spec.grants = vec![Grant::email_domain("example.com", false).expect("a domain")];
        let issuers = Issuers::build(vec![spec], vec![]).unwrap_or_else(|problems| panic!("{problems:?}"));
        let root_key = key(SignatureAlgorithm::EcdsaP384Sha384);
        let ca_key = key(SignatureAlgorithm::EcdsaP384Sha384);
        let setup =
            CaSetup { instance: "h-0.privyseal.internal", root_key: &*root_key, now: NOW, random: &SystemRandom };
        let root = setup.root().expect("root");
        let issuing = setup.issuing_ca(&root, ca_key.public_key()).expect("issuing CA");
        let chain = Chain::new(vec![issuing, root]).expect("a chain");
        let issuance = Issuance {
            authority: Authority::new(chain, ca_key).expect("an authority"),
            log_key: CertificateLogKey::new(key(SignatureAlgorithm::EcdsaP256Sha256)).expect("P-256"),
            profile: LeafProfile::parse(LeafProfile::DEFAULT_LIFETIME).expect("ten minutes"),
            node: NodePrefix::FIRST,
        };
        let clock: Arc<dyn Clock> = Arc::new(Stopped);
        let edge = CertificateAuthority {
            origin: Origin::parse("https://seal.example.com").expect("an origin"),
            issued_lately: Arc::default(),
            issuers: Arc::new(issuers),
            issuance: Arc::new(issuance),
            audit: Log::in_memory(),
            certificates: Log::in_memory(),
            keys: Arc::new(KeyRefresher::new(clock.clone())),
            bundles: Arc::new(BundleRefresher::for_explanations(clock.clone(), Arc::new(SystemRandom))),
            svid_uses: Arc::new(SvidUses::new(Arc::new(MemoryStore::default()))),
            clock,
            random: Arc::new(SystemRandom),
        };
        let applicant_key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
        Self { edge: Arc::new(edge), issuer_key, applicant_key }
    }

    fn token(&self, iss: &str) -> String {
        let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        let claims = json!({
            "iss": iss, "sub": "alice", "aud": "sigstore", "email": "alice@example.com", "email_verified": true,
            "iat": NOW.seconds() - 10, "exp": NOW.seconds() + 290,
        });
        let signed = format!("{}.{}", encode(br#"{"alg":"RS256","kid":"k"}"#), encode(claims.to_string().as_bytes()));
        let signature = self.issuer_key.sign(signed.as_bytes()).expect("signs");
        format!("{signed}.{}", encode(&signature))
    }

    fn pem(&self) -> String {
        self.applicant_key.public_key().to_pem()
    }

    fn proof(&self) -> Vec<u8> {
        self.applicant_key.sign(b"alice@example.com").expect("signs")
    }

    fn v2_body(&self) -> Value {
        json!({
            "credentials": { "oidcIdentityToken": self.token(ISSUER) },
            "publicKeyRequest": {
                "publicKey": { "algorithm": "ECDSA", "content": self.pem() },
                "proofOfPossession": STANDARD.encode(self.proof()),
            },
        })
    }

    async fn ask(&self, method: Method, path: &str, bearer: Option<&str>, body: impl Into<HttpBody>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("bEARER {token}"));
        }
        let request = request.header(header::ACCEPT, PEM_CHAIN).body(body.into()).expect("a request");
        let id = RequestIds::new(&SystemRandom).next();
        let service = routes(Current::fixed(self.edge.clone())).layer(Extension(id));
        let response = service.oneshot(request).await.expect("answers");
        let status = response.status().as_u16();
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        let kind = kind.map(|kind| kind.to_str().expect("text").to_owned()).unwrap_or_default();
        let body = response.into_body().collect().await.expect("arrives").to_bytes();
        Answer { status, kind, body: String::from_utf8(body.to_vec()).expect("text") }
    }

    async fn post_v2(&self, body: &Value) -> Answer {
        self.ask(Method::POST, "/api/v2/signingCert", None, body.to_string()).await
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    kind: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn chain(&self) -> Vec<String> {
        assert_eq!((self.status, &self.kind[..]), (200, "application/json"), "{self:?}");
        let chain = &self.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"];
        serde_json::from_value(chain.clone()).expect("three strings")
    }
}

/// webpki builds the path for code signing, now.
fn check_path(chain: &[String]) {
    let ders: Vec<CertificateDer<'static>> =
        chain.iter().map(|pem| pem::parse(pem).expect("PEM").into_contents().into()).collect();
    let anchor = webpki::anchor_from_trusted_cert(&ders[2]).expect("an anchor");
    let leaf = webpki::EndEntityCert::try_from(&ders[0]).expect("a leaf");
    let code_signing = webpki::KeyUsage::required(&[43, 6, 1, 5, 5, 7, 3, 3]);
    leaf.verify_for_usage(
        &[webpki::aws_lc_rs::ECDSA_P384_SHA384],
        &[anchor],
        &ders[1..2],
        PkiTime::since_unix_epoch(Duration::from_secs(NOW.seconds() + 1)),
        code_signing,
        None,
        None,
    )
    .expect("a path for code signing");
}

#[tokio::test]
async fn a_key_and_its_proof_become_a_chain_and_three_entries() {
    let fixture = Fixture::new();
    let chain = fixture.post_v2(&fixture.v2_body()).await.chain();
    assert_eq!(chain.len(), 3);
    for pem in &chain {
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && pem.ends_with("\n-----END CERTIFICATE-----"));
    }
    check_path(&chain);
    assert_eq!((fixture.edge.audit.size(), fixture.edge.certificates.size()), (2, 1));
    let entry = |index| fixture.edge.audit.leaf(index).expect("reads").expect("is there");
    let record = |index| serde_json::from_slice::<AuditRecord>(&entry(index)).expect("a record");
    let AuditRecord::CertificateIntent { serial: intended, subject, .. } = record(0) else { panic!("no intent") };
    let AuditRecord::CertificateIssued { serial: issued, certificate_sha256, log_index, .. } = record(1) else {
        panic!("not issued")
    };
    assert_eq!((subject.as_str(), intended), ("alice@example.com", issued));
    let leaf = pem::parse(&chain[0]).expect("PEM");
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf.contents());
    assert_eq!((certificate_sha256, log_index), (hex::encode(sha256), 0));
}

#[tokio::test]
async fn odd_clients_are_served() {
    let fixture = Fixture::new();
    let (token, pem, proof) = (fixture.token(ISSUER), fixture.pem(), fixture.proof());
    let one_line = pem.replace('\n', "").replace("KEY-----", "KEY-----\n").replace("-----END", "\n-----END");
    let csr = include_str!("../../../../tests/vectors/ca/requests/p256.pem");
    let key = |algorithm: Value, content: &str, proof: String| json!({ "publicKeyRequest": { "publicKey": { "algorithm": algorithm, "content": content }, "proofOfPossession": proof } });
    let in_header = [
        ("sigstore-go", key("ECDSA".into(), &pem, STANDARD.encode(&proof))),
        ("sigstore-go's RSA", key("RSA".into(), &pem, STANDARD.encode(&proof))),
        ("an enum as a number", key(2.into(), &pem, STANDARD.encode(&proof))),
        ("CRLF", key("".into(), &pem.replace('\n', "\r\n"), STANDARD.encode(&proof))),
        ("base64 on one line", key("ECDSA".into(), &one_line, STANDARD.encode(&proof))),
        ("URL-safe base64 without padding", key("ECDSA".into(), &pem, URL_SAFE_NO_PAD.encode(&proof))),
        ("sigstore-python", json!({ "certificateSigningRequest": STANDARD.encode(csr) })),
        ("null and unknown members", {
            let mut body = key(Value::Null, &pem, STANDARD.encode(&proof));
            body["credentials"] = Value::Null;
            body["certificateSigningRequest"] = Value::Null;
            body["somethingNew"] = json!([{ "a": 1 }]);
            body
        }),
    ];
    for (client, body) in in_header {
        let answer = fixture.ask(Method::POST, "/api/v2/signingCert", Some(&token), body.to_string()).await;
        assert_eq!(answer.status, 200, "{client}: {answer:?}");
        check_path(&answer.chain());
    }
    let snake_case = json!({
        "credentials": { "oidc_identity_token": token },
        "public_key_request": { "public_key": { "content": pem }, "proof_of_possession": STANDARD.encode(&proof) },
    });
    assert_eq!(fixture.post_v2(&snake_case).await.status, 200);

    // The token in the body comes first: a bad one is not rescued by a good one in the header.
    let mut bad = fixture.v2_body();
    bad["credentials"]["oidcIdentityToken"] = "a.b.c".into();
    assert_eq!(fixture.ask(Method::POST, "/api/v2/signingCert", Some(&token), bad.to_string()).await.status, 400);
}

#[tokio::test]
async fn the_first_version_answers_201_and_pem() {
    let fixture = Fixture::new();
    let der = fixture.applicant_key.public_key().spki_der().to_vec();
    for content in [der, fixture.pem().into_bytes()] {
        let body = json!({
            "publicKey": { "content": STANDARD.encode(content), "algorithm": "ecdsa" },
            "signedEmailAddress": STANDARD.encode(fixture.proof()),
        });
        let token = fixture.token(ISSUER);
        let answer = fixture.ask(Method::POST, "/api/v1/signingCert", Some(&token), body.to_string()).await;
        assert_eq!((answer.status, &answer.kind[..]), (201, PEM_CHAIN));
        let chain: Vec<String> = pem::parse_many(&answer.body).expect("PEM").iter().map(pem::encode).collect();
        check_path(&chain);
        let root = fixture.ask(Method::GET, "/api/v1/rootCert", None, "").await;
        assert_eq!((root.status, &root.kind[..]), (200, PEM_CHAIN));
        assert!(answer.body.ends_with(&root.body));
    }
}

#[tokio::test]
async fn errors_in_a_request_begin_with_the_words_that_clients_know() {
    let fixture = Fixture::new();
    let good = fixture.v2_body();
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("is there") = value;
        body.to_string()
    };
    let token = "There was an error processing the identity token";
    let unreadable = "The public key supplied in the request could not be parsed";
    let weak = include_str!("../../../../tests/vectors/ca/requests/refused-rsa1024.pem");
    let both = {
        let mut body = good.clone();
        body["certificateSigningRequest"] = STANDARD.encode(weak).into();
        body.to_string()
    };
    let csr = |text: &str| {
        json!({ "credentials": good["credentials"], "certificateSigningRequest": STANDARD.encode(text) }).to_string()
    };
    let twice = good.to_string().replacen('{', r#"{"publicKeyRequest":{},"#, 1);
    let alias_twice = good.to_string().replacen('{', r#"{"public_key_request":{},"#, 1);
    let hs256 = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256"}"#));
    let none = format!("{}.e30.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#));
    let table = [
        ("no body", String::new(), 400, "the document is not JSON", "JSON"),
        ("an array", "[]".into(), 400, "", "JSON"),
        ("a number for a token", with("/credentials/oidcIdentityToken", 1.into()), 400, "", "JSON"),
        ("not base64", with("/publicKeyRequest/proofOfPossession", "***".into()), 400, "", "JSON"),
        ("a member twice", twice, 400, "the member \"publicKeyRequest\" occurs twice", "JSON"),
        ("a member twice by two names", alias_twice, 400, "", "JSON"),
        ("too deep", "[".repeat(40) + &"]".repeat(40), 400, "", "JSON"),
        ("too large", " ".repeat(MAX_BODY + 1), 413, "the request body is larger than 65536 bytes", "BODY_SIZE"),
        ("no token", with("/credentials", json!({})), 400, token, "T1"),
        ("alg none", with("/credentials/oidcIdentityToken", none.into()), 400, token, "T1"),
        ("alg HS256", with("/credentials/oidcIdentityToken", hs256.into()), 400, token, "T1"),
        ("a large token", with("/credentials/oidcIdentityToken", "a".repeat(17_000).into()), 400, token, "T1"),
        (
            "another issuer",
            with("/credentials/oidcIdentityToken", fixture.token("https://x.example").into()),
            400,
            token,
            "I2",
        ),
        ("both", both, 400, unreadable, "R1"),
        ("neither", json!({ "credentials": good["credentials"] }).to_string(), 400, unreadable, "R1"),
        ("no key", with("/publicKeyRequest/publicKey", json!({})), 400, unreadable, "R1"),
        (
            "a certificate for a key",
            with("/publicKeyRequest/publicKey/content", fixture.edge.issuance.authority.chain_pem()[0].clone().into()),
            400,
            unreadable,
            "R1",
        ),
        ("a weak key", csr(weak), 400, "The public key supplied in the request is insecure", "R2"),
        (
            "the wrong digest",
            csr(include_str!("../../../../tests/vectors/ca/requests/refused-p384-sha256.pem")),
            400,
            "signing algorithm not permitted",
            "R3",
        ),
        ("no PEM", csr("nothing"), 400, "The certificate signing request could not be parsed", "R1"),
        (
            "a proof over something else",
            with(
                "/publicKeyRequest/proofOfPossession",
                STANDARD.encode(fixture.applicant_key.sign(b"bob").expect("signs")).into(),
            ),
            400,
            "The signature supplied in the request could not be verified",
            "R4",
        ),
    ];
    for (case, body, status, message, reason) in table {
        let answer = fixture.ask(Method::POST, "/api/v2/signingCert", None, body).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["code"]), (status, &json!(3)), "{case}: {answer:?}");
        assert!(json["message"].as_str().expect("text").starts_with(message), "{case}: {answer:?}");
        assert_eq!(json["details"][0]["reason"], reason, "{case}: {answer:?}");
        assert!(!json["details"][0]["metadata"]["request"].as_str().expect("text").is_empty(), "{case}");
    }
    assert_eq!((fixture.edge.audit.size(), fixture.edge.certificates.size()), (0, 0), "nothing is left behind");
}

#[tokio::test]
async fn a_stopped_log_stops_certificates_and_shows_only_the_request_id() {
    for stop in
        [|edge: &CertificateAuthority| edge.audit.close(), |edge: &CertificateAuthority| edge.certificates.close()]
    {
        let fixture = Fixture::new();
        stop(&fixture.edge);
        let answer = fixture.post_v2(&fixture.v2_body()).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["code"]), (503, &json!(14)), "{answer:?}");
        let request = json["details"][0]["metadata"]["request"].as_str().expect("text");
        assert_eq!(json["message"], format!("Error entering certificate in CTL (request {request})"));
    }
}

#[tokio::test]
async fn the_chain_and_the_issuers_are_published() {
    let fixture = Fixture::new();
    let bundle = fixture.ask(Method::GET, "/api/v2/trustBundle", None, "").await.json();
    let chain = bundle["chains"][0]["certificates"].as_array().expect("a list").clone();
    assert_eq!(chain.len(), 2);
    let configuration = fixture.ask(Method::GET, "/api/v2/configuration", None, "").await.json();
    assert_eq!(
        configuration["issuers"],
        json!([{
            "issuerUrl": ISSUER, "audience": "sigstore", "challengeClaim": "email", "spiffeTrustDomain": "",
            "issuerType": "email", "subjectDomain": "", "skipEmailVerification": false,
        }])
    );
}

/// An issuer on loopback, whose keys must be fetched first.
#[tokio::test]
async fn an_unknown_key_is_fetched_once_and_then_the_callers_fault() {
    // The program does this once when it starts; whichever test comes first does it here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let iss = format!("http://{}", listener.local_addr().expect("bound"));
    let issuer_key = key(SignatureAlgorithm::RsaPkcs1Sha256);
    let rsa = pkcs1_numbers(issuer_key.public_key().key_bits());
    let jwks = json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": rsa.0, "e": rsa.1 }] });
    let metadata = json!({ "issuer": iss, "jwks_uri": format!("{iss}/keys") });
    let fetched = Arc::new(AtomicUsize::new(0));
    let counter = fetched.clone();
    let upstream =
        Router::new().route("/.well-known/openid-configuration", get(move || async move { Json(metadata) })).route(
            "/keys",
            get(move || {
                counter.fetch_add(1, Ordering::SeqCst);
                async move { Json(jwks) }
            }),
        );
    let served = tokio::spawn(async move { axum::serve(listener, upstream).await });
    let spec = || {
        let mut spec = IssuerSpec::new(
            "dev",
            IssuerUrl::parse_or_loopback(&iss).expect("an issuer"),
            Profile::Human,
            KeySource::Discovery,
        );
        spec.reach = Reach { danger_loopback_http: true, internal: true, ca_pem: None };
        spec
    };
    let fixture = Fixture::with(spec(), issuer_key);
    let mut body = fixture.v2_body();
    body["credentials"]["oidcIdentityToken"] = fixture.token(&iss).into();
    check_path(&fixture.post_v2(&body).await.chain());
    check_path(&fixture.post_v2(&body).await.chain());
    assert_eq!(fetched.load(Ordering::SeqCst), 1);

    let (header, rest) = fixture
        .token(&iss)
        .split_once('.')
        .map(|(_, rest)| (br#"{"alg":"RS256","kid":"z"}"#, rest.to_owned()))
        .expect("a token");
    body["credentials"]["oidcIdentityToken"] = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header)).into();
    for _ in 0..3 {
        let answer = fixture.post_v2(&body).await;
        assert_eq!((answer.status, &answer.json()["details"][0]["reason"]), (400, &json!("T1")), "{answer:?}");
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 1, "not again so soon");

    served.abort();
    let _ = served.await;
    let stranded = Fixture::with(spec(), key(SignatureAlgorithm::RsaPkcs1Sha256));
    body["credentials"]["oidcIdentityToken"] = stranded.token(&iss).into();
    let answer = stranded.post_v2(&body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!(14)), "{answer:?}");
}

/// Modulus and exponent of a PKCS#1 `RSAPublicKey`, base64url as a JWK has them.
fn pkcs1_numbers(key: &[u8]) -> (String, String) {
    use der::{Decode as _, Reader as _};
    let mut reader = der::SliceReader::new(key).expect("short");
    let numbers = reader.sequence(|inner| {
        let modulus = der::asn1::UintRef::decode(inner)?;
        let exponent = der::asn1::UintRef::decode(inner)?;
        Ok::<_, der::Error>((URL_SAFE_NO_PAD.encode(modulus.as_bytes()), URL_SAFE_NO_PAD.encode(exponent.as_bytes())))
    });
    numbers.expect("two numbers")
}
