//! The extensions that say where a certificate's holder was built.

macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident = $arc:literal, $key:literal;)+) => {
        /// An extension of Fulcio's arc that a profile can fill. Issuer (.1, .8) and subject (.24) are not among them:
        /// every certificate has those, from the token itself.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Extension { $($(#[$doc])* $variant = $arc),+ }

        impl Extension {
            /// Every one, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What configuration and documentation call it, which is what Fulcio's configuration calls it.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),+ }
            }
        }
    };
}

extensions! {
    /// Bare text, deprecated.
    GithubWorkflowTrigger = 2, "github-workflow-trigger";
    /// Bare text, deprecated.
    GithubWorkflowSha = 3, "github-workflow-sha";
    /// Bare text, deprecated.
    GithubWorkflowName = 4, "github-workflow-name";
    /// Bare text, deprecated.
    GithubWorkflowRepository = 5, "github-workflow-repository";
    /// Bare text, deprecated.
    GithubWorkflowRef = 6, "github-workflow-ref";
    /// The instructions that signed.
    BuildSignerUri = 9, "build-signer-uri";
    /// Their digest.
    BuildSignerDigest = 10, "build-signer-digest";
    /// Whether the build ran on a hosted or a self-hosted machine.
    RunnerEnvironment = 11, "runner-environment";
    /// What was built.
    SourceRepositoryUri = 12, "source-repository-uri";
    /// Its commit.
    SourceRepositoryDigest = 13, "source-repository-digest";
    /// Its branch or tag.
    SourceRepositoryRef = 14, "source-repository-ref";
    /// Its immutable identifier.
    SourceRepositoryIdentifier = 15, "source-repository-identifier";
    /// Its owner.
    SourceRepositoryOwnerUri = 16, "source-repository-owner-uri";
    /// The owner's immutable identifier.
    SourceRepositoryOwnerIdentifier = 17, "source-repository-owner-identifier";
    /// The top-level instructions.
    BuildConfigUri = 18, "build-config-uri";
    /// Their digest.
    BuildConfigDigest = 19, "build-config-digest";
    /// What started the build.
    BuildTrigger = 20, "build-trigger";
    /// The URL of the run.
    RunInvocationUri = 21, "run-invocation-uri";
    /// Whether the source was public.
    SourceRepositoryVisibility = 22, "source-repository-visibility-at-signing";
    /// What the build was for.
    DeploymentEnvironment = 23, "deployment-environment";
}

impl Extension {
    /// The last arc of 1.3.6.1.4.1.57264.1.N.
    pub const fn arc(self) -> u8 {
        self as u8
    }

    /// The extension with this configuration key.
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|extension| extension.key() == key)
    }
}

impl std::fmt::Display for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}
