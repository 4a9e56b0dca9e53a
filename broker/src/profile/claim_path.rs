//! The path to a claim in a token.

use shared::strict_json::Json;

use super::ClaimError;
use crate::jose::Claims;

/// The way to one claim: its name, or a JSON Pointer (RFC 6901) to a member inside other claims.
///
/// A name is taken as it is, dots and slashes included: platforms call claims `oidc.circleci.com/project-id`. Only a
/// text that begins with a slash is a pointer: `/kubernetes.io/namespace`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Reads a name or a pointer. None if it is empty, or the pointer has an escape that is neither `~0` nor `~1`.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(pointer) = text.strip_prefix('/') else {
            return (!text.is_empty()).then(|| Self(vec![text.to_owned()]));
        };
        let steps: Option<Vec<_>> = pointer.split('/').map(unescape).collect();
        steps.filter(|steps| steps.iter().all(|step| !step.is_empty())).map(Self)
    }

    /// A claim that a platform's tokens have, by a name of ours.
    pub(super) fn known(name: &str) -> Self {
        Self::parse(name).expect("a platform's claim has a name")
    }

    /// The names of the members on the way.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// The claim's text: a string, the very digits of a whole number, `true` or `false`. None if it is absent or
    /// `null`.
    ///
    /// An empty string is an error also where the claim may be absent: an issuer without a value leaves it out.
    pub(super) fn text<'a>(&self, claims: &'a Claims) -> Result<Option<&'a str>, ClaimError> {
        let text = match claims.at(&self.0) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::String(text)) => text,
            Some(Json::Number(digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits,
            Some(Json::Bool(true)) => "true",
            Some(Json::Bool(false)) => "false",
            Some(_) => return Err(ClaimError::Type(self.to_string())),
        };
        Ok(Some(text))
    }

    /// The claim's text, which must be there.
    pub(super) fn required<'a>(&self, claims: &'a Claims) -> Result<&'a str, ClaimError> {
        match self.text(claims)? {
            None => Err(ClaimError::Missing(self.to_string())),
            Some("") => Err(ClaimError::Empty(self.to_string())),
            Some(text) => Ok(text),
        }
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut text = String::with_capacity(step.len());
    let mut rest = step;
    while let Some((before, after)) = rest.split_once('~') {
        text.push_str(before);
        text.push(match after.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        rest = &after[1..];
    }
    text.push_str(rest);
    Some(text)
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0[..] {
            [name] if !name.starts_with('/') => f.write_str(name),
            steps => steps.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let json = r#"{"a.b/c":"name","n":12345678901234567890,"f":1.0,"e":1e3,"minus":-1,"t":true,"o":{"x/y":{"~":"deep"}},
            "null":null,"list":["a"],"empty":""}"#;
        Claims::parse(json.as_bytes()).expect("strict JSON")
    }

    #[test]
    fn names_pointers_and_types() {
        let found = |path: &str| {
            let claims = claims();
            ClaimPath::parse(path).expect("a path").required(&claims).map(str::to_owned)
        };
        assert_eq!(found("a.b/c").as_deref(), Ok("name"));
        assert_eq!(found("/o/x~1y/~0").as_deref(), Ok("deep"));
        assert_eq!(found("n").as_deref(), Ok("12345678901234567890"), "not one digit is lost");
        assert_eq!(found("t").as_deref(), Ok("true"));
        for odd in ["f", "e", "minus", "list", "o"] {
            assert_eq!(found(odd), Err(ClaimError::Type(odd.to_owned())));
        }
        for absent in ["null", "o/x~1y", "nothing", "/o/z"] {
            assert_eq!(found(absent), Err(ClaimError::Missing(absent.to_owned())));
        }
        assert_eq!(found("empty"), Err(ClaimError::Empty("empty".to_owned())));
    }

    #[test]
    fn a_path_reads_back() {
        for path in ["a", "a.b/c", "/o/x~1y/~0", "/~1a"] {
            assert_eq!(ClaimPath::parse(path).expect("a path").to_string(), path);
        }
        for bad in ["", "/", "/a//b", "/a~2b", "/a~"] {
            assert_eq!(ClaimPath::parse(bad), None, "{bad}");
        }
    }
}
