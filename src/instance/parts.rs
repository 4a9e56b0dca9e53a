//! The parts of an instance, made from its configuration and what was opened.

use std::sync::Arc;
use std::time::Duration;

use broker::connector::local::LocalUsers;
use broker::provider::TokenKey;
use bytes::Bytes;
use privyseal_sigstore::Writers;
use shared::keys::Signer;
use shared::log::Log;
use shared::time::Clock as _;
use shared::trust_root::{CertificateChain, LogKey, TrustMaterial, Validity};
use shared::x509::{Certificate, Chain};

use super::error::InstanceError;
use super::opened::Opened;
use crate::clock::SystemClock;
use crate::instance::assemble::{Origin, Settings};
use crate::instance::data_dir::{DataDir, InstanceFile, KeyName};
use crate::instance::own_bundle;
use crate::instance::served_logs::{ServedLogs, SignatureLog};
use crate::instance::signature_log::IssuedLately;
use crate::instance::snapshots::{SnapshotError, SnapshotInputs};
use crate::instance::svid_uses::SvidUses;
use crate::instance::timestamp_units::TimestampUnits;
use crate::instance::trust_publisher::{TrustPublisher, TufKeys};
use crate::outbound::KeyRefresher;
use crate::outbound::bundles::{BundleParts, BundleRefresher, OwnKeys};
use crate::outbound::workload_api::WorkloadApi;

/// What the parts of an instance are made from.
pub(super) struct InstanceParts<'a> {
    pub(super) data: &'a DataDir,
    pub(super) file: &'a InstanceFile,
    pub(super) opened: &'a Opened,
    pub(super) settings: &'a Settings,
    pub(super) origin: &'a Origin,
}

/// The trust root, as it is published.
pub(super) struct PublishedRoot {
    /// What it says.
    pub(super) material: TrustMaterial,
    pub(super) publisher: Arc<TrustPublisher>,
}

