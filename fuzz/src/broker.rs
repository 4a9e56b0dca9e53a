//! The contents of a certificate request: a token, the key of who issued it, a key with a proof; and the names in all
//! of it.

use std::sync::{Arc, LazyLock};

use broker::ca::armor;
use broker::ca::proof::Submission;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::{Audience, DomainName, EmailAddress, HttpsUrl, IssuerUrl, PublicSuffixes, TrustDomain, UriName};
use broker::profile::Profile;
use broker::registry::{Issuers, Registry};
use broker::token::{TokenVerification, UnverifiedToken};
use broker::trust_domain::{Bundle, BundleSource, CurrentBundle, TrustDomainSpec};
use shared::time::UnixTime;

/// The only text that the issuer of the seeds has signed.
const SIGNED: &[u8] = include_bytes!("../seeds/identity_token/signed");
const JWKS: &[u8] = include_bytes!("../seeds/jwks/p256");
const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

pub(crate) static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let iss = IssuerUrl::parse("https://issuer.example").expect("an issuer");
    let keys = KeySource::Pinned(Arc::new(KeySet::from_jwks(JWKS).expect("the seeds' keys")));
    Issuers::build(vec![IssuerSpec::new("example", iss, Profile::Human, keys)], Vec::new()).expect("a record")
});

/// A trust domain of real SPIRE's, when its SVIDs among the seeds were in force. It may assert nothing.
pub(crate) static TRUSTING: LazyLock<Issuers> = LazyLock::new(|| {
    let name = TrustDomain::parse("alpha.test").expect("a trust domain");
    let trust_domains = vec![TrustDomainSpec::new(name, BundleSource::WorkloadApi)];
    let registry = Registry { trust_domains, ..Registry::default() };
    let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("a record");
    let bundle = Bundle::parse(include_bytes!("../../tests/vectors/spire/alpha-bundle-1.json")).expect("a bundle");
    let record = issuers.trust_domains().find("alpha.test").expect("is there");
    record.replace(CurrentBundle::new(Arc::new(bundle), TRUSTING_AT));
    issuers
});
pub(crate) const TRUSTING_AT: UnixTime = UnixTime::from_seconds(1_795_256_980);

/// A token names its issuer; of all texts only the one that was signed verifies, whatever is done to its signature.
pub fn identity_token(bytes: &[u8]) {
    let Ok(token) = UnverifiedToken::parse(bytes) else { return };
    assert!(bytes.len() <= 16 * 1024);
    let Ok(issuer) = ISSUERS.find(&token) else { return };
    if let Ok(TokenVerification::Verified(token)) = token.verify(issuer, NOW) {
        let signed = |token: &[u8]| token.iter().rposition(|byte| *byte == b'.').map(|end| token[..end].to_vec());
        assert_eq!(signed(bytes), signed(SIGNED));
        assert_eq!(token.subject(), "alice");
    }
}

/// Keys of an issuer: never more than the cap, and each that is not used is reported.
pub fn jwks(bytes: &[u8]) {
    let Ok(keys) = KeySet::from_jwks(bytes) else { return };
    assert!(bytes.len() <= 1 << 20);
    assert_eq!(keys.is_empty(), keys.len() == 0);
}

/// A key with its proof, in both ways; the proof's length stands in the first two bytes. A proof over one name is none
/// over another.
pub fn key_submission(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let at = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (proof, content) = rest.split_at(at);
    let key = Submission::parse(Some((content.to_vec(), proof.to_vec())), None).expect("one way");
    if key.verify("alice@example.com").is_ok() {
        assert!(key.verify("mallory@example.com").is_err());
    }
    let request = Submission::parse(None, Some(content.to_vec())).expect("one way");
    if let Ok(proven) = request.verify("") {
        assert!(!proven.key().spki_der().is_empty());
    }
}

/// A PEM block of a known label, and nothing else.
pub fn pem_armor(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let labels = ["PUBLIC KEY", "RSA PUBLIC KEY"];
    if let Ok((label, contents)) = armor::open(text, &labels) {
        assert!(labels.contains(&label));
        assert_eq!(text.matches("-----BEGIN ").count(), 1);
        assert!(contents.len() <= text.len());
    }
}

/// A name that is accepted is spelled in one way: it reads back as itself, byte for byte, and so do its parts.
pub fn names(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Ok(name) = DomainName::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(text.is_ascii() && text.len() <= 253 && !text.bytes().any(|byte| byte.is_ascii_uppercase()));
        let _ = name.to_unicode();
    }
    if let Ok(address) = EmailAddress::parse(text) {
        assert!(address.as_str().eq_ignore_ascii_case(text));
        assert_eq!(EmailAddress::parse(address.as_str()).as_ref(), Ok(&address));
        assert!(address.as_str().ends_with(&format!("@{}", address.domain())));
    }
    if let Ok(uri) = UriName::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert_eq!(format!("{}{}", uri.authority(), uri.path()), text);
        assert!(uri.authority().starts_with(&format!("{}://{}", uri.scheme(), uri.host())));
        assert_eq!(uri.domain().as_str(), uri.host());
        assert!(
            !text.contains(['?', '#', '%', '\\']) && !uri.path().split('/').any(|part| part == "." || part == "..")
        );
    }
    if let Ok(url) = HttpsUrl::parse(text) {
        assert_eq!(url.as_str(), text);
        assert!(text.starts_with("https://") && !url.is_plain_http());
        assert!(text["https://".len()..].starts_with(url.host()));
        assert!(HttpsUrl::parse_or_loopback(text).is_ok());
    }
    if let Ok(url) = HttpsUrl::parse_or_loopback(text) {
        assert!(!url.is_plain_http() || url.is_loopback());
    }
    if let Ok(issuer) = IssuerUrl::parse(text) {
        assert_eq!(issuer.as_str(), text);
        assert_eq!(issuer.discovery_url(), format!("{}/.well-known/openid-configuration", text.trim_end_matches('/')));
    }
    if let Ok(audience) = Audience::parse(text) {
        assert_eq!(audience.as_str(), text);
    }
}
