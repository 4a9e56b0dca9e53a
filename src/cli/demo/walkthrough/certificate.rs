//! Requests a certificate as cosign does: public key, proof of possession, token in the header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::keys::{Signer as _, SigningKey};
use shared::x509::Certificate;

use crate::cli::client::login::IdToken;
use crate::cli::client::{Client, Reason};

/// The certificate that the instance issued.
pub(super) struct DemoCertificate {
    /// DER.
    pub(super) der: Vec<u8>,
    /// Length and start of the validity, as text.
    pub(super) validity: String,
}

/// `POST /api/v2/signingCert`.
pub(super) async fn request(client: &Client, token: &IdToken, key: &SigningKey) -> Result<DemoCertificate, Reason> {
    // Proves possession of the key: a signature over the name in the token.
    let proof = key.sign(token.subject.as_bytes()).map_err(|error| error.to_string())?;
    let request = json!({ "publicKeyRequest": {
        "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
        "proofOfPossession": STANDARD.encode(proof),
    } });
    let answer = client.post_json("/api/v2/signingCert", &request, Some(&token.text)).await?.expect(200)?.json()?;
    // With an embedded SCT, or without any where there is no certificate log.
    let chain = ["signedCertificateEmbeddedSct", "signedCertificateDetachedSct"]
        .iter()
        .find_map(|kind| answer.get(kind)?.get("chain")?.get("certificates")?.as_array());
    let first = chain.and_then(|chain| chain.first()).and_then(Value::as_str).ok_or("the answer has no certificate")?;
    let pem = pem::parse(first).map_err(|error| format!("the certificate is not PEM: {error}"))?;
    let certificate = Certificate::from_der(pem.contents()).map_err(|error| error.to_string())?;
    if certificate.public_key() != key.public_key() {
        return Err("the certificate is for another key".to_owned());
    }
    let minutes = certificate.not_after().since(certificate.not_before()).as_secs() / 60;
    let start = certificate.not_before().rfc3339().unwrap_or_default();
    Ok(DemoCertificate { der: certificate.der().to_vec(), validity: format!("{minutes} minutes from {start}") })
}
