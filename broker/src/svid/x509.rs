//! X.509-SVIDs (X509-SVID §2 to §5): a path by webpki, and the checks that it does not make.
//!
//! webpki knows names of hosts and addresses and no others, so everything about the URI name is ours; it takes a leaf
//! without key usage, and certificates that are no longer good as authorities, which a SPIFFE validator must not. What
//! it refuses beyond the standard is in docs/divergences.md: any URI name constraint.

use std::sync::Arc;

use const_oid::db::rfc5280;
use der::Decode as _;
use rustls_pki_types::{CertificateDer, UnixTime as PathTime};
use shared::digest::sha256;
use shared::time::UnixTime;
use shared::x509::{Certificate, CertificateError};
use webpki::{EndEntityCert, KeyUsage as PathUsage, VerifiedPath};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};

use super::{NeedsBundle, Verified, VerifiedSvid};
use crate::names::{NameError, Rule, SpiffeId};
use crate::token::LEEWAY;
use crate::trust_domain::{Bundle, SvidKind, TrustDomainRecord, has_key_cert_sign};

/// The purpose for which an SVID is presented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// By a client that connects to us.
    ClientAuthentication,
    /// By a server that we connect to.
    ServerAuthentication,
}

impl Purpose {
    fn extended_key_usage(self) -> der::asn1::ObjectIdentifier {
        match self {
            Self::ClientAuthentication => rfc5280::ID_KP_CLIENT_AUTH,
            Self::ServerAuthentication => rfc5280::ID_KP_SERVER_AUTH,
        }
    }

    fn path_usage(self) -> PathUsage {
        match self {
            Self::ClientAuthentication => PathUsage::client_auth(),
            Self::ServerAuthentication => PathUsage::server_auth(),
        }
    }
}

/// A well-formed X.509-SVID chain that is not verified yet.
#[derive(Clone, Debug)]
pub struct UnverifiedX509Svid {
    leaf: Certificate,
    id: SpiffeId,
    intermediates: Vec<CertificateDer<'static>>,
}

/// The result of verifying an X.509-SVID.
#[derive(Debug)]
pub enum X509Verification {
    /// It verifies with the trust domain's bundle.
    Verified(VerifiedSvid),
    /// The bundle cannot be used now. The same chain may be verified again when there is another.
    NeedsBundle(NeedsBundle),
}

/// Why an X.509-SVID is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum X509SvidError {
    /// A1: none, or too many.
    #[error("a chain of {0} certificates; 1 to {max} are accepted", max = UnverifiedX509Svid::MAX_CERTIFICATES)]
    Count(usize),
    /// A1: too long.
    #[error("a chain of {0} bytes; at most {max} are accepted", max = UnverifiedX509Svid::MAX_BYTES)]
    Size(usize),
    /// A1: the leaf cannot be parsed.
    #[error("the leaf: {0}")]
    Leaf(CertificateError),
    /// A2: not one URI name; names of other kinds do not count.
    #[error("the certificate has {0} URI names; an X.509-SVID has exactly one (X509-SVID 2)")]
    UriNames(usize),
    /// S0 to S8: the URI name is no SPIFFE ID of a workload.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A3: an authority's certificate, or one without basic constraints that exclude that.
    #[error("the certificate is not marked as a leaf, cA false (X509-SVID 4.1)")]
    Authority,
    /// A3: no key usage, or one that a leaf must not have.
    #[error(
        "the certificate's key usage must be critical and hold digitalSignature, but neither keyCertSign nor cRLSign (X509-SVID 4.3)"
    )]
    KeyUsage,
    /// A3: an extended key usage without the purpose of this connection.
    #[error("the certificate's extended key usage is not for this side of a connection (X509-SVID 4.4)")]
    ExtendedKeyUsage,
    /// A4: no record, or one that accepts no X.509-SVIDs.
    #[error("the trust domain {0} is not registered here for X.509-SVIDs")]
    TrustDomain(String),
    /// A5: everything is withdrawn.
    #[error("the bundle of the trust domain {0} has no certificate")]
    BundleEmpty(String),
    /// A6: no path, or not now.
    #[error("the certificate does not chain to an authority of {trust_domain}: {cause}")]
    Path {
        /// The trust domain whose bundle was used.
        trust_domain: String,
        /// webpki's reason.
        cause: webpki::Error,
    },
    /// A7: made to live too long.
    #[error("the certificate is valid for {seconds} seconds; at most {limit} are accepted from this trust domain")]
    Lifetime {
        /// From its first moment to its last.
        seconds: u64,
        /// What the record allows.
        limit: u64,
    },
}

