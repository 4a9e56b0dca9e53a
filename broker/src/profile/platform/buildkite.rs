//! Buildkite.

use crate::profile::{CiProfile, Extension as E};

const PIPELINE: &str = "https://buildkite.com/{organization_slug}/{pipeline_slug}";

pub(super) fn table() -> CiProfile {
    CiProfile::named("buildkite", PIPELINE)
        .row(E::RunnerEnvironment, "{runner_environment}")
        .row(E::SourceRepositoryDigest, "{build_commit}")
        .row(E::BuildTrigger, "{build_source}")
        .row(E::RunInvocationUri, &format!("{PIPELINE}/builds/{{build_number}}#{{job_id}}"))
}
