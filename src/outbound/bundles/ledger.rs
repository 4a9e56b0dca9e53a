//! Puts bundles in force, recorded in the audit log first.

use std::sync::Arc;

use broker::trust_domain::{Admission, Bundle, CurrentBundle, RefusedBundle, TrustDomainRecord};
use shared::audit::{AuditRecord, BundleEvent};
use shared::log::{AppendError, Log};
use shared::time::{Clock, UnixTime};

/// Records a bundle in the audit log and puts it in force.
pub(super) struct Ledger {
    /// `None` when nothing is recorded, for an explanation by a configuration alone.
    pub(super) audit: Option<Log>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Ledger {
    /// Puts a bundle in force as of `at`, when its source had it. It is recorded first; but what only removes trust
    /// takes effect even if the log fails.
    pub(super) async fn put_in_force(
        &self,
        record: &TrustDomainRecord,
        bundle: &Arc<Bundle>,
        at: UnixTime,
        admission: Admission,
    ) -> Result<(), AppendError> {
        let event = match admission {
            Admission::Unchanged => {
                record.replace(CurrentBundle::new(bundle.clone(), at));
                return Ok(());
            }
            Admission::Emptied => BundleEvent::Emptied,
            Admission::Fetched => BundleEvent::Fetched,
        };
        let only_takes_away =
            record.held().bundle().is_some_and(|held| bundle.fingerprints().is_subset(held.fingerprints()));
        if only_takes_away {
            record.replace(CurrentBundle::new(bundle.clone(), at));
        }
        let entry = AuditRecord::BundleChanged {
            at_ms: self.clock.now().millis(),
            trust_domain: record.name().to_string(),
            event,
            sequence: bundle.sequence(),
            keys: bundle.fingerprints().iter().map(hex::encode).collect(),
            reason: String::new(),
        };
        match self.record(&entry).await {
            Ok(()) => record.replace(CurrentBundle::new(bundle.clone(), at)),
            Err(error) if only_takes_away => {
                tracing::error!(%error, "keys were withdrawn, but the audit log could not record it")
            }
            Err(error) => return Err(error),
        }
        if self.audit.is_none() {
            // An explanation puts nothing in force; it reports what was found.
            return Ok(());
        }
        let (trust_domain, keys) = (record.name(), bundle.fingerprints().len());
        match admission {
            Admission::Emptied => {
                tracing::error!(
                    %trust_domain,
                    "the bundle of the trust domain has no key left, so none of its SVIDs is accepted"
                )
            }
            Admission::Fetched | Admission::Unchanged => {
                tracing::info!(%trust_domain, keys, sequence = bundle.sequence(), "a bundle is in force");
            }
        }
        for skipped in bundle.skipped() {
            tracing::debug!(
                %trust_domain, entry = skipped.index, reason = %skipped.reason,
                "an entry of the bundle is left out"
            );
        }
        Ok(())
    }

    /// Logs and records a refusal, once for as long as it stays the same: `before` is the last refusal, if any.
    pub(super) async fn refuse(
        &self,
        record: &TrustDomainRecord,
        refused: &RefusedBundle,
        before: Option<&RefusedBundle>,
        now: UnixTime,
    ) {
        if before == Some(refused) || self.audit.is_none() {
            return;
        }
        let (trust_domain, rule) = (record.name(), refused.rule());
        tracing::error!(%trust_domain, %refused, %rule, "a fetched bundle is refused; the one before stays in force");
        let entry = AuditRecord::BundleChanged {
            at_ms: now.millis(),
            trust_domain: trust_domain.to_string(),
            event: BundleEvent::Refused,
            sequence: None,
            keys: Vec::new(),
            reason: format!("{refused} (rule {rule})"),
        };
        if let Err(error) = self.record(&entry).await {
            tracing::error!(%error, "the audit log could not record that a bundle was refused");
        }
    }

    async fn record(&self, entry: &AuditRecord) -> Result<(), AppendError> {
        match &self.audit {
            Some(audit) => audit.append(entry.to_leaf()).await.map(drop),
            None => Ok(()),
        }
    }
}
