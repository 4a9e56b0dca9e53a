//! Build platforms: a name and extensions made from claims by templates.

use super::{ClaimError, ClaimPath, Claimed, Extension, ExtensionTemplate, NameTemplate, TemplateError};
use crate::jose::Claims;
use crate::names::Name;

/// How the tokens of one build platform are read. A table, no more: the platforms that we know are tables of ours
/// (`platform`), any other is the operator's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CiProfile {
    platform: &'static str,
    conditions: Vec<ClaimsCondition>,
    name: NameTemplate,
    extensions: Vec<(Extension, ExtensionSource)>,
}

/// Where the text of an extension comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ExtensionSource {
    Template(ExtensionTemplate),
    /// One template for each value that a claim may have; any other value is refused.
    ByValue {
        claim: ClaimPath,
        cases: Vec<(&'static str, ExtensionTemplate)>,
    },
}

/// A condition on the claims, checked before a name is made from them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ClaimsCondition {
    /// The claim has this value, or is absent.
    Agrees { claim: ClaimPath, value: String },
    /// The claim is there and has this value.
    Equals { claim: ClaimPath, value: String },
    /// The claim is there.
    Present(ClaimPath),
    /// Two claims are there and have the same value.
    Same(ClaimPath, ClaimPath),
}

/// Why an operator's `ci` table is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CiProfileError {
    /// The name's template.
    #[error("name: {0}")]
    Name(TemplateError),
    /// No extension is called that.
    #[error("extensions: \"{0}\" is not an extension that a profile can fill")]
    Extension(String),
    /// The template of an extension.
    #[error("extensions.{key}: {error}")]
    Template {
        /// The extension with the faulty template.
        key: Extension,
        /// What is wrong with the template.
        error: TemplateError,
    },
}

impl CiProfile {
    /// An operator's own table: the template of the name, and those of extensions by their keys.
    pub fn parse<'a>(
        name: &str,
        extensions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CiProfileError> {
        let name = NameTemplate::parse(name).map_err(CiProfileError::Name)?;
        let mut profile = Self::new("ci", name);
        for (key, text) in extensions {
            let key = Extension::parse(key).ok_or_else(|| CiProfileError::Extension(key.to_owned()))?;
            let template = ExtensionTemplate::parse(text).map_err(|error| CiProfileError::Template { key, error })?;
            profile = profile.with(key, ExtensionSource::Template(template));
        }
        Ok(profile)
    }

    /// The table of a platform that we know: text of ours around parts that were checked as names, so it is a template.
    pub(super) fn named(platform: &'static str, name: &str) -> Self {
        Self::new(platform, NameTemplate::parse(name).expect("a platform's name is a template"))
    }

    pub(super) fn new(platform: &'static str, name: NameTemplate) -> Self {
        Self { platform, conditions: Vec::new(), name, extensions: Vec::new() }
    }

    /// Kept in ascending order, as the certificate has them.
    pub(super) fn with(mut self, key: Extension, source: ExtensionSource) -> Self {
        self.extensions.push((key, source));
        self.extensions.sort_by_key(|(key, _)| *key);
        self
    }

    /// A row of a platform's table: text of ours around parts that were checked as names, so it is a template.
    pub(super) fn row(self, key: Extension, template: &str) -> Self {
        let template = ExtensionTemplate::parse(template).expect("a platform's table holds templates");
        self.with(key, ExtensionSource::Template(template))
    }

    pub(super) fn demands(mut self, condition: ClaimsCondition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// What configuration calls the platform: `github`, `gitlab`, …, and `ci` for an operator's own table.
    pub fn platform(&self) -> &'static str {
        self.platform
    }

    /// The name's template, for documentation.
    pub fn name_template(&self) -> String {
        self.name.to_string()
    }

    /// Each extension with what fills it, for documentation.
    pub fn table(&self) -> impl Iterator<Item = (Extension, String)> {
        self.extensions.iter().map(|(key, source)| (*key, source.to_string()))
    }

    pub(super) fn claim(&self, subject: &str, claims: &Claims) -> Result<Claimed, ClaimError> {
        let (name, extensions) = self.read(claims)?;
        Ok(Claimed { name, proof_name: subject.to_owned(), extensions })
    }

    pub(super) fn read(&self, claims: &Claims) -> Result<(Name, Vec<(u8, String)>), ClaimError> {
        self.conditions.iter().try_for_each(|condition| condition.check(claims))?;
        let name = Name::Uri(self.name.render(claims)?);
        let mut extensions = Vec::with_capacity(self.extensions.len());
        for (key, source) in &self.extensions {
            extensions.extend(source.render(claims)?.map(|text| (key.arc(), text)));
        }
        Ok((name, extensions))
    }
}

impl ExtensionSource {
    fn render(&self, claims: &Claims) -> Result<Option<String>, ClaimError> {
        match self {
            Self::Template(template) => template.render(claims),
            Self::ByValue { claim, cases } => {
                let value = claim.required(claims)?;
                let case = cases.iter().find(|(wanted, _)| *wanted == value);
                let (_, template) = case.ok_or_else(|| ClaimError::Differs(claim.to_string()))?;
                template.render(claims)
            }
        }
    }
}

impl std::fmt::Display for ExtensionSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Template(template) => template.fmt(f),
            Self::ByValue { claim, cases } => {
                let cases: Vec<_> =
                    cases.iter().map(|(value, template)| format!("{template} if {claim} is {value}")).collect();
                f.write_str(&cases.join(", "))
            }
        }
    }
}

impl ClaimsCondition {
    fn check(&self, claims: &Claims) -> Result<(), ClaimError> {
        let (claim, holds) = match self {
            Self::Agrees { claim, value } => (claim, claim.text(claims)?.is_none_or(|found| found == value)),
            Self::Equals { claim, value } => (claim, claim.required(claims)? == value),
            Self::Present(claim) => (claim, claim.required(claims).map(drop).map(|()| true)?),
            Self::Same(claim, other) => (claim, claim.required(claims)? == other.required(claims)?),
        };
        if holds { Ok(()) } else { Err(ClaimError::Differs(claim.to_string())) }
    }
}
