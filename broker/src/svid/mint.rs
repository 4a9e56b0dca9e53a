//! X.509-SVIDs for tests and the authorities above them, made by rcgen: right, or wrong in the way that a test wants.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use crate::token::mint::NOW;

/// A certificate with its key, so that it can certify others, whether it may or not.
pub(crate) struct Party {
    params: CertificateParams,
    key: KeyPair,
    der: CertificateDer<'static>,
}

impl Party {
    /// An authority that signed itself.
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    /// The same, changed before it is signed.
    pub(crate) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().clone();
        Self { params, key, der }
    }

    /// An authority below this one.
    pub(crate) fn authority(&self, name: &str) -> Self {
        self.authority_with(name, |_| {})
    }

    /// The same, changed before it is signed.
    pub(crate) fn authority_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        change(&mut params);
        self.certify(params, KeyPair::generate().expect("a key"))
    }

    /// An X.509-SVID as SPIRE makes them.
    pub(crate) fn workload(&self, id: &str) -> Self {
        self.workload_with(id, |_| {})
    }

    /// The same, changed before it is signed.
    pub(crate) fn workload_with(&self, id: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("workload");
        params.subject_alt_names = vec![uri(id)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        live(&mut params, NOW - 10, NOW + 3600);
        change(&mut params);
        self.certify(params, KeyPair::generate().expect("a key"))
    }

    /// The same name and key, signed by itself again for another time.
    pub(crate) fn renewed(&self, from: u64, to: u64) -> Self {
        let mut params = self.params.clone();
        live(&mut params, from, to);
        let key = KeyPair::try_from(self.key.serialize_der()).expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().clone();
        Self { params, key, der }
    }

    /// Certifies the key of `other` under its name as well.
    pub(crate) fn certify_again(&self, other: &Self) -> Self {
        self.certify(other.params.clone(), KeyPair::try_from(other.key.serialize_der()).expect("a key"))
    }

    fn certify(&self, params: CertificateParams, key: KeyPair) -> Self {
        let issuer = Issuer::from_params(&self.params, &self.key);
        let der = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
        Self { params, key, der }
    }

    /// The certificate in DER.
    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Its entry in a bundle.
    pub(crate) fn entry(&self) -> String {
        entry(&[self])
    }
}

/// An entry with several certificates.
pub(crate) fn entry(chain: &[&Party]) -> String {
    let chain: Vec<String> = chain.iter().map(|party| format!(r#""{}""#, STANDARD.encode(party.der()))).collect();
    format!(r#"{{"kty":"EC","use":"x509-svid","x5c":[{}]}}"#, chain.join(","))
}

fn authority(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    live(&mut params, NOW - 86_400, NOW + 86_400);
    params
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// From the first moment to the last, in seconds since the epoch.
pub(crate) fn live(params: &mut CertificateParams, from: u64, to: u64) {
    let at = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    (params.not_before, params.not_after) = (at(from), at(to));
}

/// A URI name.
pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

/// An extension with any content: `2.5.29.<arc>`.
pub(crate) fn extension(arc: u64, is_critical: bool, content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, arc], content.to_vec());
    extension.set_criticality(is_critical);
    extension
}
