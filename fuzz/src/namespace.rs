//! Two records and a token: whatever the records hold and whatever the token says, a name that is permitted is covered
//! by a grant that one can point at, belongs to one record alone, and is not gained by taking a grant away.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::grants::{Condition, Deny, Grant, Pin, PinValue, Scope};
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::{DomainName, IssuerUrl, Name, Pattern};
use broker::namespace::vectors;
use broker::profile::{ClaimPath, Profile};
use broker::registry::Issuers;
use broker::token::{TokenVerification, UnverifiedToken};
use shared::time::UnixTime;

const NOW: u64 = 1_795_258_320;
const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];
/// More grants and conditions than this show nothing new.
const MAX_LINES: usize = 16;

static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));

static KEYS: LazyLock<Arc<KeySet>> = LazyLock::new(|| {
    let (x, y) = KEY.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwks = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"k"}}]}}"#);
    Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("a key set"))
});

/// Three parts with an empty line between them: the lines of one record, those of another, and the members of the
/// claims.
pub fn record_token(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let mut parts = text.splitn(3, "\n\n");
    let (Some(first), Some(second), Some(claims)) = (parts.next(), parts.next(), parts.next()) else { return };
    let specs = [spec(0, first), spec(1, second)];
    let Ok(issuers) = Issuers::build(specs.to_vec(), Vec::new()) else { return };
    let names = [0, 1].map(|at| permitted(&issuers, at, claims));
    if let [Some(one), Some(other)] = &names {
        assert_ne!(one, other, "two records own it");
    }
    for (at, name) in names.iter().enumerate() {
        if let Some(name) = name {
            let grants = &specs[at].grants;
            assert!(grants.iter().any(|grant| covers(grant.scope(), name)), "{name} {grants:?}");
        }
        let mut fewer = specs.clone();
        if fewer[at].grants.pop().is_some() {
            let fewer = Issuers::build(fewer.to_vec(), Vec::new()).expect("less fits as well");
            let left = permitted(&fewer, at, claims);
            assert!(left.is_none() || left == *name, "{left:?} {name:?}");
        }
    }
}

/// A line of a file of cases: it has a verdict or it is no case, and what is accepted once is accepted again.
pub fn rule_case(bytes: &[u8]) {
    let Some((kind, case)) = crate::text(bytes).and_then(|text| text.split_once('\t')) else { return };
    assert_eq!(vectors::try_case(kind, case), vectors::try_case(kind, case));
}

fn spec(at: usize, lines: &str) -> IssuerSpec {
    let iss = IssuerUrl::parse(ISSUERS[at]).expect("an issuer");
    let keys = KeySource::Pinned(Arc::clone(&KEYS));
    let mut spec = IssuerSpec::new(["a", "b"][at], iss, Profile::Human, keys);
    for line in lines.lines().take(MAX_LINES) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "uri" => spec.profile = Profile::Uri,
            "spiffe" => spec.profile = Profile::Spiffe,
            "username" => {
                let domain = DomainName::parse(rest).ok();
                spec.profile = domain.map_or(Profile::Human, Profile::Username);
            }
            "deny" => spec.deny = Deny::parse(rest).ok().map(Arc::new).or(spec.deny),
            "pin" => spec.pins.extend(pair(rest).map(|(path, value)| {
                Pin::one_of(path, vec![PinValue::String(value.to_owned()), PinValue::Number(value.to_owned())])
            })),
            "match" => spec.conditions.extend(
                pair(rest).and_then(|(path, pattern)| Some(Condition::new(path, vec![Pattern::parse(pattern).ok()?]))),
            ),
            _ => spec.grants.extend(grant(word, rest)),
        }
    }
    spec
}

fn pair(text: &str) -> Option<(Vec<String>, &str)> {
    let (claim, value) = text.split_once(' ')?;
    Some((ClaimPath::parse(claim)?.steps().to_vec(), value))
}

fn grant(kind: &str, text: &str) -> Option<Grant> {
    let grant = match kind {
        "address" => Grant::email_address(text),
        "domain" => Grant::email_domain(text, false),
        "domains" => Grant::email_domain(text, true),
        "ids" => Grant::spiffe(text),
        "prefix" => Grant::uri_prefix(text),
        "users" => Grant::usernames(text),
        _ => return None,
    };
    grant.ok()
}

/// What the record may call the bearer of these claims.
fn permitted(issuers: &Issuers, at: usize, members: &str) -> Option<Name> {
    let claims = format!(r#"{{"iss":"{}","aud":"sigstore","exp":{},{members}}}"#, ISSUERS[at], NOW + 60);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"k"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    // What cannot be read need not be signed.
    UnverifiedToken::parse(format!("{input}.").as_bytes()).ok()?;
    let signature = KEY.sign(&SystemRandom::new(), input.as_bytes()).expect("signs");
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    let token = UnverifiedToken::parse(token.as_bytes()).ok()?;
    let record = issuers.find(&token).ok()?;
    let Ok(TokenVerification::Verified(token)) = token.verify(record, UnixTime::from_seconds(NOW)) else { return None };
    issuers.rules().permit(*token).ok().map(|permit| permit.claimed().name.clone())
}

/// What a grant means, read as plainly as possible.
fn covers(scope: &Scope, name: &Name) -> bool {
    match (scope, name) {
        (Scope::EmailAddress(granted), Name::Email(address)) => granted == address,
        (Scope::EmailDomain { domain, subdomains }, Name::Email(address)) => {
            let found = address.domain().as_str();
            found == domain.as_str() || *subdomains && found.ends_with(&format!(".{domain}"))
        }
        (Scope::Spiffe(prefix), Name::SpiffeId(id)) => is_at_or_below(&prefix.to_string(), id.as_str()),
        (Scope::UriPrefix(prefix), Name::Uri(uri)) => is_at_or_below(prefix.as_str(), uri.as_str()),
        (Scope::Usernames(domain), Name::Username(name)) => name.as_str().ends_with(&format!("!{domain}")),
        _ => false,
    }
}

fn is_at_or_below(prefix: &str, name: &str) -> bool {
    let below = if prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
    name == prefix || name.starts_with(&below)
}
