//! The parameters of a request, `application/x-www-form-urlencoded`, each at most once.

use std::fmt;

/// Longest query that is read, in bytes.
pub const MAX_QUERY: usize = 8 * 1024;
/// Longest form that is read, in bytes.
pub const MAX_FORM: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 64;

/// Decoded parameters in their order.
#[derive(Clone, Default)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    repeated: Option<String>,
}

/// The text is not a list of parameters that we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// A `%` without two hex digits, or bytes that are not UTF-8 (RFC 6749 Appendix B).
    #[error("the parameters are not well-formed application/x-www-form-urlencoded UTF-8")]
    Encoding,
    /// RFC 6749 §3.1: request parameters must not be included more than once.
    #[error("the parameter '{0}' is included more than once")]
    Repeated(String),
    /// More of them than any client sends.
    #[error("more than {MAX_PARAMETERS} parameters")]
    TooMany,
}

impl Parameters {
    /// Reads a query or a form.
    pub fn parse(text: &[u8]) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if parameters.pairs.len() == MAX_PARAMETERS {
                return Err(ParameterError::TooMany);
            }
            let mut halves = part.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if parameters.pairs.iter().any(|(known, _)| *known == name) {
                parameters.repeated.get_or_insert_with(|| name.clone());
            }
            parameters.pairs.push((name, value));
        }
        Ok(parameters)
    }

    /// The value of `name`. One without a value counts as omitted (RFC 6749 §3.1), one that is repeated too: code that
    /// acts on the request asks `check_unique` as well.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut found = self.pairs.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        (found.next().is_none() && !value.is_empty()).then_some(value.as_str())
    }

    /// The same with `name` set to `value`; a different value for it counts as a repetition.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.pairs.iter().find(|(known, _)| known == name) {
            Some((_, known)) if known == value => {}
            Some(_) => self.repeated = Some(name.to_owned()),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Refuses a request with a repeated parameter.
    pub fn check_unique(&self) -> Result<(), ParameterError> {
        match &self.repeated {
            Some(name) => Err(ParameterError::Repeated(name.clone())),
            None => Ok(()),
        }
    }
}

/// Values may be passwords and codes: only names are shown.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

pub(super) fn decode(text: &[u8]) -> Result<String, ParameterError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = rest.next().and_then(|digit| hex_value(*digit));
                let low = rest.next().and_then(|digit| hex_value(*digit));
                high.zip(low).map(|(high, low)| high << 4 | low).ok_or(ParameterError::Encoding)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| ParameterError::Encoding)
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let read = Parameters::parse(b"scope=openid+email&redirect_uri=http%3A%2F%2Flocalhost%3A1%2F&client_secret=&x")
            .expect("well-formed");
        assert_eq!(read.value("scope"), Some("openid email"));
        assert_eq!(read.value("redirect_uri"), Some("http://localhost:1/"));
        assert_eq!(read.value("client_secret"), None, "an empty value is an omitted one");
        assert_eq!(read.value("x"), None);
        assert_eq!(read.value("absent"), None);
        assert_eq!(read.check_unique(), Ok(()));
    }

    #[test]
    fn refuses_what_no_client_sends() {
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1"] {
            assert_eq!(Parameters::parse(bad.as_bytes()).err(), Some(ParameterError::Encoding), "{bad}");
        }
        let many = vec!["a=1"; MAX_PARAMETERS + 1].join("&");
        assert_eq!(Parameters::parse(many.as_bytes()).err(), Some(ParameterError::TooMany));
        let twice = Parameters::parse(b"state=1&st%61te=2").expect("well-formed");
        assert_eq!(twice.check_unique(), Err(ParameterError::Repeated("state".to_owned())));
        assert_eq!(twice.value("state"), None, "neither of two values is taken");
    }
}
