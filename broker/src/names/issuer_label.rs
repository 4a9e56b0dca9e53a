//! The label of an issuer in certificates: rule O1.

use super::{IssuerUrl, NameError, TrustDomain};

/// The text in a certificate's issuer extension, by which verifiers distinguish issuers. It is the record's `iss`
/// unless the operator says otherwise: in-cluster issuers have one `iss` in every cluster, and a trust domain may have
/// none.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerLabel(Box<str>);

impl IssuerLabel {
    /// Reads an issuer's URL, or `spiffe://` and a trust domain.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix("spiffe://") {
            Some(trust_domain) => TrustDomain::parse(trust_domain).map(drop)?,
            None => IssuerUrl::parse(text).map(drop)?,
        }
        Ok(Self(text.into()))
    }

    /// The default label of a record: its `iss`.
    pub fn of(iss: &IssuerUrl) -> Self {
        Self(iss.as_str().into())
    }

    /// The label, as certificates have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for IssuerLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn urls_and_trust_domains() {
        for good in ["https://k8s.example.com/prod-eu", "spiffe://a.test"] {
            assert_eq!(IssuerLabel::parse(good).expect("is a label").as_str(), good);
        }
        for (bad, rule) in [("prod-eu", Rule::U2), ("http://a.example", Rule::I1), ("spiffe://a.test/x", Rule::S3)] {
            assert_eq!(IssuerLabel::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad}");
        }
    }
}
