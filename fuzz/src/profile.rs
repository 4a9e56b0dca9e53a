//! What a registered issuer signs is still outside bytes: any claims, read by every profile.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::{DomainName, IssuerUrl};
use broker::profile::{BaseUrl, CiProfile, KubernetesProfile, Profile};
use broker::registry::Issuers;
use broker::token::{TokenVerification, UnverifiedToken, VerifiedToken};
use shared::time::UnixTime;

const NOW: u64 = 1_795_258_320;
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));

static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let (x, y) = KEY.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwks = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"k"}}]}}"#);
    let keys = KeySource::Pinned(Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("a key set")));
    let iss = IssuerUrl::parse("https://issuer.example").expect("an issuer");
    Issuers::build(vec![IssuerSpec::new("example", iss, Profile::Uri, keys)], Vec::new()).expect("a record")
});

/// Each profile with what none of its names can begin without.
static PROFILES: LazyLock<Vec<(Profile, String)>> = LazyLock::new(|| {
    let base = BaseUrl::parse("https://base.example/a").expect("an address");
    let own = CiProfile::parse("https://own.example/{project_path}/{+ref}", [("build-trigger", "{event_name?}")]);
    let cluster = KubernetesProfile::parse(&base, "prod", &[], &[]).expect("a cluster");
    let below_base = || "https://base.example/a/".to_owned();
    vec![
        (Profile::Aws, "https://sts.amazonaws.com/".into()),
        (
            Profile::azure(&format!("https://sts.windows.net/{TENANT}/")).expect("a tenant"),
            format!("https://login.microsoftonline.com/{TENANT}/"),
        ),
        (Profile::buddy(&base), below_base()),
        (Profile::buildkite(), "https://buildkite.com/".into()),
        (Profile::circleci(), "https://circleci.com/api/v2/projects/".into()),
        (Profile::codefresh(&base), below_base()),
        (Profile::github(&base), below_base()),
        (Profile::gitlab(&base), below_base()),
        (Profile::Kubernetes(cluster.into()), "https://base.example/a/prod/ns/".into()),
        (Profile::Ci(own.expect("a table").into()), "https://own.example/".into()),
        (Profile::Gcp, String::new()),
        (Profile::Human, String::new()),
        (Profile::Spiffe, "spiffe://".into()),
        (Profile::Uri, String::new()),
        (Profile::Username(DomainName::parse("example.com").expect("a domain")), String::new()),
    ]
});

/// Whatever the claims are, a name keeps what its profile fixes, and extensions are in order and hold plain text.
pub fn claims(bytes: &[u8]) {
    let Some(token) = signed(bytes) else { return };
    for (profile, fixed) in PROFILES.iter() {
        let Ok(claimed) = profile.claim(token.subject(), token.claims()) else { continue };
        let name = claimed.name.as_str();
        assert!(name.starts_with(fixed.as_str()) && name.len() > fixed.len() && name.len() <= 2048, "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
        assert!(!name.contains("/../") && !name.ends_with("/..") && !name.contains(['?', '#', '%']), "{name}");
        assert!(!claimed.proof_name.is_empty());
        assert!(claimed.extensions.is_sorted_by(|(one, _), (next, _)| one < next));
        for (arc, text) in &claimed.extensions {
            assert!((2..=23).contains(arc) && ![7, 8].contains(arc), "{arc}");
            assert!(!text.is_empty() && text.len() <= 2048 && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}

/// The object in `bytes`, with what every token has, signed.
fn signed(bytes: &[u8]) -> Option<VerifiedToken> {
    let text = std::str::from_utf8(bytes).ok()?.trim().strip_prefix('{')?;
    let comma = if text.trim() == "}" { "" } else { "," };
    let claims = format!(r#"{{"iss":"https://issuer.example","aud":"sigstore","exp":{}{comma}{text}"#, NOW + 60);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"k"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    // What cannot be read need not be signed.
    UnverifiedToken::parse(format!("{input}.").as_bytes()).ok()?;
    let signature = KEY.sign(&SystemRandom::new(), input.as_bytes()).expect("signs");
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    let token = UnverifiedToken::parse(token.as_bytes()).expect("was read before");
    let record = ISSUERS.find(&token).expect("a registered issuer");
    match token.verify(record, UnixTime::from_seconds(NOW)) {
        Ok(TokenVerification::Verified(token)) => Some(*token),
        _ => None,
    }
}
