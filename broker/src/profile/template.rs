//! Templates: texts with places that claims fill.
//!
//! `https://ci.example.com/{organization}/{pipeline}` has two places. A claim fills its place and nothing else: what
//! surrounds it is fixed when the configuration is read, no claim can change it, and a value with a character that
//! would end the place is refused. Escaping is not tried, since two spellings of one name would be two names.
//!
//! | place | takes |
//! |---|---|
//! | `{claim}` | part of one path segment |
//! | `{+claim}` | several whole segments, at the end also with `:` and `@` |
//! | `{claim?}` | in an extension: leave the extension out when the claim is absent |

use shared::excerpt::excerpt;

use super::{ClaimError, ClaimPath};
use crate::jose::Claims;
use crate::names::{NameError, UriName};

/// Longest accepted template, in bytes.
const MAX_TEMPLATE: usize = 1024;

/// The longest text of an extension, the same as that of a name.
const MAX_TEXT: usize = 2048;

/// Why a text is not a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than any name needs.
    #[error("the template has {0} bytes; at most {MAX_TEMPLATE} are accepted")]
    TooLong(usize),
    /// A brace without its partner.
    #[error("a brace of the template is not closed or not opened")]
    Brace,
    /// Not the name of a claim, nor a JSON Pointer.
    #[error("\"{0}\" is neither a claim's name nor a JSON Pointer to one")]
    Path(String),
    /// The fixed text is not printable ASCII without a space at either end.
    #[error("the fixed text of the template is not printable ASCII")]
    Text,
    /// A claim would choose the scheme or the host.
    #[error("the template must begin with https://, a host and a slash, none of them from a claim")]
    Authority,
    /// The fixed text can be no name, no matter what the claims say.
    #[error("no claim could make this template a name: {0}")]
    Name(NameError),
    /// A name that is the same for everyone.
    #[error("the template of a name has no claim in it")]
    Constant,
    /// A name cannot have optional parts.
    #[error("a claim of the name is marked optional")]
    Optional,
    /// Two different sets of claims could make one name.
    #[error("two sets of claims could make the same name: {0}")]
    Ambiguous(&'static str),
}

/// What a claim's value may contain at its place.
#[derive(Clone, Debug, Eq, PartialEq)]
enum TemplatePlace {
    /// Part of one segment: no slash, colon or at sign.
    Segment,
    /// Whole segments; `:` and `@` only at the end of a template.
    Segments { is_last: bool },
    /// A name of the platform itself, which begins with this host and path, and in which one empty segment parts the
    /// project from a file in it (GitLab's `ci_config_ref_uri`).
    Below(String),
    /// Any text without control characters, where no URI is being made.
    Text,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Fixed(String),
    Claim { path: ClaimPath, place: TemplatePlace, is_optional: bool },
}

/// The template of a certificate's name: always a URI, no matter what the claims say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameTemplate(ParsedTemplate);

/// The template of an extension: a URI, or any text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtensionTemplate(ParsedTemplate);

#[derive(Clone, Debug, Eq, PartialEq)]
struct ParsedTemplate {
    pieces: Vec<Piece>,
}

impl NameTemplate {
    /// Reads a template that makes different names of different claims.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = ParsedTemplate::parse(text)?;
        if !template.begins_with_authority() {
            return Err(TemplateError::Authority);
        }
        if template.places().next().is_none() {
            return Err(TemplateError::Constant);
        }
        if template.pieces.iter().any(|piece| matches!(piece, Piece::Claim { is_optional: true, .. })) {
            return Err(TemplateError::Optional);
        }
        template.check_unambiguous()?;
        UriName::parse(&template.sample()).map_err(TemplateError::Name)?;
        Ok(Self(template))
    }

    /// The whole claim is the name, but for `https://`, and must lie below `authority_and_path`, such as `gitlab.com/`.
    pub(super) fn below(authority_and_path: &str, claim: &str) -> Self {
        Self(ParsedTemplate::below(authority_and_path, claim))
    }

    /// The name that these claims make.
    pub(super) fn render(&self, claims: &Claims) -> Result<UriName, ClaimError> {
        let text = self.0.render(claims)?.ok_or(ClaimError::TooLong)?;
        let name = if self.0.places().any(|place| matches!(place, TemplatePlace::Below(_))) {
            UriName::parse_with_double_slash(&text)
        } else {
            UriName::parse(&text)
        };
        Ok(name?)
    }
}

impl ExtensionTemplate {
    /// Reads a template. One that begins with `https://` makes URIs; any other makes texts.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = ParsedTemplate::parse(text)?;
        if template.is_uri() && !template.begins_with_authority() {
            return Err(TemplateError::Authority);
        }
        Ok(Self(template))
    }

    pub(super) fn below(authority_and_path: &str, claim: &str) -> Self {
        Self(ParsedTemplate::below(authority_and_path, claim))
    }

    /// The text that these claims make; none if an optional claim is absent.
    pub(super) fn render(&self, claims: &Claims) -> Result<Option<String>, ClaimError> {
        self.0.render(claims)
    }
}

impl ParsedTemplate {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_TEMPLATE {
            return Err(TemplateError::TooLong(text.len()));
        }
        let is_uri = text.starts_with("https://");
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((fixed, after)) = rest.split_once('{') {
            push_fixed(&mut pieces, fixed)?;
            let (inner, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            pieces.push(place(inner, is_uri, after.is_empty())?);
            rest = after;
        }
        push_fixed(&mut pieces, rest)?;
        Ok(Self { pieces })
    }

