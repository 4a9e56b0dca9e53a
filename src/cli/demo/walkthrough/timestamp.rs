//! Requests timestamps, as `openssl ts` and curl do.

use der::asn1::ObjectIdentifier;
use privyseal_sigstore::verify::timestamps::trust;
use shared::digest::sha256;
use shared::random::Random;
use shared::trust_root::TrustedRoot;
use shared::x509::DerWriter;
use shared::x509::der_writer::tag;
use tsa::{Expected, TimestampRequest, verify_response};

use crate::cli::client::{Client, Reason};

const SHA256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// A query for the SHA-256 of `data`, with a nonce, that asks for the certificate (RFC 3161 §2.4.1).
pub(super) fn query(data: &[u8], random: &dyn Random) -> Vec<u8> {
    let mut query = DerWriter::default();
    query.nested(tag::SEQUENCE, |query| {
        query.unsigned(&[1]);
        query.nested(tag::SEQUENCE, |imprint| {
            imprint.nested(tag::SEQUENCE, |algorithm| {
                algorithm.oid(SHA256_OID);
                algorithm.value(tag::NULL, &[]);
            });
            imprint.value(tag::OCTET_STRING, &sha256(data));
        });
        query.unsigned(&random.bytes::<8>());
        query.value(tag::BOOLEAN, &[0xff]);
    });
    query.finish()
}

/// Posts a query and returns the DER response.
pub(super) async fn request(client: &Client, path: &str, query: &[u8]) -> Result<Vec<u8>, Reason> {
    let answer = client.post_bytes(path, "application/timestamp-query", query.to_vec()).await?.expect(200)?;
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Without parameters: osslsigncode, pyHanko and others compare the whole value.
    if content_type != "application/timestamp-reply" {
        return Err(format!("the answer's content type is {content_type:?}, not application/timestamp-reply"));
    }
    Ok(answer.body)
}

/// Verifies the response to `query` with the trusted root's timestamp authority; returns the time.
pub(super) fn verify_answer(query: &[u8], response: &[u8], root: &TrustedRoot) -> Result<String, Reason> {
    let request = TimestampRequest::parse(query).map_err(|refusal| format!("{refusal:?}"))?;
    let authority = root.timestamp_authorities.first().ok_or("the trusted root names no timestamp authority")?;
    let verified = verify_response(response, &Expected::answer_to(request), &trust(authority)?)
        .map_err(|error| error.to_string())?;
    verified.gen_time.rfc3339().map_err(|error| error.to_string())
}
