//! A record's own expression that denies: rule C3.
//!
//! The Common Expression Language can say what pins and patterns cannot ("not on this branch, unless it is a pull
//! request"), and it is only ever asked for a further *no*: everything else has already said yes, and an expression
//! that cannot be evaluated denies.
//!
//! **Cost.** Evaluation is linear in the expression and the token, by what an expression may hold: no macro that walks
//! a list (`all`, `exists`, `map`, `filter`), no regular expression, no arithmetic, no concatenation, no call but the
//! few below, at most [`MAX_BYTES`] bytes and [`MAX_NODES`] nodes. The rest is refused when the record is loaded.

use std::collections::HashMap;
use std::sync::LazyLock;

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, Program, Value};
use shared::strict_json::Json;

use crate::jose::Claims;
use crate::names::Name;

/// The longest expression.
pub(crate) const MAX_BYTES: usize = 1024;

/// The most nodes that one may have.
pub(crate) const MAX_NODES: usize = 128;

/// An expression over `claims` and `name` that is true when the token is to be refused.
pub struct Deny {
    text: Box<str>,
    program: Program,
}

/// Why a text is no such expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DenyError {
    /// Longer than `MAX_BYTES`.
    #[error("the expression has {length} bytes; at most {MAX_BYTES} are accepted")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// More than `MAX_NODES` parts.
    #[error("the expression has more than {MAX_NODES} parts")]
    TooLarge,
    /// Brackets within brackets, deeper than any expression needs.
    #[error("the expression nests its brackets more than {MAX_BRACKETS} deep")]
    TooDeep,
    /// Not CEL.
    #[error("this is no CEL expression: {0}")]
    Syntax(String),
    /// CEL, but not the part of it whose cost is bounded.
    #[error(
        "{0:?} may not stand in the expression: comparisons, &&, ||, !, in, has(), startsWith, endsWith, contains and size() may"
    )]
    Construct(String),
    /// Something else than `claims` and `name`.
    #[error("the expression knows `claims` and `name`; there is no {0:?}")]
    Variable(String),
    /// It can never be true or false.
    #[error("the expression is a value, not a condition")]
    NoCondition,
}

/// What an expression may call.
const FUNCTIONS: &[&str] = &[
    operators::CONDITIONAL,
    operators::EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
    operators::INDEX,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::LOGICAL_AND,
    operators::LOGICAL_NOT,
    operators::LOGICAL_OR,
    operators::NOT_EQUALS,
    "contains",
    "endsWith",
    "size",
    "startsWith",
];

/// The reader of the language recurses; this many brackets fit every stack.
const MAX_BRACKETS: usize = 16;

impl Deny {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, DenyError> {
        if text.len() > MAX_BYTES {
            return Err(DenyError::TooLong { length: text.len() });
        }
        if depth(text) > MAX_BRACKETS {
            return Err(DenyError::TooDeep);
        }
        let program = Program::compile(text).map_err(|error| DenyError::Syntax(error.to_string()))?;
        check(program.expression(), &mut 0)?;
        if !is_condition(&program.expression().expr) {
            return Err(DenyError::NoCondition);
        }
        Ok(Self { text: text.into(), program })
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if the token is refused: the expression says so, or it cannot be evaluated over this token.
    pub(crate) fn denies(&self, claims: &Claims, name: &Name) -> bool {
        static NOTHING: LazyLock<Context<'static, 'static>> = LazyLock::new(Context::default);
        let mut context = NOTHING.new_inner_scope();
        let members = claims.iter().map(|(name, json)| (name.clone(), value(json)));
        context.add_variable_from_value("claims", members.collect::<HashMap<_, _>>());
        context.add_variable_from_value("name", name.as_str());
        !matches!(self.program.execute(&context), Ok(Value::Bool(false)))
    }
}

impl std::fmt::Debug for Deny {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deny({:?})", self.text)
    }
}

/// Two expressions are the same if their texts are.
impl PartialEq for Deny {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Deny {}

/// How deep the reader will go at most: brackets within brackets, operators before operators, conditionals within
/// conditionals; those inside quoted texts are counted as well.
fn depth(text: &str) -> usize {
    let (mut brackets, mut prefixes, mut conditionals, mut deepest) = (0_usize, 0, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b'?' => conditionals += 1,
            _ => {}
        }
        prefixes = match byte {
            b'!' | b'-' => prefixes + 1,
            b' ' | b'\t' | b'\n' | b'\r' => prefixes,
            _ => 0,
        };
        deepest = deepest.max(brackets + prefixes + conditionals);
    }
    deepest
}

fn check(expression: &IdedExpr, nodes: &mut usize) -> Result<(), DenyError> {
    *nodes += 1;
    if *nodes > MAX_NODES {
        return Err(DenyError::TooLarge);
    }
    match &expression.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if ["claims", "name"].contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => Err(DenyError::Variable(name.clone())),
        Expr::Select(select) => check(&select.operand, nodes),
        Expr::List(list) => list.elements.iter().try_for_each(|element| check(element, nodes)),
        Expr::Call(call) if FUNCTIONS.contains(&call.func_name.as_str()) => {
            let parts = call.target.as_deref().into_iter().chain(&call.args);
            parts.into_iter().try_for_each(|part| check(part, nodes))
        }
        Expr::Call(call) => Err(DenyError::Construct(call.func_name.clone())),
        Expr::Comprehension(_) => Err(DenyError::Construct("a macro over a list".to_owned())),
        Expr::Map(_) | Expr::Struct(_) => Err(DenyError::Construct("{}".to_owned())),
        Expr::Unspecified => Err(DenyError::Construct(String::new())),
    }
}