impl X509SvidError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Count(_) | Self::Size(_) | Self::Leaf(_) => Rule::A1,
            Self::UriNames(_) => Rule::A2,
            Self::Name(error) => error.rule(),
            Self::Authority | Self::KeyUsage | Self::ExtendedKeyUsage => Rule::A3,
            Self::TrustDomain(_) => Rule::A4,
            Self::BundleEmpty(_) => Rule::A5,
            Self::Path { .. } => Rule::A6,
            Self::Lifetime { .. } => Rule::A7,
        }
    }
}

impl UnverifiedX509Svid {
    /// The longest chain, in certificates.
    pub const MAX_CERTIFICATES: usize = 8;
    /// The longest chain, in bytes.
    pub const MAX_BYTES: usize = 32 * 1024;

    /// Reads a chain as a peer sent it, DER, leaf first: everything that is known without a bundle.
    pub fn parse(chain: &[CertificateDer<'_>], purpose: Purpose) -> Result<Self, X509SvidError> {
        let (leaf, intermediates) = chain.split_first().ok_or(X509SvidError::Count(0))?;
        if chain.len() > Self::MAX_CERTIFICATES {
            return Err(X509SvidError::Count(chain.len()));
        }
        let size = chain.iter().map(|certificate| certificate.len()).sum();
        if size > Self::MAX_BYTES {
            return Err(X509SvidError::Size(size));
        }
        let leaf = Certificate::from_der(leaf).map_err(X509SvidError::Leaf)?;
        let id = SpiffeId::parse(&uri_name(&leaf)?)?;
        check_leaf(&leaf, purpose)?;
        Ok(Self { leaf, id, intermediates: choose_intermediates(intermediates) })
    }

    /// The SPIFFE ID in it, not verified: only for finding the record.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    #[cfg(test)]
    pub(super) fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.intermediates
    }

    /// Verifies it with the bundle of `record`'s trust domain at `now`. The roots are that bundle's and no others.
    pub fn verify(
        &self,
        record: &Arc<TrustDomainRecord>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<X509Verification, X509SvidError> {
        let trust_domain = || record.name().to_string();
        if record.name() != self.id.trust_domain() || !record.accepts().x509 {
            return Err(X509SvidError::TrustDomain(self.id.trust_domain().to_string()));
        }
        let bundle = match record.bundle(now) {
            Ok(bundle) => bundle,
            Err(why) => {
                let needs = NeedsBundle { record: Arc::clone(record), why: Some(why) };
                return Ok(X509Verification::NeedsBundle(needs));
            }
        };
        if bundle.authorities().len() == 0 {
            return Err(X509SvidError::BundleEmpty(trust_domain()));
        }
        self.check_path(&bundle, purpose, now)
            .map_err(|cause| X509SvidError::Path { trust_domain: trust_domain(), cause })?;
        let seconds = self.leaf.not_after().since(self.leaf.not_before()).as_secs();
        let limit = record.max_svid_lifetime().as_secs();
        // Authorities set the first moment back a little for clocks that are slow, SPIRE by ten seconds.
        if seconds > limit + LEEWAY.as_secs() {
            return Err(X509SvidError::Lifetime { seconds, limit });
        }
        let sha256 = sha256(self.leaf.der());
        Ok(X509Verification::Verified(VerifiedSvid::new(
            record,
            Verified {
                id: self.id.clone(),
                document: SvidKind::X509,
                expires_at: self.leaf.not_after(),
                sha256,
                use_sha256: sha256,
                proof: None,
            },
        )))
    }

    /// Whether a path leads to an authority of this bundle, without a record: for a bundle endpoint, which is known by
    /// its own ID.
    pub fn check_path(&self, bundle: &Bundle, purpose: Purpose, now: UnixTime) -> Result<(), webpki::Error> {
        let is_allowed = |path: &VerifiedPath<'_>| match path.intermediate_certificates().count() {
            intermediates if bundle.allows_end(path.anchor(), intermediates, now) => Ok(()),
            _ => Err(webpki::Error::UnknownIssuer),
        };
        let der = CertificateDer::from(self.leaf.der());
        let at = PathTime::since_unix_epoch(std::time::Duration::from_millis(now.millis()));
        EndEntityCert::try_from(&der)?
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                bundle.anchors(),
                &self.intermediates,
                at,
                purpose.path_usage(),
                None,
                Some(&is_allowed),
            )
            .map(drop)
    }
}

