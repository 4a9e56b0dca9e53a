//! Conditions: claims that must fit a pattern (rules G5 to G7, and N3 for lists).

use shared::strict_json::Json;

use super::Mismatch;
use crate::jose::Claims;
use crate::names::Pattern;

/// A claim and patterns, at least one of which it must fit: `ref` and `refs/tags/*`.
///
/// A claim that is a list, such as `groups`, fits if one of its elements does. For those only exact patterns count
/// (rule N3): a wildcard over everybody's group names invites a group of the wrong kind. Groups of two issuers never
/// mix, since a condition belongs to one record and sees the tokens of that record only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    path: Vec<String>,
    patterns: Vec<Pattern>,
}

impl Condition {
    /// A condition on the claim at the end of the path. Without a pattern nothing fits.
    pub fn new(path: Vec<String>, patterns: Vec<Pattern>) -> Self {
        Self { path, patterns }
    }

    pub(crate) fn check(&self, claims: &Claims) -> Result<(), Mismatch> {
        let found = claims.at(&self.path).ok_or_else(|| Mismatch::ConditionMissing(self.to_string()))?;
        match found {
            Json::String(value) => self.check_text(value),
            Json::Bool(value) => self.check_text(if *value { "true" } else { "false" }),
            Json::Number(digits) => self.check_text(digits),
            Json::Array(elements) => self.check_list(elements),
            Json::Null | Json::Object(_) => Err(Mismatch::ConditionType(self.to_string())),
        }
    }

    /// The refusal is the first pattern's: with several they are all of the same claim, and the message names that.
    fn check_text(&self, value: &str) -> Result<(), Mismatch> {
        let mut refusal = None;
        for pattern in &self.patterns {
            match pattern.check(value) {
                Ok(()) => return Ok(()),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(Mismatch::ConditionDiffers { claim: self.to_string(), error: refusal })
    }

    fn check_list(&self, elements: &[Json]) -> Result<(), Mismatch> {
        let is_met = |element: &Json| {
            let exact = self.patterns.iter().filter(|pattern| pattern.is_exact());
            element.as_str().is_some_and(|text| exact.into_iter().any(|pattern| pattern.as_str() == text))
        };
        if elements.iter().any(is_met) { Ok(()) } else { Err(Mismatch::ConditionList(self.to_string())) }
    }
}

/// The way to the claim.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path.join("."))
    }
}
