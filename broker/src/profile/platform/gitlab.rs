//! GitLab CI/CD.
//!
//! `ci_config_ref_uri` carries the host: `gitlab.com/group/project//.gitlab-ci.yml@refs/heads/main`. It must be the
//! host (and path) of this GitLab instance. GitLab leaves it out, and with it the name, when the pipeline's definition
//! is in another project.

use crate::profile::ci::ExtensionSource;
use crate::profile::{BaseUrl, CiProfile, ClaimPath, Extension as E, ExtensionTemplate, NameTemplate};

pub(super) fn table(base: &BaseUrl) -> CiProfile {
    let below = format!("{}/", base.without_scheme());
    let config = || ExtensionSource::Template(ExtensionTemplate::below(&below, "ci_config_ref_uri"));
    let reference = |text| ExtensionTemplate::parse(text).expect("a platform's table holds templates");
    let reference = ExtensionSource::ByValue {
        claim: ClaimPath::known("ref_type"),
        cases: vec![("branch", reference("refs/heads/{ref}")), ("tag", reference("refs/tags/{ref}"))],
    };
    CiProfile::new("gitlab", NameTemplate::below(&below, "ci_config_ref_uri"))
        .with(E::BuildSignerUri, config())
        .row(E::BuildSignerDigest, "{ci_config_sha?}")
        .row(E::RunnerEnvironment, "{runner_environment}")
        .row(E::SourceRepositoryUri, &format!("{base}/{{+project_path}}"))
        .row(E::SourceRepositoryDigest, "{sha}")
        .with(E::SourceRepositoryRef, reference)
        .row(E::SourceRepositoryIdentifier, "{project_id}")
        .row(E::SourceRepositoryOwnerUri, &format!("{base}/{{+namespace_path}}"))
        .row(E::SourceRepositoryOwnerIdentifier, "{namespace_id}")
        .with(E::BuildConfigUri, config())
        .row(E::BuildConfigDigest, "{ci_config_sha?}")
        .row(E::BuildTrigger, "{pipeline_source}")
        .row(E::RunInvocationUri, &format!("{base}/{{+project_path}}/-/jobs/{{job_id}}"))
        .row(E::SourceRepositoryVisibility, "{project_visibility}")
        .row(E::DeploymentEnvironment, "{environment?}")
}
