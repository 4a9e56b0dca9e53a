//! CircleCI.
//!
//! A job that was restarted for a login by SSH is no build: anyone at that shell could sign anything. Its
//! tokens say so and are refused.

use crate::profile::ci::ClaimsCondition;
use crate::profile::{CiProfile, ClaimPath, Extension as E};

const DEFINITION: &str = "https://circleci.com/api/v2/projects/{oidc.circleci.com/project-id}/pipeline-definitions/\
    {oidc.circleci.com/pipeline-definition-id}";

pub(super) fn table() -> CiProfile {
    CiProfile::named("circleci", DEFINITION)
        .demands(ClaimsCondition::Agrees {
            claim: ClaimPath::known("oidc.circleci.com/ssh-rerun"),
            value: "false".into(),
        })
        .row(E::BuildSignerUri, DEFINITION)
        .row(E::SourceRepositoryUri, "{oidc.circleci.com/vcs-origin?}")
        .row(E::SourceRepositoryRef, "{oidc.circleci.com/vcs-ref?}")
        .row(E::BuildConfigUri, "https://circleci.com/api/v2/pipeline/{oidc.circleci.com/pipeline-id}/config")
        // Two slashes, as in every certificate of the public Sigstore.
        .row(
            E::RunInvocationUri,
            "https://app.circleci.com//workflow/{oidc.circleci.com/workflow-id}/job/{oidc.circleci.com/job-id}",
        )
}
