//! Redirect URIs, and the answers that are sent to them.

use serde::{Deserialize, Serialize};
use shared::excerpt::excerpt;
use url::form_urlencoded::Serializer;

use super::error_code::ErrorCode;

/// The out-of-band "redirect": the page shows the code and the person carries it to the program.
pub(super) const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
/// Longest redirect URI that we take; all of the flow has to fit a cookie.
pub(super) const MAX_REDIRECT_URI: usize = 1024;

/// A redirect URI that a configuration may not register.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RedirectError {
    /// Not `https://`, nor `http://` on a loopback host, nor a private-use scheme with a dot (RFC 8252 §7.1).
    #[error("the redirect URI '{0}' is neither https, nor http on localhost, nor a scheme of its owner's domain")]
    Scheme(String),
    /// Characters outside RFC 3986, a fragment (RFC 6749 §3.1.2), user information, or too long.
    #[error(
        "the redirect URI '{0}' has a fragment, user information or characters that no URI has, or is over {MAX_REDIRECT_URI} bytes"
    )]
    Syntax(String),
}

/// Which redirect URIs a client may name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Redirects {
    /// Compared byte for byte (RFC 9700 §2.1): no wildcards, no normalisation.
    pub(super) exact: Vec<String>,
    /// `http` on `localhost`, `127.0.0.1` and `[::1]` with any port (RFC 8252 §7.3).
    pub(super) loopback: bool,
    /// The out-of-band page.
    pub(super) out_of_band: bool,
}

impl Redirects {
    pub(super) fn allows(&self, uri: &str) -> bool {
        (self.out_of_band && uri == OUT_OF_BAND)
            || self.exact.iter().any(|registered| registered == uri)
            || (self.loopback && loopback_host(uri).is_some())
    }
}

/// Checks a redirect URI that a configuration registers.
pub(super) fn check_registered(uri: &str) -> Result<(), RedirectError> {
    if !is_plain(uri) {
        return Err(RedirectError::Syntax(uri.to_owned()));
    }
    let parsed = url::Url::parse(uri).map_err(|_| RedirectError::Syntax(uri.to_owned()))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(RedirectError::Syntax(uri.to_owned()));
    }
    match parsed.scheme() {
        "https" if parsed.has_host() => Ok(()),
        "http" if loopback_host(uri).is_some() => Ok(()),
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(RedirectError::Scheme(uri.to_owned())),
    }
}

/// Printable ASCII of RFC 3986 without `#`; quotes, angle brackets and backslashes, over which parsers disagree, are
/// none.
fn is_plain(uri: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte);
    uri.len() <= MAX_REDIRECT_URI && uri.bytes().all(allowed)
}

/// The host of an `http` loopback URI, read by hand: the bytes between `http://` and the path must be one of three
/// hosts and, if any, a port. A user part (`http://localhost:x@evil.example/`) or a longer name cannot match.
fn loopback_host(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("http://").filter(|_| is_plain(uri))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| authority.starts_with(host))?;
    let port = authority.strip_prefix(host)?;
    let port_is_fine = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    port_is_fine.then_some(host)
}

/// A checked redirect URI with the client's `state`: the only thing that an answer is ever sent to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReturnTo {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

/// An answer to an authorization request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RedirectAnswer {
    /// Send the browser to this URI.
    Redirect(String),
    /// Show this code, for the person to carry to the program.
    ShowCode(String),
    /// Show this error: the client has no redirect URI.
    ShowError {
        /// The code of RFC 6749 §4.1.2.1.
        code: ErrorCode,
        /// The error in one sentence.
        description: String,
    },
}

impl ReturnTo {
    /// The URI that the answer goes to.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(super) fn with_code(&self, code: &str, issuer: &str) -> RedirectAnswer {
        if self.redirect_uri == OUT_OF_BAND {
            return RedirectAnswer::ShowCode(code.to_owned());
        }
        RedirectAnswer::Redirect(self.with(&[("code", code)], issuer))
    }

    pub(super) fn with_error(&self, code: ErrorCode, description: &str, issuer: &str) -> RedirectAnswer {
        let description = description_text(description);
        if self.redirect_uri == OUT_OF_BAND {
            return RedirectAnswer::ShowError { code, description };
        }
        RedirectAnswer::Redirect(self.with(&[("error", code.as_str()), ("error_description", &description)], issuer))
    }

    /// `iss` goes with every answer, so a client of several providers cannot be confused about the sender (RFC 9207).
    fn with(&self, pairs: &[(&str, &str)], issuer: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", issuer);
        let query = query.finish();
        let joint = match self.redirect_uri.find('?') {
            None => "?",
            Some(at) if at + 1 == self.redirect_uri.len() || self.redirect_uri.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{joint}{query}", self.redirect_uri)
    }

    /// What a page's `form-action` must allow besides ourselves, so that the redirect after its form is followed.
    pub fn form_action_source(&self) -> Option<String> {
        if self.redirect_uri == OUT_OF_BAND {
            return None;
        }
        let (scheme, rest) = self.redirect_uri.split_once(':')?;
        let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        match authority {
            // A host source cannot hold an IPv6 address (CSP3 §2.3.1), so the scheme has to do.
            Some(authority) if !authority.is_empty() && !authority.contains('[') => {
                Some(format!("{scheme}://{authority}"))
            }
            Some(_) | None => Some(format!("{scheme}:")),
        }
    }
}

