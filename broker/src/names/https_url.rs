//! URLs that this instance may connect to.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::name_error::excerpt;
use super::uri_name::{self, UriParts};
use super::{NameError, domain_name};

/// An `https` URL in its one spelling, by the same grammar as [`super::UriName`]. Where
/// development on one machine is allowed, it may also be `http` or `https` on `localhost`, `127.0.0.1` or `[::1]`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HttpsUrl {
    text: Box<str>,
    scheme_end: u16,
    host_end: u16,
    port: Option<u16>,
    is_loopback: bool,
}

impl HttpsUrl {
    /// Reads an `https` URL of a host with a proper domain name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts = uri_name::split(text)?;
        if parts.scheme(text) != "https" {
            return Err(NameError::NotHttps(excerpt(text)));
        }
        domain_name::check(parts.host(text))?;
        Ok(Self::new(text, parts))
    }

    /// Reads the same, or an `http` or `https` URL of this machine.
    pub fn parse_or_loopback(text: &str) -> Result<Self, NameError> {
        let (stand_in, _) = without_brackets(text);
        if let Ok(parts) = uri_name::split(&stand_in)
            && ["http", "https"].contains(&parts.scheme(text))
            && ["localhost", "127.0.0.1", "[::1]"].contains(&parts.host(text))
        {
            return Ok(Self { is_loopback: true, ..Self::new(text, parts) });
        }
        Self::parse(text)
    }

    /// Reads the address of this instance itself, which is compared and published but never called: `http` where a
    /// proxy ends TLS, and any host that a client can reach, also a single label or an IP address.
    pub(super) fn parse_own(text: &str) -> Result<Self, NameError> {
        let (stand_in, is_v6) = without_brackets(text);
        let parts = uri_name::split(&stand_in)?;
        if !["http", "https"].contains(&parts.scheme(text)) {
            return Err(NameError::NotHttps(excerpt(text)));
        }
        let host = parts.host(text);
        if !is_v6 && host.parse::<Ipv4Addr>().is_err() {
            match domain_name::check(host) {
                Ok(()) | Err(NameError::HostSingleLabel(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self::new(text, parts))
    }

    fn new(text: &str, parts: UriParts) -> Self {
        let scheme_end = parts.scheme(text).len() as u16;
        let host_end = scheme_end + 3 + parts.host(text).len() as u16;
        Self { text: text.into(), scheme_end, host_end, port: parts.port(), is_loopback: false }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, with brackets if it is an IPv6 address.
    pub fn host(&self) -> &str {
        &self.text[usize::from(self.scheme_end) + 3..usize::from(self.host_end)]
    }

    /// The path: empty, or beginning with a slash.
    pub fn path(&self) -> &str {
        let after_host = &self.text[usize::from(self.host_end)..];
        after_host.find('/').map_or("", |slash| &after_host[slash..])
    }

    /// The port, if it is not the scheme's default.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// True for a URL of this machine.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// True for `http`, which only a loopback URL can be.
    pub fn is_plain_http(&self) -> bool {
        &self.text[..usize::from(self.scheme_end)] == "http"
    }
}

impl std::fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// An IPv6 address has colons where a port is looked for: the check of everything else runs on a stand-in of the same
/// length. Text that is not an address in brackets stays as it is, and is refused for its colons.
fn without_brackets(text: &str) -> (Cow<'_, str>, bool) {
    let Some((scheme, rest)) = text.split_once("://[") else { return (Cow::Borrowed(text), false) };
    match rest.split_once(']') {
        Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => {
            (Cow::Owned(format!("{scheme}://{}{rest}", "x".repeat(address.len() + 2))), true)
        }
        _ => (Cow::Borrowed(text), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn https_only_and_loopback_only_with_leave() {
        let url = HttpsUrl::parse("https://idp.example.com:8443/realms/eng").expect("is a URL");
        assert_eq!(
            (url.host(), url.port(), url.is_loopback(), url.is_plain_http()),
            ("idp.example.com", Some(8443), false, false)
        );
        assert_eq!(url.path(), "/realms/eng");
        assert_eq!(HttpsUrl::parse("https://idp.example.com").expect("is a URL").path(), "");
        for text in ["http://127.0.0.1:5556/oidc", "http://localhost", "https://[::1]:8443/a", "http://[::1]"] {
            assert!(HttpsUrl::parse(text).is_err(), "{text}");
            let url = HttpsUrl::parse_or_loopback(text).expect("is a loopback URL");
            assert!(url.is_loopback() && url.as_str() == text, "{text}");
        }
        assert_eq!(HttpsUrl::parse_or_loopback("https://[::1]:8443/a").expect("is a URL").host(), "[::1]");
        let cases = [
            ("http://idp.example.com", Rule::I1),
            ("spiffe://idp.example.com", Rule::I1),
            ("http://localhost.evil.net", Rule::I1),
            ("http://127.0.0.2", Rule::I1),
            ("https://loop6", Rule::H5),
            ("https://127.0.0.1@evil.net", Rule::U5),
            ("http://[::1]/%2e", Rule::U6),
            ("http://127.0.0.1/a/../b", Rule::P3),
        ];
        for (bad, rule) in cases {
            assert_eq!(HttpsUrl::parse_or_loopback(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }

    #[test]
    fn our_own_address_may_be_any_host_in_one_spelling() {
        for text in [
            "https://seal.example.com/oidc",
            "http://seal/oidc",
            "https://10.1.2.3:8443/oidc",
            "http://[::1]:8420/oidc",
            "https://[2001:db8::1]/oidc",
        ] {
            assert_eq!(HttpsUrl::parse_own(text).expect("is our own").as_str(), text);
        }
        assert_eq!(HttpsUrl::parse_own("https://[2001:db8::1]:81/a").expect("is our own").host(), "[2001:db8::1]");
        for (bad, rule) in [
            ("ftp://seal", Rule::I1),
            ("https://SEAL/oidc", Rule::H2),
            ("https://1.2.3/oidc", Rule::H9),
            ("https://[::1", Rule::U6),
            ("https://[evil.net]/", Rule::H7),
            ("https://seal:443/oidc", Rule::U6),
            ("https://u@seal/oidc", Rule::U5),
        ] {
            assert_eq!(HttpsUrl::parse_own(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }
}
