//! Buddy.

use crate::profile::ci::ClaimsCondition;
use crate::profile::{BaseUrl, CiProfile, ClaimPath, Extension as E};

pub(super) fn table(base: &BaseUrl) -> CiProfile {
    let workspace = format!("{base}/{{workspace_domain}}");
    let project = format!("{workspace}/{{project_name}}");
    let pipeline = format!("{project}/pipelines/pipeline/{{pipeline_id}}");
    CiProfile::named("buddy", &pipeline)
        .demands(ClaimsCondition::Agrees { claim: ClaimPath::known("base_url"), value: base.as_str().into() })
        .row(E::BuildSignerUri, &pipeline)
        .row(E::RunnerEnvironment, "{runner_environment}")
        .row(E::SourceRepositoryUri, &project)
        .row(E::SourceRepositoryDigest, "{revision?}")
        .row(E::SourceRepositoryRef, "{ref?}")
        .row(E::SourceRepositoryOwnerUri, &workspace)
        .row(E::BuildTrigger, "{triggered_on}")
        .row(E::RunInvocationUri, &format!("{pipeline}/execution/{{execution_id}}"))
}
