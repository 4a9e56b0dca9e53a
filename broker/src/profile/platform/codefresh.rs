//! Codefresh.

use crate::profile::ci::ClaimsCondition;
use crate::profile::{BaseUrl, CiProfile, ClaimPath, Extension as E};

pub(super) fn table(base: &BaseUrl) -> CiProfile {
    CiProfile::named("codefresh", &format!("{base}/{{account_name}}/{{+pipeline_name}}:{{account_id}}/{{pipeline_id}}"))
        .demands(ClaimsCondition::Agrees { claim: ClaimPath::known("platform_url"), value: base.as_str().into() })
        .row(E::BuildSignerUri, &format!("{base}/build/{{workflow_id}}"))
        .row(E::RunnerEnvironment, "{runner_environment?}")
        .row(E::SourceRepositoryUri, "{scm_repo_url?}")
        .row(E::SourceRepositoryRef, "{scm_ref?}")
        .row(E::BuildConfigUri, &format!("{base}/api/pipelines/{{pipeline_id}}"))
        .row(E::RunInvocationUri, &format!("{base}/build/{{workflow_id}}"))
}
