//! The constant parts of a unit's tokens, encoded once.
//!
//! A token is a `ContentInfo` around a `SignedData` (RFC 5652) around a `TSTInfo`. Between two tokens of a unit only
//! these differ: the TSTInfo, its digest in one signed attribute, the signature, and whether certificates are there.
//! The general encoder costs a third of a P-256 timestamp; here it is a few copies. The tests compare with what typed
//! encoders make.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use shared::keys::SignatureAlgorithm;
use shared::x509::der_writer::tag;
use shared::x509::{Certificate, Chain, DerWriter};

use crate::gen_time::Accuracy;
use crate::hash_algorithm::HashAlgorithm;

/// `id-ct-TSTInfo` (RFC 3161 §2.4.2).
pub(crate) const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// `id-aa-signingCertificateV2` (RFC 5035 §3).
pub(crate) const ID_SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

pub(crate) struct TokenTemplate {
    /// `Accuracy`.
    pub(crate) accuracy: Vec<u8>,
    /// `[0] GeneralName`, the unit's subject.
    pub(crate) tsa: Vec<u8>,
    /// `CMSVersion` 3 and `DigestAlgorithmIdentifiers`.
    signed_data_head: Vec<u8>,
    /// `[0] IMPLICIT CertificateSet`: leaf and intermediates.
    certificates: Vec<u8>,
    /// `CMSVersion` 1, `IssuerAndSerialNumber`, `DigestAlgorithmIdentifier`.
    signer_info_head: Vec<u8>,
    /// `SET OF Attribute` with a digest of zeros.
    attributes: Vec<u8>,
    /// Where the digest starts in it.
    digest_at: usize,
    /// `SignatureAlgorithmIdentifier`.
    signature_algorithm: Vec<u8>,
    /// The digest of content and attributes. RFC 8933: one for both. It goes with the key and not with the imprint.
    pub(crate) digest: HashAlgorithm,
}

impl TokenTemplate {
    pub(crate) fn new(chain: &Chain, algorithm: SignatureAlgorithm, accuracy: Accuracy) -> Self {
        let digest = HashAlgorithm::of_signature(algorithm);
        let digest_algorithm = encoded(|w| {
            // SHA-2 in CMS: parameters absent (RFC 5754 §2).
            w.nested(tag::SEQUENCE, |id| id.value(tag::OBJECT_IDENTIFIER, digest.oid_contents()));
        });
        let (attributes, digest_at) = signed_attributes(chain.leaf(), digest);
        Self {
            accuracy: accuracy.to_der(),
            tsa: encoded(|w| {
                w.nested(tag::context_constructed(0), |tsa| directory_name(tsa, chain.leaf().subject_der()))
            }),
            // Version 3, since the content is not id-data (RFC 5652 §5.1).
            signed_data_head: encoded(|w| {
                w.value(tag::INTEGER, &[3]);
                w.nested(tag::SET, |set| set.raw(&digest_algorithm));
            }),
            certificates: certificate_set(chain.without_root()),
            signer_info_head: encoded(|w| {
                w.value(tag::INTEGER, &[1]);
                w.nested(tag::SEQUENCE, |sid| issuer_and_serial(sid, chain.leaf()));
                w.raw(&digest_algorithm);
            }),
            attributes,
            digest_at,
            signature_algorithm: signature_algorithm(algorithm),
            digest,
        }
    }

    /// The attributes as they are signed: with the tag of a SET (RFC 5652 §5.4), around `digest` of the TSTInfo.
    pub(crate) fn attributes(&self, digest: &[u8]) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        attributes[self.digest_at..self.digest_at + digest.len()].copy_from_slice(digest);
        attributes
    }

    /// A granted `TimeStampResp`: status 0 and nothing more said, since a status string beside a token upsets some
    /// clients.
    pub(crate) fn response(
        &self,
        tst_info: &[u8],
        attributes: &[u8],
        signature: &[u8],
        with_certificates: bool,
    ) -> Vec<u8> {
        let certificates = if with_certificates { &self.certificates[..] } else { &[] };
        let capacity = tst_info.len() + certificates.len() + attributes.len() + signature.len() + 512;
        let mut out = DerWriter::with_capacity(capacity);
        out.nested(tag::SEQUENCE, |response| {
            response.raw(&[tag::SEQUENCE, 3, tag::INTEGER, 1, 0]);
            response.nested(tag::SEQUENCE, |token| {
                token.oid(rfc5911::ID_SIGNED_DATA);
                token.nested(tag::context_constructed(0), |content| {
                    content.nested(tag::SEQUENCE, |data| {
                        data.raw(&self.signed_data_head);
                        data.nested(tag::SEQUENCE, |encapsulated| {
                            encapsulated.oid(ID_CT_TST_INFO);
                            encapsulated.nested(tag::context_constructed(0), |content| {
                                content.value(tag::OCTET_STRING, tst_info);
                            });
                        });
                        data.raw(certificates);
                        data.nested(tag::SET, |signers| {
                            signers.nested(tag::SEQUENCE, |signer| {
                                signer.raw(&self.signer_info_head);
                                // Transmitted as `[0] IMPLICIT`, which only changes the first octet.
                                signer.raw(&[tag::context_constructed(0)]);
                                signer.raw(&attributes[1..]);
                                signer.raw(&self.signature_algorithm);
                                signer.value(tag::OCTET_STRING, signature);
                            });
                        });
                    });
                });
            });
        });
        out.finish()
    }
}

