//! The origin that clients use.

/// `https://host[:port]`, or `http://` for loopback and behind a proxy that ends TLS. No path, no slash at the end: it
/// becomes the issuer and stands in trust documents, and some clients drop paths, others double slashes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Origin(String);

/// The text is not an origin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "\"{0}\" is not an origin like https://seal.example.com (scheme, lower-case host, port if it is not 443; nothing \
     after)"
)]
pub(crate) struct OriginError(String);

impl Origin {
    pub(crate) fn parse(text: &str) -> Result<Self, OriginError> {
        let refuse = || OriginError(text.to_owned());
        let parsed = url::Url::parse(text).map_err(|_| refuse())?;
        // The standard form, byte for byte: whatever the parser would have to repair is refused.
        let standard = parsed.origin().ascii_serialization();
        if !matches!(parsed.scheme(), "http" | "https") || standard != text || text.len() > 255 {
            return Err(refuse());
        }
        Ok(Self(standard))
    }

    /// The origin of a listener's own address.
    pub(crate) fn of_address(address: std::net::SocketAddr, tls: bool) -> Self {
        Self(format!("{}://{address}", if tls { "https" } else { "http" }))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standard_form_is_an_origin() {
        for good in
            ["https://seal.example.com", "https://seal.example.com:8443", "http://127.0.0.1:8420", "http://[::1]:80"]
        {
            let is_standard = !good.ends_with(":80");
            assert_eq!(Origin::parse(good).is_ok(), is_standard, "{good}");
        }
        for bad in [
            "",
            "seal.example.com",
            "https://seal.example.com/",
            "https://seal.example.com/x",
            "https://SEAL.example.com",
            "https://seal.example.com:443",
            "https://u@seal.example.com",
            "ftp://seal.example.com",
            "https://a b",
            "https://seal.example.com?x",
            "https://bücher.example",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
