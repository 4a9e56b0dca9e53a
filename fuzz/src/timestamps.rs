//! RFC 3161: what a client sends, and what somebody's authority answered.

use std::sync::LazyLock;

use shared::x509::{Certificate, Chain};
use tsa::policy::PolicyOid;
use tsa::request::TimestampRequest;
use tsa::tst_info::TstInfo;
use tsa::verify::{Expected, TimestampTrust, verify_response, verify_token};

/// What the seeds' responses stamp.
const DATA: &[u8] = b"hello\n";
/// Who signed them.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::from_pem(include_str!("chain.pem")).expect("the seeds' chain"));
static TRUST: LazyLock<TimestampTrust> = LazyLock::new(|| TimestampTrust::unit(&CHAIN));
static ANY: LazyLock<TimestampTrust> = LazyLock::new(|| {
    TimestampTrust::roots(CHAIN.certificates().last().cloned().into_iter().collect::<Vec<Certificate>>(), Vec::new())
});
const RESPONSES: [&[u8]; 2] =
    [include_bytes!("../seeds/timestamp_token/with-certificate"), include_bytes!("../seeds/timestamp_token/bare")];

/// A request that is taken holds its parts as they came; a refusal is a DER answer.
pub fn request(bytes: &[u8]) {
    match TimestampRequest::parse(bytes) {
        Ok(request) => {
            let imprint = request.imprint();
            assert!(bytes.windows(imprint.der().len()).any(|part| part == imprint.der()));
            assert_eq!(imprint.digest().len(), imprint.algorithm().digest(b"").as_ref().len());
            if let Some(nonce) = request.nonce() {
                assert_eq!(nonce[0], 2, "an INTEGER");
                assert!(bytes.windows(nonce.len()).any(|part| part == nonce));
            }
        }
        Err(rejection) => {
            let response = rejection.to_response("fuzz");
            assert_eq!(response[0], 0x30);
            assert!(!rejection.is_ours(), "{rejection:?}");
            assert!(verify_response(&response, &Expected::data(DATA), &TRUST).is_err());
        }
    }
}

/// A JSON request becomes a DER request that the other reader takes, or refuses by a rule of its own.
pub fn request_json(bytes: &[u8]) {
    let Ok(der) = tsa::request::json::to_der(bytes) else { return };
    match TimestampRequest::parse(&der) {
        Ok(request) => assert!(request.imprint().digest().len() >= 20),
        Err(rejection) => assert!(!rejection.to_response("fuzz").is_empty()),
    }
}

/// Whatever verifies says the time that the authority of the seeds signed, over the data that it signed.
pub fn token(bytes: &[u8]) {
    static TIMES: LazyLock<Vec<shared::time::UnixTime>> = LazyLock::new(|| {
        let verify = |response: &&[u8]| verify_response(response, &Expected::data(DATA), &TRUST).expect("a seed");
        RESPONSES.iter().map(verify).map(|verified| verified.gen_time).collect()
    });
    for trust in [&*TRUST, &*ANY] {
        if let Ok(verified) = verify_response(bytes, &Expected::data(DATA), trust) {
            assert!(TIMES.contains(&verified.gen_time));
        }
        assert!(verify_response(bytes, &Expected::data(b"other"), trust).is_err());
        let _ = verify_token(bytes, &Expected::data(DATA), trust);
    }
}

/// An inspection of an untrusted file can be printed, and what verifies can be inspected.
pub fn inspection(bytes: &[u8]) {
    let inspection = tsa::Inspection::parse(bytes);
    if let Ok(seen) = &inspection {
        assert!(!format!("{seen:?}").chars().any(char::is_control));
    }
    if verify_response(bytes, &Expected::data(DATA), &ANY).is_ok() {
        assert!(inspection.is_ok_and(|seen| seen.token.is_some()));
    }
}

/// What is read of a TSTInfo lies in it.
pub fn tst_info(bytes: &[u8]) {
    let Ok(info) = TstInfo::parse(bytes) else { return };
    for part in [Some(info.serial), info.nonce, info.tsa].into_iter().flatten().filter(|part| !part.is_empty()) {
        assert!(bytes.windows(part.len()).any(|window| window == part));
    }
}

/// A policy's dotted form says its DER, and the other way round.
pub fn policy(bytes: &[u8]) {
    if let Some(policy) = crate::text(bytes).and_then(|text| PolicyOid::parse(text).ok()) {
        assert_eq!(policy.to_string().as_bytes(), bytes);
        // At most 288 octets of contents: a header of two to four.
        let header = if policy.der()[1] < 0x80 { 2 } else { 2 + usize::from(policy.der()[1] & 0x7f) };
        assert_eq!(PolicyOid::from_contents(&policy.der()[header..]).as_ref(), Some(&policy));
    }
    if let Some(policy) = PolicyOid::from_contents(bytes) {
        assert!(policy.der().ends_with(bytes));
        assert_eq!(PolicyOid::parse(&policy.to_string()).as_ref(), Ok(&policy));
    }
}
