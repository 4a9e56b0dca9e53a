//! GitHub Actions.
//!
//! `sub` is never read: its layout is the repository owner's to change, and it changed for everyone in July 2026. The
//! name follows `job_workflow_ref`, the workflow whose steps really ran, so a reusable workflow of another owner is
//! that owner's.

use crate::profile::{BaseUrl, CiProfile, Extension as E};

pub(super) fn table(base: &BaseUrl) -> CiProfile {
    CiProfile::named("github", &format!("{base}/{{+job_workflow_ref}}"))
        .row(E::GithubWorkflowTrigger, "{event_name}")
        .row(E::GithubWorkflowSha, "{sha}")
        .row(E::GithubWorkflowName, "{workflow}")
        .row(E::GithubWorkflowRepository, "{repository}")
        .row(E::GithubWorkflowRef, "{ref}")
        .row(E::BuildSignerUri, &format!("{base}/{{+job_workflow_ref}}"))
        .row(E::BuildSignerDigest, "{job_workflow_sha}")
        .row(E::RunnerEnvironment, "{runner_environment}")
        .row(E::SourceRepositoryUri, &format!("{base}/{{+repository}}"))
        .row(E::SourceRepositoryDigest, "{sha}")
        .row(E::SourceRepositoryRef, "{ref}")
        .row(E::SourceRepositoryIdentifier, "{repository_id}")
        .row(E::SourceRepositoryOwnerUri, &format!("{base}/{{repository_owner}}"))
        .row(E::SourceRepositoryOwnerIdentifier, "{repository_owner_id}")
        .row(E::BuildConfigUri, &format!("{base}/{{+workflow_ref}}"))
        .row(E::BuildConfigDigest, "{workflow_sha}")
        .row(E::BuildTrigger, "{event_name}")
        .row(E::RunInvocationUri, &format!("{base}/{{+repository}}/actions/runs/{{run_id}}/attempts/{{run_attempt}}"))
        .row(E::SourceRepositoryVisibility, "{repository_visibility}")
        .row(E::DeploymentEnvironment, "{environment?}")
}
