//! Verifies a timestamp of any TSA, and says what it proves.
//!
//! Strict on purpose: the token must be DER to the last byte, have one signer, name its certificate by issuer and
//! serial number and by hash (RFC 5816), and every check looks at that one certificate and no other (CVE-2026-39984
//! came from asking another).
//!
//! Does not: look at revocation, which needs the network; accept SHA-1 anywhere; accept `grantedWithMods`.

mod error;
mod path;
mod response;
pub(crate) mod signed_data;

use std::time::Duration;

use shared::time::UnixTime;
use shared::x509::{Certificate, Chain};

use crate::hash_algorithm::HashAlgorithm;
use crate::policy::PolicyOid;
use crate::request::TimestampRequest;
use crate::tst_info::TstInfo;
use crate::unit_certificate::{Window, check_unit};
use signed_data::SignedToken;

pub use error::{MAX_RESPONSE, VerifyError};

/// What a timestamp is expected to be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    message: ExpectedMessage<'a>,
    nonce: Option<&'a [u8]>,
    policies: Option<&'a [PolicyOid]>,
}

#[derive(Clone, Copy, Debug)]
enum ExpectedMessage<'a> {
    Data(&'a [u8]),
    Digest(HashAlgorithm, &'a [u8]),
    Request(TimestampRequest<'a>),
}

impl<'a> Expected<'a> {
    /// A timestamp of `data`, with any of the digests that we accept.
    pub fn data(data: &'a [u8]) -> Self {
        Self { message: ExpectedMessage::Data(data), nonce: None, policies: None }
    }

    /// A timestamp of this digest.
    pub fn digest(algorithm: HashAlgorithm, digest: &'a [u8]) -> Self {
        Self { message: ExpectedMessage::Digest(algorithm, digest), nonce: None, policies: None }
    }

    /// The answer to `request`: the imprint to the byte, its nonce or none, its policy, certificates when and only when
    /// certReq was set.
    pub fn answer_to(request: TimestampRequest<'a>) -> Self {
        Self { message: ExpectedMessage::Request(request), nonce: request.nonce(), policies: None }
    }

    /// The nonce, as the whole encoding of its INTEGER.
    pub fn with_nonce(self, nonce: &'a [u8]) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// One of these policies; without this call any is taken.
    pub fn with_policies(self, policies: &'a [PolicyOid]) -> Self {
        Self { policies: Some(policies), ..self }
    }
}

/// Which authorities are trusted to tell the time.
#[derive(Clone, Debug)]
pub struct TimestampTrust {
    unit: Option<Certificate>,
    intermediates: Vec<Certificate>,
    roots: Vec<Certificate>,
}

impl TimestampTrust {
    /// One unit, as a trust root of Sigstore lists it: its certificate, intermediates, root. Another unit under the
    /// same root is not trusted.
    pub fn unit(chain: &Chain) -> Self {
        Self {
            unit: Some(chain.leaf().clone()),
            intermediates: chain.intermediates().to_vec(),
            roots: vec![chain.root().clone()],
        }
    }

    /// Every unit under one of these roots; `intermediates` help when a token does not bring its own.
    pub fn roots(roots: Vec<Certificate>, intermediates: Vec<Certificate>) -> Self {
        Self { unit: None, intermediates, roots }
    }
}

/// What a timestamp proves: that the expected data existed at this time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedTimestamp {
    /// The time, cut to milliseconds.
    pub gen_time: UnixTime,
    /// The true time is within genTime ± this, when the token says so.
    pub accuracy: Option<Duration>,
    /// Octets of the serial number, big-endian.
    pub serial: Vec<u8>,
    /// The policy it was issued under.
    pub policy: PolicyOid,
    /// The imprint's digest algorithm.
    pub hash_algorithm: HashAlgorithm,
    /// The certificate that signed.
    pub certificate: Certificate,
    /// How many certificates the token carries.
    pub embedded_certificates: usize,
}

/// Verifies a DER `TimeStampResp`, as it comes over HTTP and as Sigstore's bundles carry it.
pub fn verify_response(
    response: &[u8],
    expected: &Expected<'_>,
    trust: &TimestampTrust,
) -> Result<VerifiedTimestamp, VerifyError> {
    if response.len() > MAX_RESPONSE {
        return Err(VerifyError::TooLong(response.len()));
    }
    verify_token(response::token(response)?, expected, trust)
}

/// Verifies a DER `TimeStampToken`: the `ContentInfo` without the response around it.
pub fn verify_token(
    token: &[u8],
    expected: &Expected<'_>,
    trust: &TimestampTrust,
) -> Result<VerifiedTimestamp, VerifyError> {
    if token.len() > MAX_RESPONSE {
        return Err(VerifyError::TooLong(token.len()));
    }
    let signed = SignedToken::parse(token)?;
    let info = TstInfo::parse(signed.content())?;
    let certificate = signed.signer_certificate(trust.unit.as_ref(), &trust.intermediates)?;
    if trust.unit.as_ref().is_some_and(|unit| *unit != certificate) {
        return Err(VerifyError::OtherUnit);
    }
    signed.verify(&certificate)?;
    check_unit(&certificate)?;
    let candidates: Vec<Certificate> = trust.intermediates.iter().chain(signed.certificates()).cloned().collect();
    let is_valid = Window::of(&certificate).contains(info.gen_time);
    if !is_valid || !path::exists(&certificate, &candidates, &trust.roots, info.gen_time) {
        return Err(VerifyError::NoPath);
    }
    check_tsa_name(&info, &certificate)?;
    check_expected(&info, expected, !signed.certificates().is_empty())?;
    Ok(VerifiedTimestamp {
        gen_time: info.gen_time,
        accuracy: info.accuracy,
        serial: info.serial.to_vec(),
        policy: info.policy.clone(),
        hash_algorithm: info.imprint.algorithm(),
        embedded_certificates: signed.certificates().len(),
        certificate,
    })
}

fn check_expected(info: &TstInfo<'_>, expected: &Expected<'_>, has_certificates: bool) -> Result<(), VerifyError> {
    let imprint = info.imprint;
    let is_for_it = match expected.message {
        ExpectedMessage::Data(data) => imprint.algorithm().digest(data).as_ref() == imprint.digest(),
        ExpectedMessage::Digest(algorithm, digest) => imprint.algorithm() == algorithm && imprint.digest() == digest,
        ExpectedMessage::Request(request) => imprint.der() == request.imprint().der(),
    };
    if !is_for_it {
        return Err(VerifyError::Imprint);
    }
    if let ExpectedMessage::Request(request) = expected.message {
        if has_certificates != request.is_certificate_requested() {
            return Err(VerifyError::CertificatesRequested);
        }
        if info.nonce != request.nonce() {
            return Err(VerifyError::Nonce);
        }
        let asked = request.policy().map(PolicyOid::from_contents);
        if asked.is_some_and(|asked| asked.as_ref() != Some(&info.policy)) {
            return Err(VerifyError::Policy(info.policy.clone()));
        }
    }
    if expected.nonce.is_some_and(|nonce| info.nonce != Some(nonce)) {
        return Err(VerifyError::Nonce);
    }
    if expected.policies.is_some_and(|policies| !policies.contains(&info.policy)) {
        return Err(VerifyError::Policy(info.policy.clone()));
    }
    Ok(())
}

/// RFC 3161 §2.4.2: tsa, when there, must be one of the subject names. A directoryName is compared; other kinds of
/// names would have to be in the subject's alternative names and are not accepted.
fn check_tsa_name(info: &TstInfo<'_>, certificate: &Certificate) -> Result<(), VerifyError> {
    let Some(tsa) = info.tsa else { return Ok(()) };
    let name = crate::der_reader::DerReader::single(tsa, shared::x509::der_writer::tag::context_constructed(4));
    if name == Ok(certificate.subject_der()) { Ok(()) } else { Err(VerifyError::TsaName) }
}

#[cfg(test)]
mod tests;