/// Whether it can be true or false at all: `name` alone cannot, and would refuse everybody. `claims.flag` can.
fn is_condition(expression: &Expr) -> bool {
    match expression {
        Expr::Call(call) => call.func_name != "size",
        Expr::Literal(cel::common::ast::LiteralValue::Boolean(_)) | Expr::Select(_) => true,
        _ => false,
    }
}

/// A claim as a value of the language. Whole numbers that fit stay whole; one with more digits stays a text, since as a
/// floating point number it would equal others.
fn value(json: &Json) -> Value {
    match json {
        Json::Array(elements) => Value::from(elements.iter().map(value).collect::<Vec<_>>()),
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Null => Value::Null,
        Json::Number(digits) => match (digits.parse(), digits.parse()) {
            (Ok(whole), _) => Value::Int(whole),
            (_, Ok(fraction)) if digits.len() <= 15 => Value::Float(fraction),
            _ => Value::from(digits.as_str()),
        },
        Json::Object(members) => {
            Value::from(members.iter().map(|(name, json)| (name.clone(), value(json))).collect::<HashMap<_, _>>())
        }
        Json::String(text) => Value::from(text.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::EmailAddress;

    const CLAIMS: &str = r#"{"ref":"refs/heads/main","event_name":"push","runs":3,"big":12345678901234567890123,"public":true,
        "groups":["a","b"],"kubernetes.io":{"namespace":"ci"},"nothing":null,"half":0.5}"#;

    fn denies(expression: &str) -> bool {
        let claims = Claims::parse(CLAIMS.as_bytes()).expect("are claims");
        let name = Name::Email(EmailAddress::parse("a@example.com").expect("is an address"));
        Deny::parse(expression).expect(expression).denies(&claims, &name)
    }

    #[test]
    fn what_is_false_does_not_deny() {
        for expression in [
            "false",
            "claims.event_name == 'pull_request'",
            "claims.ref != \"refs/heads/main\" && claims.event_name == 'push'",
            "claims.runs > 3",
            "!(claims.runs in [1, 2, 3])",
            "'c' in claims.groups",
            "claims['kubernetes.io'].namespace == 'prod'",
            "has(claims.environment)",
            "has(claims.environment) && claims.environment == 'prod'",
            "!name.endsWith('@example.com')",
            "claims.ref.startsWith('refs/tags/') || claims.ref.contains('evil')",
            "size(claims.groups) > 2",
            "claims.public ? false : true",
            "claims.big != '12345678901234567890123'",
            "claims.nothing != null",
            "claims.half > 0.6",
        ] {
            assert!(!denies(expression), "{expression}");
        }
    }

    #[test]
    fn what_is_true_or_cannot_be_said_denies() {
        for expression in [
            "true",
            "claims.event_name == 'push'",
            "'a' in claims.groups",
            "claims.environment == 'prod'",
            "claims.ref.namespace == 'x'",
            "claims.ref > 3",
            "claims.ref",
            "claims.groups",
            "claims.ref ? false : true",
            "claims.groups[7] == 'x'",
            "size(claims.runs) > 1",
        ] {
            assert!(denies(expression), "{expression}");
        }
    }

    #[test]
    fn what_has_no_bound_is_refused() {
        for expression in [
            "claims.groups.all(x, x == 'a')",
            "claims.groups.exists(x, x == 'a')",
            "claims.groups.map(x, x) == []",
            "claims.groups.filter(x, true) == []",
            "claims.ref.matches('a*')",
            "matches(claims.ref, 'a')",
            "claims.ref + claims.ref == ''",
            "1 + 1 == 2",
            "-claims.runs == 1",
            "{'a': 1}.a == 1",
            "duration('1s') == duration('1s')",
            "type(claims) == type(name)",
        ] {
            assert!(
                matches!(Deny::parse(expression), Err(DenyError::Construct(_) | DenyError::Variable(_))),
                "{expression}"
            );
        }
        for variable in ["token == 1", "claim.ref == 'a'"] {
            assert!(matches!(Deny::parse(variable), Err(DenyError::Variable(_))), "{variable}");
        }
        for syntax in ["", "claims.", "a b", "'", "claims.ref == ", "\u{0}", "((("] {
            assert!(matches!(Deny::parse(syntax), Err(DenyError::Syntax(_))), "{syntax:?}");
        }
        for value in ["name", "'a'", "1", "size(claims.groups)", "[1]"] {
            assert_eq!(Deny::parse(value), Err(DenyError::NoCondition), "{value}");
        }
        let long = format!("claims.ref == '{}'", "a".repeat(MAX_BYTES));
        assert_eq!(Deny::parse(&long), Err(DenyError::TooLong { length: long.len() }));
        let large = format!("name in [{}'']", "'',".repeat(MAX_NODES));
        assert_eq!(Deny::parse(&large), Err(DenyError::TooLarge));
        for deep in ["(".repeat(500), "!".repeat(500), "[".repeat(17), "true ? ".repeat(40)] {
            assert_eq!(Deny::parse(&deep), Err(DenyError::TooDeep));
        }
    }
}
