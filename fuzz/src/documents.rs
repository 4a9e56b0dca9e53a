//! JSON, strictly, and the trust documents that are written in it.

use shared::strict_json::{self, Json, JsonError};
use shared::time::UnixTime;
use shared::trust_root::encoding::parse_rfc3339;
use shared::trust_root::tuf::reader::TrustedKeys;
use shared::trust_root::{ClientTrustConfig, SigningConfig, TrustedRoot};

const LIMIT: usize = 1 << 16;
const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

/// What is read is what another reader reads; what is refused for its grammar, the other refuses too.
pub fn strict_json(bytes: &[u8]) {
    let ours = strict_json::parse(bytes, LIMIT);
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
    match ours {
        // serde_json cannot hold numbers beyond a double.
        Ok(json) => {
            if let Ok(theirs) = theirs {
                assert!(is_same(&json, &theirs), "{json:?} is not {theirs:?}");
            } else {
                assert!(has_large_number(&json), "{theirs:?}");
            }
        }
        Err(JsonError::Encoding { .. } | JsonError::Syntax { .. }) => assert!(theirs.is_err()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn is_same(ours: &Json, theirs: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Bool(b)) => a == b,
        (Json::Number(a), Value::Number(b)) => is_close(a.parse().ok(), b.as_f64()),
        (Json::String(a), Value::String(b)) => a == b,
        (Json::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Json::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => false,
    }
}

/// serde_json does not round to the nearest double.
fn is_close(ours: Option<f64>, theirs: Option<f64>) -> bool {
    ours.zip(theirs).is_some_and(|(a, b)| a == b || ((a - b) / a).abs() < 1e-12 || a.abs() < 1e-300)
}

fn has_large_number(json: &Json) -> bool {
    match json {
        Json::Number(text) => text.parse::<f64>().is_ok_and(f64::is_infinite),
        Json::Array(elements) => elements.iter().any(has_large_number),
        Json::Object(members) => members.values().any(has_large_number),
        _ => false,
    }
}

/// The documents that verifiers and signers read: what parses is written and read again the same.
pub fn trust_documents(bytes: &[u8]) {
    if let Ok(root) = TrustedRoot::parse(bytes) {
        let written = serde_json::to_vec(&root).expect("writes");
        let again = TrustedRoot::parse(&written).expect("reads what it wrote");
        assert_eq!(serde_json::to_value(&again).expect("a value"), serde_json::to_value(&root).expect("a value"));
        let _ = root.certificate_authorities.iter().flat_map(|authority| authority.cert_chain.der()).count();
    }
    let _ = serde_json::from_slice::<SigningConfig>(bytes);
    let _ = serde_json::from_slice::<ClientTrustConfig>(bytes);
}

/// Times in them: what parses is at most a day away from its own first 19 characters.
pub fn rfc3339(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Some(time) = parse_rfc3339(text) else { return };
    assert!(text.len() >= 20);
    if text.ends_with('Z') {
        assert_eq!(time.rfc3339().expect("a year that fits")[..19], text[..19]);
    }
}

/// Metadata of a repository, as a client walks it. Files are parted by a zero byte: root, newer root, timestamp,
/// snapshot, targets. Nothing that is not signed is followed.
pub fn tuf_metadata(bytes: &[u8]) {
    let mut files = bytes.split(|byte| *byte == 0);
    let mut next = || files.next().unwrap_or_default();
    let Ok(keys) = TrustedKeys::pin(next()) else { return };
    assert!(keys.next_root_name().ends_with(".root.json"));
    let newer = next();
    let keys = if newer.is_empty() { Ok(keys) } else { keys.follow(newer) };
    let Ok(timestamp) = keys.and_then(|keys| keys.timestamp(next(), NOW)) else { return };
    let Ok(snapshot) = timestamp.snapshot(next(), NOW) else { return };
    let Ok(targets) = snapshot.targets(next(), NOW) else { return };
    let _ = targets.path("trusted_root.json");
}
