//! What a record requires of the claims of its tokens, from the configuration file.

use std::fmt::Display;
use std::sync::Arc;

use broker::grants::{Condition, Deny, DenyError, Pin, PinValue};
use broker::names::{NameError, Pattern};
use broker::profile::ClaimPath;
use privyseal_config::{IssuerSection, PinSection, PinnedValue};

use super::Problems;
use crate::feature::{Feature, NotBuilt};

/// The requirements of one record.
pub(super) struct Demands {
    pub(super) pins: Vec<Pin>,
    pub(super) conditions: Vec<Condition>,
    pub(super) deny: Option<Arc<Deny>>,
}

/// Why a requirement is not valid.
#[derive(Debug, thiserror::Error)]
enum DemandError {
    #[error("this is not the name of a claim, nor a JSON Pointer to one")]
    Path,
    #[error("the list is empty, so no token could match; add a value, or remove the key")]
    Nothing,
    #[error(transparent)]
    Deny(#[from] DenyError),
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
    #[error(transparent)]
    Pattern(#[from] NameError),
}

/// The requirements; problems go into `problems`. `None` if there are any: a record must not exist without its
/// requirements.
pub(super) fn understand(section: &IssuerSection, place: &str, problems: &mut Problems) -> Option<Demands> {
    let mut is_whole = true;
    let mut pins = Vec::with_capacity(section.pins.len());
    for (claim, value) in &section.pins {
        pins.extend(keep(pin(claim, value), &format!("{place}.pins.{claim}"), problems, &mut is_whole));
    }
    let mut conditions = Vec::with_capacity(section.matches.len());
    for (claim, patterns) in &section.matches {
        let condition = condition(claim, patterns);
        conditions.extend(keep(condition, &format!("{place}.match.{claim}"), problems, &mut is_whole));
    }
    let deny = match section.deny.as_deref() {
        None => None,
        Some(text) => keep(expression(text), &format!("{place}.deny"), problems, &mut is_whole),
    };
    is_whole.then_some(Demands { pins, conditions, deny: deny.map(Arc::new) })
}

fn keep<T, E: Display>(result: Result<T, E>, place: &str, problems: &mut Problems, is_whole: &mut bool) -> Option<T> {
    let kept = problems.keep(place, result);
    *is_whole &= kept.is_some();
    kept
}

fn expression(text: &str) -> Result<Deny, DemandError> {
    Feature::DenyExpressions.require()?;
    Ok(Deny::parse(text)?)
}

fn path(claim: &str) -> Result<Vec<String>, DemandError> {
    ClaimPath::parse(claim).map(|path| path.steps().to_vec()).ok_or(DemandError::Path)
}

fn pin(claim: &str, section: &PinSection) -> Result<Pin, DemandError> {
    let value = |value: &PinnedValue| match value {
        PinnedValue::Bool(truth) => PinValue::Bool(*truth),
        PinnedValue::Number(number) => PinValue::Number(number.to_string()),
        PinnedValue::Text(text) => PinValue::String(text.clone()),
    };
    let values = match section {
        PinSection::One(one) => vec![value(one)],
        PinSection::OneOf(several) => several.iter().map(value).collect(),
    };
    if values.is_empty() { Err(DemandError::Nothing) } else { Ok(Pin::one_of(path(claim)?, values)) }
}

fn condition(claim: &str, patterns: &[String]) -> Result<Condition, DemandError> {
    let patterns = patterns.iter().map(|pattern| Pattern::parse(pattern)).collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() { Err(DemandError::Nothing) } else { Ok(Condition::new(path(claim)?, patterns)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand_toml(text: &str) -> Result<Demands, String> {
        let text = format!("[[issuers]]\nid = \"a\"\niss = \"https://a.example\"\nprofile = \"uri\"\n{text}");
        let config = privyseal_config::Config::parse(&text).map_err(|error| error.to_string())?;
        let mut problems = Problems::default();
        let demands = understand(&config.issuers[0], "issuers[0]", &mut problems);
        problems.none_or(()).map_err(|problems| problems.to_string())?;
        demands.ok_or_else(|| "nothing, and no problem".to_owned())
    }

    #[test]
    fn values_keep_their_types_and_paths_their_steps() {
        let demands = understand_toml(
            "pins = { \"oidc.circleci.com/project-id\" = \"p\", \"/google/compute_engine/project_number\" = 7, t = [true, \"7\"] }\n\
             match = { ref = [\"refs/heads/main\", \"refs/tags/*\"] }",
        )
        .expect("is understood");
        let step = |text: &str| text.to_owned();
        let wanted = [
            Pin::nested(
                vec![step("google"), step("compute_engine"), step("project_number")],
                PinValue::Number(step("7")),
            ),
            Pin::claim("oidc.circleci.com/project-id", PinValue::String(step("p"))),
            Pin::one_of(vec![step("t")], vec![PinValue::Bool(true), PinValue::String(step("7"))]),
        ];
        assert_eq!(demands.pins, wanted);
        assert_eq!(demands.conditions.len(), 1);
        assert_eq!(demands.deny, None);
    }

    #[test]
    fn an_expression_is_understood_or_refused_by_a_build_that_lacks_it() {
        let demands = understand_toml("deny = \"claims.fork == true\"");
        match Feature::DenyExpressions.require() {
            Ok(()) => {
                assert_eq!(demands.expect("good").deny.expect("is there").as_str(), "claims.fork == true");
                for (text, part) in [("claims.a.matches('x')", "matches"), ("claims.", "CEL")] {
                    let error = understand_toml(&format!("deny = \"{text}\"")).err().expect(text);
                    assert!(error.contains("issuers[0].deny: ") && error.contains(part), "{error}");
                }
            }
            Err(not_built) => {
                assert!(demands.err().expect("refused").contains(&format!("issuers[0].deny: {not_built}")))
            }
        }
    }

    #[test]
    fn problems_are_reported_at_their_place() {
        for (text, parts) in [
            ("pins = { \"/a//b\" = 1 }", ["issuers[0].pins./a//b: ", "JSON Pointer"]),
            ("pins = { a = [] }", ["issuers[0].pins.a: ", "no token"]),
            ("match = { a = [] }", ["issuers[0].match.a: ", "no token"]),
            ("match = { a = [\"x\", \"v*\"] }", ["issuers[0].match.a: ", "wildcard inside"]),
        ] {
            let error = understand_toml(text).err().expect(text);
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
