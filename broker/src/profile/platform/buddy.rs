//! Buddy.

use super::{BaseUrl, CiProfile, Condition, Extension as E, claim, named};

pub(super) fn table(base: &BaseUrl) -> CiProfile {
    let workspace = format!("{base}/{{workspace_domain}}");
    let project = format!("{workspace}/{{project_name}}");
    let pipeline = format!("{project}/pipelines/pipeline/{{pipeline_id}}");
    named("buddy", &pipeline)
        .demands(Condition::Agrees { claim: claim("base_url"), value: base.as_str().into() })
        .row(E::BuildSignerUri, &pipeline)
        .row(E::RunnerEnvironment, "{runner_environment}")
        .row(E::SourceRepositoryUri, &project)
        .row(E::SourceRepositoryDigest, "{revision?}")
        .row(E::SourceRepositoryRef, "{ref?}")
        .row(E::SourceRepositoryOwnerUri, &workspace)
        .row(E::BuildTrigger, "{triggered_on}")
        .row(E::RunInvocationUri, &format!("{pipeline}/execution/{{execution_id}}"))
}
