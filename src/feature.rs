//! The Cargo features: what this build can do beside the demo, and how it refuses what it cannot.

use std::sync::LazyLock;

/// What a feature in `Cargo.toml` switches on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feature {
    DenyExpressions,
    DnsProofs,
    UpstreamLogin,
    WorkloadApi,
}

/// A configuration or a request needs what this build lacks. It is refused, never ignored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "this build cannot {}; use a package, or build with --features {} (or full)",
    .0.ability(),
    .0.name()
)]
pub(crate) struct NotBuilt(pub(crate) Feature);

impl Feature {
    const ALL: [Self; 4] = [Self::DenyExpressions, Self::DnsProofs, Self::UpstreamLogin, Self::WorkloadApi];

    /// As `Cargo.toml` says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DenyExpressions => "deny-expressions",
            Self::DnsProofs => "dns-proofs",
            Self::UpstreamLogin => "upstream-login",
            Self::WorkloadApi => "workload-api",
        }
    }

    fn ability(self) -> &'static str {
        match self {
            Self::DenyExpressions => "evaluate `deny` expressions",
            Self::DnsProofs => "ask name servers for proofs",
            Self::UpstreamLogin => "log in at upstream providers",
            Self::WorkloadApi => "use the SPIFFE Workload API",
        }
    }

    fn is_built(self) -> bool {
        match self {
            Self::DenyExpressions => cfg!(feature = "deny-expressions"),
            Self::DnsProofs => cfg!(feature = "dns-proofs"),
            Self::UpstreamLogin => cfg!(feature = "upstream-login"),
            Self::WorkloadApi => cfg!(feature = "workload-api"),
        }
    }

    /// Good only if this build has it.
    pub(crate) fn require(self) -> Result<(), NotBuilt> {
        if self.is_built() { Ok(()) } else { Err(NotBuilt(self)) }
    }
}

/// What `--version` prints: the version, and the features that are built in.
pub(crate) fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let built: Vec<_> = Feature::ALL.into_iter().filter(|one| one.is_built()).map(Feature::name).collect();
        let built = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
        format!("{}\nfeatures: {built}", env!("CARGO_PKG_VERSION"))
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packages say `full`, so nothing may be missing from it.
    #[test]
    fn full_is_every_feature() {
        let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml")).expect("a manifest");
        let features = manifest["features"].as_table().expect("a table");
        let full: Vec<_> = features["full"].as_array().expect("a list").iter().filter_map(|one| one.as_str()).collect();
        assert_eq!(full, Feature::ALL.map(Feature::name));
        // `edge-tests` is for our tests alone.
        let of_packages = |name: &&str| !["edge-tests", "full"].contains(name);
        let mut named: Vec<_> = features.keys().map(String::as_str).filter(of_packages).collect();
        named.sort_unstable();
        assert_eq!(named, Feature::ALL.map(Feature::name));
    }

    #[test]
    fn what_is_missing_says_what_to_do() {
        let text = NotBuilt(Feature::UpstreamLogin).to_string();
        let expected = "this build cannot log in at upstream providers; \
                        use a package, or build with --features upstream-login (or full)";
        assert_eq!(text, expected);
        assert_eq!(Feature::UpstreamLogin.require().is_ok(), cfg!(feature = "upstream-login"));
    }
}