/// `error_description` holds printable ASCII without quotes and backslashes (RFC 6749 §4.1.2.1).
pub(super) fn description_text(text: &str) -> String {
    const MAX: usize = 400;
    let permitted = |c: char| match c {
        '"' => '\'',
        '\\' => '?',
        ' '..='~' => c,
        _ => '?',
    };
    excerpt(text, MAX).chars().map(permitted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigstore() -> Redirects {
        Redirects { exact: vec!["https://app.example/cb?a=1".to_owned()], loopback: true, out_of_band: true }
    }

    #[test]
    fn loopback_any_port_exact_otherwise() {
        for good in [
            "http://localhost:1/auth/callback",
            "http://localhost:65535",
            "http://localhost/x?y=z",
            "http://127.0.0.1:8080/",
            "http://[::1]:4444/cb",
            "urn:ietf:wg:oauth:2.0:oob",
            "https://app.example/cb?a=1",
        ] {
            assert!(sigstore().allows(good), "{good}");
        }
    }

    #[test]
    fn open_redirects_are_refused() {
        for bad in [
            "http://localhost:x@evil.example/",
            "http://localhost@evil.example/",
            "http://localhost:1@evil.example/",
            "http://localhost.evil.example/",
            "http://localhostevil",
            "http://localhost:/",
            "http://localhost:0/",
            "http://localhost:65536/",
            "http://localhost:+1/",
            "http://localhost:1\\@evil.example/",
            "http://localhost:1/#fragment",
            "http://localhost:1/\r\nSet-Cookie: a=b",
            "http://localhost:1/ x",
            "http://LOCALHOST:1/",
            "http://127.0.0.2:1/",
            "http://127.1/",
            "http://[::ffff:127.0.0.1]:1/",
            "http://[::1]evil/",
            "https://localhost:1/",
            "//localhost/",
            "javascript:alert(1)//http://localhost",
            "urn:ietf:wg:oauth:2.0:oob:auto",
            "https://app.example/cb",
            "https://app.example/cb?a=1&b=2",
            "https://app.example/cb?a=1/",
            "https://app.example:443/cb?a=1",
            "",
        ] {
            assert!(!sigstore().allows(bad), "{bad}");
        }
        assert!(!Redirects::default().allows("http://localhost:1/"));
        assert!(!sigstore().allows(&format!("http://localhost:1/{}", "a".repeat(MAX_REDIRECT_URI))));
    }

    #[test]
    fn registered_uris() {
        for good in ["https://app.example/cb", "http://localhost:9/cb", "com.example.app:/cb"] {
            assert_eq!(check_registered(good), Ok(()), "{good}");
        }
        for bad in
            ["http://app.example/cb", "https://u:p@app.example/", "https://a.example/#f", "javascript:x", "x", "data:x"]
        {
            assert!(check_registered(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_keep_the_uri_and_carry_state_and_iss() {
        let table = [
            ("http://localhost:1/cb", "http://localhost:1/cb?code=c&state=a+b%26&iss=https%3A%2F%2Fh%2Foidc"),
            ("https://a.example/?x=1", "https://a.example/?x=1&code=c&state=a+b%26&iss=https%3A%2F%2Fh%2Foidc"),
            ("https://a.example/?", "https://a.example/?code=c&state=a+b%26&iss=https%3A%2F%2Fh%2Foidc"),
        ];
        for (uri, expected) in table {
            let back = ReturnTo { redirect_uri: uri.to_owned(), state: Some("a b&".to_owned()) };
            assert_eq!(back.with_code("c", "https://h/oidc"), RedirectAnswer::Redirect(expected.to_owned()));
        }
        let oob = ReturnTo { redirect_uri: OUT_OF_BAND.to_owned(), state: None };
        assert_eq!(oob.with_code("c", "i"), RedirectAnswer::ShowCode("c".to_owned()));
        assert_eq!(oob.form_action_source(), None);
    }

    #[test]
    fn form_action_names_the_redirect_origin() {
        for (uri, source) in [
            ("http://localhost:1/cb", "http://localhost:1"),
            ("https://a.example/?x=1", "https://a.example"),
            ("http://[::1]:5/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
        ] {
            let back = ReturnTo { redirect_uri: uri.to_owned(), state: None };
            assert_eq!(back.form_action_source().as_deref(), Some(source));
        }
    }
}
