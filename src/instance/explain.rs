//! Whether a token would be accepted, and why, for people and programs.

mod text;
pub(crate) mod vectors;

use broker::ca::Profile;
use broker::explain::{
    self as explained, ExplainOutcome, ExplainedDecision, Explanation, Step, explain, extension_name,
};
use broker::names::Name;
use broker::principal::Principal;
use broker::registry::Issuers;
use serde::{Deserialize, Serialize};
use shared::time::UnixTime;

use crate::outbound::KeyRefresher;
use crate::outbound::bundles::BundleRefresher;

/// Who reads the explanation, which decides how much it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    /// Anyone who holds the token: what the authority itself would answer, and no more.
    Bearer,
    /// An administrator or auditor of the instance: the record's grants and the owner of a name as well.
    Instance,
}

/// An explanation as JSON. The token is named by its SHA-256 only.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplanationReport {
    /// `ACCEPT` or `REJECT`.
    pub(crate) verdict: String,
    pub(crate) token_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<ExplainedRecord>,
    pub(crate) steps: Vec<ExplainedStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<ExplainedRefusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<ExplainedCertificate>,
}

/// The record whose rules decide about the token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedRecord {
    pub(crate) id: String,
    /// Its `iss`; `spiffe://` and the name of a trust domain.
    pub(crate) iss: String,
    pub(crate) audience: String,
    /// Only for [`Reader::Instance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<String>>,
}

/// A step and its outcome: `passed`, `refused` or `not reached`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedStep {
    pub(crate) step: String,
    pub(crate) outcome: String,
}

/// Why the token would be refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedRefusal {
    pub(crate) step: String,
    pub(crate) rule: String,
    pub(crate) reason: String,
    /// Only for [`Reader::Instance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// What the certificate would say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedCertificate {
    /// The kind of the subject alternative name, as RFC 5280 calls it.
    pub(crate) name_type: String,
    pub(crate) name: String,
    /// The issuer that verifiers check together with the name.
    pub(crate) issuer: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) extensions: Vec<ExplainedExtension>,
    /// Rule, authority and grant, as the audit log would record them.
    pub(crate) permitted_by: String,
}

/// An extension of the certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedExtension {
    pub(crate) oid: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Where keys and bundles are fetched from when the evaluation needs them.
#[derive(Clone, Copy)]
pub(crate) struct Refreshers<'a> {
    pub(crate) keys: &'a KeyRefresher,
    pub(crate) bundles: &'a BundleRefresher,
}

/// Evaluates a token by a snapshot's rules, without issuing anything.
pub(crate) struct Evaluator<'a> {
    pub(crate) issuers: &'a Issuers,
    /// The profile of the certificate that would be issued.
    pub(crate) profile: Profile,
    /// The time as of which the token is evaluated.
    pub(crate) now: UnixTime,
    pub(crate) reader: Reader,
}

