//! The URL of an issuer, its `iss`.

use super::{HttpsUrl, NameError};

/// An `iss`. It is compared as bytes with what tokens carry, never as a URL (rule I2).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerUrl(HttpsUrl);

impl IssuerUrl {
    /// Reads an issuer for registration: rules I1, U, H and P.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        HttpsUrl::parse(text).map(Self)
    }

    /// Reads the same, or an issuer on this machine; for development, where the operator allowed it.
    pub fn parse_or_loopback(text: &str) -> Result<Self, NameError> {
        HttpsUrl::parse_or_loopback(text).map(Self)
    }

    /// Reads the issuer that we are ourselves: any host that the operator gave us, and `http` where a proxy ends TLS.
    /// It is not fetched from, so the rules for registration do not matter; only its single spelling does.
    pub fn parse_own(text: &str) -> Result<Self, NameError> {
        HttpsUrl::parse_own(text).map(Self)
    }

    /// The exact text of the `iss`.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same as a URL.
    pub fn url(&self) -> &HttpsUrl {
        &self.0
    }

    /// The URL of its metadata: a trailing slash of the issuer is removed first (OpenID Connect Discovery 1.0 §4.1).
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.as_str().strip_suffix('/').unwrap_or(self.as_str()))
    }
}

impl std::fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_below_the_issuer() {
        for (issuer, expected) in [
            ("https://idp.example.com", "https://idp.example.com/.well-known/openid-configuration"),
            ("https://idp.example.com/t/", "https://idp.example.com/t/.well-known/openid-configuration"),
        ] {
            assert_eq!(IssuerUrl::parse(issuer).expect("is an issuer").discovery_url(), expected);
        }
    }
}