    fn below(authority_and_path: &str, claim: &str) -> Self {
        let path = ClaimPath::known(claim);
        let place = TemplatePlace::Below(authority_and_path.to_owned());
        Self { pieces: vec![Piece::Fixed("https://".into()), Piece::Claim { path, place, is_optional: false }] }
    }

    fn is_uri(&self) -> bool {
        matches!(self.pieces.first(), Some(Piece::Fixed(first)) if first.starts_with("https://"))
    }

    /// Scheme, host and port, and the slash that ends them, stand in the fixed text.
    fn begins_with_authority(&self) -> bool {
        let Some(Piece::Fixed(first)) = self.pieces.first() else { return false };
        let authority = first.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
        authority.is_some_and(|(authority, _)| UriName::parse(&format!("https://{authority}")).is_ok())
    }

    fn places(&self) -> impl Iterator<Item = &TemplatePlace> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Claim { place, .. } => Some(place),
            Piece::Fixed(_) => None,
        })
    }

    /// A value of one place must not be able to take over the next: with at most one place of several segments, and a
    /// mark that values cannot hold between any two places, a name has one reading.
    fn check_unambiguous(&self) -> Result<(), TemplateError> {
        let several = self.places().filter(|place| matches!(place, TemplatePlace::Segments { .. })).count();
        if several > 1 {
            return Err(TemplateError::Ambiguous("more than one {+claim}"));
        }
        let mut was_parted = true;
        for piece in &self.pieces {
            was_parted = match piece {
                Piece::Fixed(text) => text.contains(['/', ':', '@']),
                Piece::Claim { .. } if was_parted => false,
                Piece::Claim { .. } => {
                    return Err(TemplateError::Ambiguous("no \"/\", \":\" or \"@\" between two claims"));
                }
            };
        }
        Ok(())
    }

    /// The template with a harmless value in each place.
    fn sample(&self) -> String {
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Fixed(text) => text.as_str(),
            Piece::Claim { .. } => "x",
        });
        texts.collect()
    }

    fn render(&self, claims: &Claims) -> Result<Option<String>, ClaimError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Claim { path, is_optional: true, .. } if matches!(path.text(claims)?, None | Some("")) => {
                    return Ok(None);
                }
                Piece::Claim { path, place, .. } => {
                    let value = path.required(claims)?;
                    if !place.takes(value) {
                        let value = excerpt(value, 80);
                        return Err(ClaimError::Place { claim: path.to_string(), value });
                    }
                    text.push_str(value);
                }
            }
        }
        if text.len() > MAX_TEXT { Err(ClaimError::TooLong) } else { Ok(Some(text)) }
    }
}

fn push_fixed(pieces: &mut Vec<Piece>, text: &str) -> Result<(), TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::Brace);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(TemplateError::Text);
    }
    if !text.is_empty() {
        pieces.push(Piece::Fixed(text.to_owned()));
    }
    Ok(())
}

fn place(inner: &str, is_uri: bool, is_last: bool) -> Result<Piece, TemplateError> {
    let (inner, is_optional) = inner.strip_suffix('?').map_or((inner, false), |inner| (inner, true));
    let (name, is_several) = inner.strip_prefix('+').map_or((inner, false), |name| (name, true));
    let path = ClaimPath::parse(name).filter(|_| !name.contains('{'));
    let path = path.ok_or_else(|| TemplateError::Path(excerpt(name, 80)))?;
    let place = match (is_uri, is_several) {
        (false, _) => TemplatePlace::Text,
        (true, false) => TemplatePlace::Segment,
        (true, true) => TemplatePlace::Segments { is_last },
    };
    Ok(Piece::Claim { path, place, is_optional })
}

impl TemplatePlace {
    fn takes(&self, value: &str) -> bool {
        match self {
            Self::Segment => is_segment(value, false),
            Self::Segments { is_last } => value.split('/').all(|segment| is_segment(segment, *is_last)),
            Self::Below(above) => value.strip_prefix(above.as_str()).is_some_and(is_project_file),
            Self::Text => !value.chars().any(char::is_control),
        }
    }
}

/// `group/project//file@ref`, or the same without the empty segment.
fn is_project_file(path: &str) -> bool {
    let is_path = |text: &str| text.split('/').all(|segment| is_segment(segment, true));
    match path.split_once("//") {
        Some((project, file)) => is_path(project) && is_path(file),
        None => is_path(path),
    }
}

/// RFC 3986 §3.3 `pchar` without percent-encoding, less the colon and the at sign unless they are `allowed`.
fn is_segment(value: &str, allows_marks: bool) -> bool {
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) || (allows_marks && b":@".contains(&byte))
    };
    !matches!(value, "" | "." | "..") && value.bytes().all(is_allowed)
}

impl std::fmt::Display for ParsedTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(text) => f.write_str(text)?,
                Piece::Claim { path, place, is_optional } => {
                    let plus = if matches!(place, TemplatePlace::Segments { .. } | TemplatePlace::Below(_)) {
                        "+"
                    } else {
                        ""
                    };
                    write!(f, "{{{plus}{path}{}}}", if *is_optional { "?" } else { "" })?;
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for ExtensionTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