impl InstanceParts<'_> {
    fn chain(&self, name: &'static str) -> Result<Chain, InstanceError> {
        Chain::from_pem(&self.data.certificates(name)?).map_err(|error| InstanceError::Chain { name, error })
    }

    fn issuer(&self) -> String {
        format!("{}/oidc", self.origin)
    }

    /// Publishes the trust root with the units' chains, which may sign from then on, and destroys the keys that are
    /// no longer used.
    pub(super) async fn publish_trust(&self, units: &mut TimestampUnits) -> Result<PublishedRoot, InstanceError> {
        let material = self.material(units.chains()?)?;
        let publisher = Arc::new(self.publisher(&material).await?);
        units.note_published(SystemClock.now())?;
        units.destroy_due(Duration::ZERO, SystemClock.now())?;
        Ok(PublishedRoot { material, publisher })
    }

    /// What the trust root says, with `timestamping` for the units' chains.
    fn material(&self, timestamping: Vec<CertificateChain>) -> Result<TrustMaterial, InstanceError> {
        let validity = Validity { start: self.file.created(), end: None };
        let chain = |chain: Chain| CertificateChain {
            certificates: chain.certificates().iter().map(|certificate| certificate.der().to_vec()).collect(),
            validity,
        };
        let log = |log: &Log| LogKey {
            origin: log.origin().as_str().to_owned(),
            key: log.signer().public_key().clone(),
            algorithm: log.signer().algorithm(),
            validity,
        };
        Ok(TrustMaterial {
            instance: self.file.name.clone(),
            origin: self.origin.to_string(),
            oidc_issuer: self.issuer(),
            offered_since: self.file.created(),
            issuing: vec![chain(self.chain("issuing-ca")?)],
            timestamping,
            certificate_logs: vec![log(&self.opened.certificates)],
            signature_logs: vec![log(&self.opened.signatures)],
        })
    }

    /// What signs and publishes the trust root. Everything that is due is signed when this returns.
    async fn publisher(&self, material: &TrustMaterial) -> Result<TrustPublisher, InstanceError> {
        let signer = |name| -> Result<Arc<dyn Signer>, InstanceError> {
            Ok(Arc::new(self.data.key(name, &self.opened.key_file)?))
        };
        let keys = TufKeys {
            root: signer(KeyName::TufRoot)?,
            targets: signer(KeyName::TufTargets)?,
            snapshot: signer(KeyName::TufSnapshot)?,
            timestamp: signer(KeyName::TufTimestamp)?,
        };
        let folder = self.data.folder("tuf")?;
        Ok(TrustPublisher::open(folder, keys, material, self.opened.audit.clone(), SystemClock.now()).await?)
    }

    /// What every snapshot is made with.
    pub(super) fn snapshot_inputs(
        &self,
        issued_lately: Arc<IssuedLately>,
        keys: Arc<KeyRefresher>,
        bundles: Arc<BundleRefresher>,
    ) -> Result<SnapshotInputs, InstanceError> {
        let signer = |name| -> Result<Arc<dyn Signer>, InstanceError> {
            Ok(Arc::new(self.data.key(name, &self.opened.key_file)?))
        };
        let Opened { store, audit, certificates, issuing_key, clock, random, .. } = self.opened;
        Ok(SnapshotInputs {
            origin: self.origin.clone(),
            first_user: self.file.first_user.clone(),
            key_file: self.data.key_file()?,
            token_key: signer(KeyName::Token)?,
            issuing_chain: self.chain("issuing-ca")?,
            issuing_key: issuing_key.clone(),
            certificate_log_key: signer(KeyName::CertificatesLog)?,
            store: store.clone(),
            local_users: Arc::new(LocalUsers::new(store.clone(), &**random)),
            audit: audit.clone(),
            certificates: certificates.clone(),
            issued_lately,
            keys,
            bundles,
            svid_uses: Arc::new(SvidUses::new(store.clone())),
            clock: clock.clone(),
            random: random.clone(),
        })
    }

    /// What fetches the bundles of trust domains. No bundle may hold a key of ours: not of an authority, not of a
    /// timestamp unit (`units`), not one that signs logs or tokens.
    pub(super) fn bundles(
        &self,
        units: &[CertificateChain],
        workload_api: Option<&WorkloadApi>,
    ) -> Result<Arc<BundleRefresher>, InstanceError> {
        let issuing = self.chain("issuing-ca")?;
        let certified = issuing.certificates().iter().map(|certificate| certificate.public_key().spki_sha256());
        let units = units.iter().flat_map(|chain| &chain.certificates);
        let units = units.filter_map(|der| Certificate::from_der(der).ok()).map(|unit| unit.public_key().spki_sha256());
        let names = [KeyName::Token, KeyName::CertificatesLog, KeyName::SignaturesLog, KeyName::AuditLog];
        let mut signers = Vec::with_capacity(names.len());
        for name in names {
            signers.push(self.data.key(name, &self.opened.key_file)?.public_key().spki_sha256());
        }
        let Opened { audit, clock, random, .. } = self.opened;
        Ok(Arc::new(BundleRefresher::new(BundleParts {
            clock: clock.clone(),
            random: random.clone(),
            audit: Some(audit.clone()),
            folder: Some(self.data.folder("bundles")?),
            own: OwnKeys::new(certified.chain(units).chain(signers)),
            workload_api: workload_api.map(WorkloadApi::bundles).unwrap_or_default(),
        })))
    }

    /// The bundle of our own trust domain, if we have one.
    pub(super) fn own_bundle(&self) -> Result<Option<Bytes>, InstanceError> {
        if self.settings.spiffe.trust_domain.is_none() {
            return Ok(None);
        }
        let key = TokenKey::new(Arc::new(self.data.key(KeyName::Token, &self.opened.key_file)?))
            .map_err(SnapshotError::from)?;
        let document = own_bundle::publish(&key, &self.data.spiffe_bundle_path(), self.opened.clock.now())?;
        Ok(Some(document.into()))
    }

    /// Which logs are served.
    pub(super) fn served_logs(&self, issued_lately: Arc<IssuedLately>) -> Result<ServedLogs, InstanceError> {
        let writers = Writers {
            issuers: self.chain("issuing-ca")?.certificates().iter().take(1).cloned().collect(),
            allows_public_keys: self.settings.accept_public_keys,
        };
        Ok(ServedLogs {
            signatures: Some(SignatureLog::new(self.opened.signatures.clone(), writers, issued_lately)),
            certificates: Some(self.opened.certificates.clone()),
            audit: self.settings.serve_audit.then(|| self.opened.audit.clone()),
        })
    }
}
