//! Bad input at the edge of the built binary: each case gets the protocol's own error, naming its rule, and leaves
//! nothing behind in any log. The request that each case spoils is accepted first, so no case passes for another
//! reason.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test may do what the pure core may not")]

mod instance;
mod requests;

use instance::{Instance, Reply};
use requests::{Issuer, certificate_request};
use serde_json::json;

/// What a case sends, and what must come back.
struct Case {
    name: &'static str,
    raw: Vec<u8>,
    status: u16,
    says: &'static str,
}

fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut raw = format!(
        "POST {path} HTTP/1.1\r\nHost: seal\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    raw.extend_from_slice(body);
    raw
}

fn signing_cert(body: &serde_json::Value) -> Vec<u8> {
    post("/api/v2/signingCert", "application/json", body.to_string().as_bytes())
}

fn run(instance: &Instance, cases: Vec<Case>) {
    let before = instance.kept();
    for case in cases {
        let Reply { status, body } = instance.send(&case.raw);
        assert_eq!(status, case.status, "{}: {body}", case.name);
        assert!(body.contains(case.says), "{}: \"{}\" is not in: {body}", case.name, case.says);
    }
    assert_eq!(instance.kept(), before, "a refused request left something in a log");
}

#[test]
fn certificate_requests() {
    let issuer = Issuer::new();
    let instance = Instance::start(&issuer);
    let good = certificate_request(&issuer.token(json!({})));
    assert_eq!(instance.send(&signing_cert(&good)).status, 200);
    let token = |claims| signing_cert(&certificate_request(&issuer.token(claims)));
    let raw_token = |token: &str| signing_cert(&certificate_request(token));
    let with = |pointer: &str, value: serde_json::Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        signing_cert(&body)
    };
    let both = {
        let mut body = good.clone();
        body["certificateSigningRequest"] = json!("LS0t");
        signing_cert(&body)
    };
    let duplicate = good.to_string().replacen('{', "{\"credentials\":{\"oidcIdentityToken\":\"x\"},", 1);
    let now = Issuer::now();
    run(
        &instance,
        vec![
            Case {
                name: "expired",
                raw: token(json!({ "exp": now - 3600, "iat": now - 4000 })),
                status: 400,
                says: "T4",
            },
            Case { name: "not yet valid", raw: token(json!({ "nbf": now + 3600 })), status: 400, says: "T4" },
            Case { name: "lives too long", raw: token(json!({ "exp": now + 1_000_000 })), status: 400, says: "T4" },
            Case { name: "wrong audience", raw: token(json!({ "aud": "somebody-else" })), status: 400, says: "T3" },
            Case { name: "two audiences", raw: token(json!({ "aud": ["sigstore", "x"] })), status: 400, says: "T3" },
            Case {
                name: "wrong issuer",
                raw: token(json!({ "iss": "https://evil.example.net" })),
                status: 400,
                says: "I2",
            },
            Case {
                name: "issuer with a slash",
                raw: token(json!({ "iss": "https://build.example.net/" })),
                status: 400,
                says: "I2",
            },
            Case {
                name: "no grant",
                raw: token(json!({ "sub": "https://build.example.net/other" })),
                status: 400,
                says: "V4",
            },
            Case {
                name: "parent of the grant",
                raw: token(json!({ "sub": "https://build.example.net/pipelines-evil/1" })),
                status: 400,
                says: "V4",
            },
            Case {
                name: "dots in the name",
                raw: token(json!({ "sub": "https://build.example.net/pipelines/../x" })),
                status: 400,
                says: "P3",
            },
            Case {
                name: "another host",
                raw: token(json!({ "sub": "https://evil.example.net/pipelines/1" })),
                status: 400,
                says: "V2",
            },
            Case { name: "alg none", raw: raw_token(&issuer.unsigned()), status: 400, says: "T1" },
            Case { name: "HS256 by the public key", raw: raw_token(&issuer.hs256()), status: 400, says: "T1" },
            Case { name: "signed by another key", raw: raw_token(&issuer.forged()), status: 400, says: "token" },
            Case { name: "no token", raw: raw_token(""), status: 400, says: "T1" },
            Case { name: "token of one part", raw: raw_token("abc"), status: 400, says: "T1" },
            Case { name: "token over 16 KiB", raw: raw_token(&"a.".repeat(9_000)), status: 400, says: "T1" },
            Case { name: "duplicate claim", raw: raw_token(&issuer.duplicate_claim()), status: 400, says: "T1" },
            Case { name: "key and CSR", raw: both, status: 400, says: "R1" },
            Case {
                name: "neither",
                raw: signing_cert(&json!({ "credentials": good["credentials"] })),
                status: 400,
                says: "R1",
            },
            Case {
                name: "proof over other bytes",
                raw: with("/publicKeyRequest/proofOfPossession", json!(requests::proof_of(b"somebody else"))),
                status: 400,
                says: "could not be verified",
            },
            Case {
                name: "malformed DER",
                raw: with(
                    "/publicKeyRequest/publicKey/content",
                    json!("-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----\n"),
                ),
                status: 400,
                says: "could not be parsed",
            },
            Case {
                name: "RSA 1024",
                raw: with(
                    "/publicKeyRequest/publicKey/content",
                    json!(include_str!("../vectors/keys/rsa-1024.pub.pem")),
                ),
                status: 400,
                says: "insecure",
            },
            Case {
                name: "malformed CSR",
                raw: signing_cert(&json!({ "credentials": good["credentials"], "certificateSigningRequest": "AAAA" })),
                status: 400,
                says: "could not be parsed",
            },
            Case {
                name: "duplicate member",
                raw: post("/api/v2/signingCert", "application/json", duplicate.as_bytes()),
                status: 400,
                says: "credentials",
            },
            Case {
                name: "not JSON",
                raw: post("/api/v2/signingCert", "application/json", b"\x30\x03"),
                status: 400,
                says: "\"code\":3",
            },
            Case {
                name: "truncated JSON",
                raw: post("/api/v2/signingCert", "application/json", &good.to_string().as_bytes()[..200]),
                status: 400,
                says: "\"code\":3",
            },
            Case {
                name: "oversized",
                raw: post("/api/v2/signingCert", "application/json", &[b' '; 100_000]),
                status: 413,
                says: "65536",
            },
            Case {
                name: "wrong method",
                raw: b"GET /api/v2/signingCert HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n".to_vec(),
                status: 405,
                says: "\"code\":12",
            },
            Case {
                name: "unknown path",
                raw: b"GET /api/v2/nothing HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n".to_vec(),
                status: 404,
                says: "\"code\":5",
            },
        ],
    );
}