fn encoded(write: impl FnOnce(&mut DerWriter)) -> Vec<u8> {
    let mut writer = DerWriter::default();
    write(&mut writer);
    writer.finish()
}

/// `directoryName [4] EXPLICIT Name`.
fn directory_name(out: &mut DerWriter, name: &[u8]) {
    out.nested(tag::context_constructed(4), |general| general.raw(name));
}

fn issuer_and_serial(out: &mut DerWriter, certificate: &Certificate) {
    out.raw(certificate.issuer_der());
    out.value(tag::INTEGER, certificate.serial());
}

/// Everything below the root: a verifier has the root, and needs the rest to reach it. The order is that of DER, a SET
/// OF sorted by encoding (X.690 §11.6); sigstore-python refuses another one.
fn certificate_set(certificates: &[Certificate]) -> Vec<u8> {
    let mut encodings: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    encodings.sort_unstable();
    encoded(|w| w.nested(tag::context_constructed(0), |set| encodings.iter().for_each(|der| set.raw(der))))
}

/// contentType, messageDigest and signingCertificateV2, sorted; and where the digest's octets are.
///
/// No signingTime: genTime is the time, and a second one could only contradict it.
fn signed_attributes(leaf: &Certificate, digest: HashAlgorithm) -> (Vec<u8>, usize) {
    let placeholder = vec![0; digest.length()];
    let message_digest = attribute(rfc5911::ID_MESSAGE_DIGEST, |w| w.value(tag::OCTET_STRING, &placeholder));
    let mut attributes = [
        attribute(rfc5911::ID_CONTENT_TYPE, |w| w.oid(ID_CT_TST_INFO)),
        message_digest.clone(),
        attribute(ID_SIGNING_CERTIFICATE_V2, |w| signing_certificate(w, leaf)),
    ];
    // The object identifier comes before the digest in the encoding, so the digest cannot change the order.
    attributes.sort_unstable();
    let set = encoded(|w| w.nested(tag::SET, |set| attributes.iter().for_each(|attribute| set.raw(attribute))));
    let contents: usize = attributes.iter().map(Vec::len).sum();
    let before: usize = attributes.iter().take_while(|other| **other != message_digest).map(Vec::len).sum();
    let digest_at = set.len() - contents + before + message_digest.len() - digest.length();
    (set, digest_at)
}

fn attribute(oid: ObjectIdentifier, value: impl FnOnce(&mut DerWriter)) -> Vec<u8> {
    encoded(|w| {
        w.nested(tag::SEQUENCE, |attribute| {
            attribute.oid(oid);
            attribute.nested(tag::SET, value);
        });
    })
}

/// `SigningCertificateV2` with one `ESSCertIDv2` (RFC 5816, RFC 5035 §4): hashAlgorithm is SHA-256, the default, and so
/// left out.
fn signing_certificate(out: &mut DerWriter, leaf: &Certificate) {
    out.nested(tag::SEQUENCE, |signing_certificate| {
        signing_certificate.nested(tag::SEQUENCE, |ids| {
            ids.nested(tag::SEQUENCE, |id| {
                id.value(tag::OCTET_STRING, HashAlgorithm::Sha256.digest(leaf.der()).as_ref());
                id.nested(tag::SEQUENCE, |issuer_serial| {
                    issuer_serial.nested(tag::SEQUENCE, |names| directory_name(names, leaf.issuer_der()));
                    issuer_serial.value(tag::INTEGER, leaf.serial());
                });
            });
        });
    });
}

/// RSA is named `rsaEncryption` in CMS (RFC 3370 §3.2), which older verifiers expect; the digest stands beside it.
fn signature_algorithm(algorithm: SignatureAlgorithm) -> Vec<u8> {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => encoded(|w| {
            w.nested(tag::SEQUENCE, |id| {
                id.oid(rfc5912::RSA_ENCRYPTION);
                id.value(tag::NULL, &[]);
            });
        }),
        SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384 => {
            algorithm.identifier_der().to_vec()
        }
    }
}