impl Evaluator<'_> {
    /// Explains the token; the issuer's keys or the trust domain's bundle are fetched once if they are needed, as for a
    /// certificate.
    pub(crate) async fn explain(&self, token: &[u8], refreshers: Refreshers<'_>) -> ExplanationReport {
        // The cause names internal hosts, so it is only for the instance's own staff.
        let trouble = match explain(token, self.issuers, self.now) {
            ExplainOutcome::Explained(explanation) => return self.report(explanation),
            ExplainOutcome::NeedsKeys { issuer, .. } => {
                let refreshed = refreshers.keys.refresh(&issuer).await.map_err(|error| error.to_string());
                refreshed
                    .err()
                    .map(|cause| (format!("the keys of {} cannot be fetched at the moment", issuer.iss()), cause))
            }
            ExplainOutcome::NeedsBundle { record, .. } => {
                let refreshed =
                    refreshers.bundles.refresh(&record, self.issuers).await.map_err(|error| error.to_string());
                let public = format!("the bundle of {} cannot be fetched at the moment", record.name());
                refreshed.err().map(|cause| (public, cause))
            }
        };
        match explain(token, self.issuers, self.now) {
            ExplainOutcome::Explained(explanation) => self.report(explanation),
            ExplainOutcome::NeedsKeys { otherwise, .. } | ExplainOutcome::NeedsBundle { otherwise, .. } => {
                let mut report = self.report(otherwise);
                if let (Some((public, cause)), Some(refusal)) = (trouble, &mut report.refusal) {
                    refusal.reason = match self.reader {
                        Reader::Bearer => public,
                        Reader::Instance => cause,
                    };
                }
                report
            }
        }
    }

    fn report(&self, explanation: Explanation) -> ExplanationReport {
        let Explanation { token_sha256, record, decision } = explanation;
        let (refusal, certificate) = match decision {
            ExplainedDecision::Permitted(principal) => (None, Some(self.certificate(&principal))),
            ExplainedDecision::Refused(refusal) => (Some(refusal), None),
        };
        ExplanationReport {
            verdict: if refusal.is_none() { "ACCEPT" } else { "REJECT" }.to_owned(),
            token_sha256: hex::encode(token_sha256),
            record: record.map(|record| self.record(&record)),
            steps: steps(refusal.as_ref()),
            refusal: refusal.map(|refusal| self.refusal(refusal)),
            certificate,
        }
    }

    fn record(&self, record: &explained::ExplainedRecord) -> ExplainedRecord {
        let (iss, audience, grants) = match record {
            explained::ExplainedRecord::Issuer(issuer) => {
                (issuer.iss().to_string(), issuer.audience(), issuer.grants())
            }
            explained::ExplainedRecord::TrustDomain(trust_domain) => {
                (format!("spiffe://{}", trust_domain.name()), trust_domain.audience(), trust_domain.grants())
            }
        };
        let scopes = || grants.iter().map(|grant| grant.scope().to_string()).collect();
        ExplainedRecord {
            id: record.id().to_owned(),
            iss,
            audience: audience.to_string(),
            grants: (self.reader == Reader::Instance).then(scopes),
        }
    }

    fn refusal(&self, refusal: explained::ExplainedRefusal) -> ExplainedRefusal {
        ExplainedRefusal {
            step: refusal.step.name().to_owned(),
            rule: refusal.rule.id().to_owned(),
            reason: refusal.reason,
            owner: refusal.owner.filter(|_| self.reader == Reader::Instance),
        }
    }

    fn certificate(&self, principal: &Principal) -> ExplainedCertificate {
        let not_before = self.now.floor_to_second();
        let moment = |at: UnixTime| at.rfc3339().unwrap_or_default();
        let extension = |(number, value): (u8, &str)| ExplainedExtension {
            oid: format!("{}.{number}", broker::ca::oid::FULCIO_ARC),
            name: extension_name(number).to_owned(),
            value: value.to_owned(),
        };
        ExplainedCertificate {
            name_type: name_type(principal.name()).to_owned(),
            name: principal.name().as_str().to_owned(),
            issuer: principal.issuer_label().to_owned(),
            not_before: moment(not_before),
            not_after: moment(not_before.plus(self.profile.lifetime())),
            extensions: principal.extensions().map(extension).collect(),
            permitted_by: principal.rule().to_owned(),
        }
    }
}

fn name_type(name: &Name) -> &'static str {
    match name {
        Name::Email(_) => "rfc822Name",
        Name::SpiffeId(_) | Name::Uri(_) => "uniformResourceIdentifier",
        Name::Username(_) => "otherName",
    }
}

fn steps(refusal: Option<&explained::ExplainedRefusal>) -> Vec<ExplainedStep> {
    let outcome = |step: Step| match refusal {
        Some(refusal) if step == refusal.step => "refused",
        Some(refusal) if step > refusal.step => "not reached",
        _ => "passed",
    };
    Step::ALL.map(|step| ExplainedStep { step: step.name().to_owned(), outcome: outcome(step).to_owned() }).to_vec()
}