#[test]
fn timestamp_requests() {
    let instance = Instance::start(&Issuer::new());
    let good = requests::timestamp_query();
    assert_eq!(instance.send(&post("/tsa", "application/timestamp-query", &good)).status, 200);
    let rejected = |name, raw, says| Case { name, raw, status: 200, says };
    let query = |body: &[u8]| post("/tsa", "application/timestamp-query", body);
    let mut version = good.clone();
    version[4] = 2;
    let mut trailing = good.clone();
    trailing.push(0);
    run(
        &instance,
        vec![
            rejected("truncated", query(&good[..good.len() - 1]), "RFC 3161"),
            rejected("trailing byte", query(&trailing), "RFC 3161"),
            rejected("version 2", query(&version), "version"),
            rejected("empty", query(b""), "RFC 3161"),
            Case {
                name: "Sigstore's door",
                raw: post("/api/v1/timestamp", "application/timestamp-query", &trailing),
                status: 400,
                says: "RFC 3161",
            },
            Case { name: "wrong type", raw: post("/tsa", "text/plain", &good), status: 415, says: "timestamp-query" },
            Case {
                name: "oversized",
                raw: post("/tsa", "application/timestamp-query", &[0x30; 5_000]),
                status: 200,
                says: "4096",
            },
            Case {
                name: "wrong method",
                raw: b"GET /tsa HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n".to_vec(),
                status: 405,
                says: "",
            },
        ],
    );
}

#[test]
fn log_entries() {
    let instance = Instance::start(&Issuer::new());
    let entry = |body: &str| post("/api/v2/log/entries", "application/json", body.as_bytes());
    run(
        &instance,
        vec![
            Case { name: "empty object", raw: entry("{}"), status: 400, says: "\"code\":3" },
            Case { name: "not JSON", raw: entry("nonsense"), status: 400, says: "\"code\":3" },
            Case {
                name: "duplicate member",
                raw: entry("{\"hashedRekordRequestV002\":{},\"hashedRekordRequestV002\":{}}"),
                status: 400,
                says: "hashedRekordRequestV002",
            },
            Case {
                name: "wrong method",
                raw: b"GET /api/v2/log/entries HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n".to_vec(),
                status: 405,
                says: "\"code\":12",
            },
            Case {
                name: "a tile that cannot be",
                raw: b"GET /api/v2/tile/0/x999 HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n".to_vec(),
                status: 404,
                says: "",
            },
        ],
    );
}

#[test]
fn ten_thousand_headers() {
    let instance = Instance::start(&Issuer::new());
    let mut raw = b"GET /healthz HTTP/1.1\r\nHost: s\r\n".to_vec();
    (0..10_000).for_each(|number| raw.extend_from_slice(format!("x-{number}: y\r\n").as_bytes()));
    raw.extend_from_slice(b"\r\n");
    let reply = instance.send(&raw);
    assert_eq!(reply.status, 431, "{}", reply.body);
    assert_eq!(instance.send(b"GET /healthz HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n").status, 200);
}