/// A2. Names of other kinds may stand beside it and mean nothing; a second URI name of any scheme may not.
fn uri_name(leaf: &Certificate) -> Result<String, X509SvidError> {
    let names = leaf.tbs().get_extension::<SubjectAltName>();
    let names = names.map_err(|error| X509SvidError::Leaf(error.into()))?.map(|(_, names)| names.0).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    });
    match (uris.next(), uris.count()) {
        (Some(only), 0) => Ok(only.to_owned()),
        (first, more) => Err(X509SvidError::UriNames(usize::from(first.is_some()) + more)),
    }
}

/// A3. X509-SVID §5.2 has a validator look at `cA`, `keyCertSign` and `cRLSign`; §4.3 has the extension critical, and
/// `digitalSignature` in it.
fn check_leaf(leaf: &Certificate, purpose: Purpose) -> Result<(), X509SvidError> {
    let tbs = leaf.tbs();
    if leaf.is_ca() {
        return Err(X509SvidError::Authority);
    }
    // An absent extension is false by default (RFC 5280 §4.2.1.9); one that cannot be read is not.
    tbs.get_extension::<BasicConstraints>().map_err(|_| X509SvidError::Authority)?;
    let is_leafs = |(is_critical, usage): (bool, KeyUsage)| {
        is_critical && usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign()
    };
    if !tbs.get_extension::<KeyUsage>().ok().flatten().is_some_and(is_leafs) {
        return Err(X509SvidError::KeyUsage);
    }
    match tbs.get_extension::<ExtendedKeyUsage>() {
        Ok(None) => Ok(()),
        Ok(Some((_, usage))) if usage.0.contains(&purpose.extended_key_usage()) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(X509SvidError::ExtendedKeyUsage),
    }
}

/// How many intermediates of one name are tried: one that was renewed, or that two roots certified, comes twice.
const MAX_OF_ONE_NAME: usize = 2;

/// What may not certify is no part of any path; webpki asks for basic constraints only. And webpki tries every way
/// through authorities of one name, some 8000 through seven of them, before it reports that none leads to a root:
/// anyone who can open a connection could keep us busy with that.
fn choose_intermediates(sent: &[CertificateDer<'_>]) -> Vec<CertificateDer<'static>> {
    let mut chosen: Vec<(x509_cert::name::Name, CertificateDer<'static>)> = Vec::with_capacity(sent.len());
    for der in sent {
        let Ok(certificate) = x509_cert::Certificate::from_der(der) else { continue };
        let tbs = certificate.tbs_certificate();
        let of_this_name = chosen.iter().filter(|(name, _)| name == tbs.subject()).count();
        if has_key_cert_sign(tbs) && of_this_name < MAX_OF_ONE_NAME {
            chosen.push((tbs.subject().clone(), der.clone().into_owned()));
        }
    }
    chosen.into_iter().map(|(_, der)| der).collect()
}
