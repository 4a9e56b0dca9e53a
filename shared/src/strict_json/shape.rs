//! What may be said of a document whose shape is wrong.

/// The document is strict JSON, but a member is missing, unknown or of the wrong type.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

impl ShapeError {
    /// serde's messages hold the offending value (`invalid type: string "…", expected …`), which may be a secret in the
    /// wrong place. What stands after `expected`, and the name of a missing member, come from our own types and stay.
    pub(super) fn from_serde(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let place = format!("line {} column {}", error.line(), error.column());
        let message = text.strip_suffix(&format!(" at {place}")).unwrap_or(&text);
        let kept = if message.starts_with("missing field `") {
            message.to_owned()
        } else if let Some((found, expected)) = message.split_once(", expected ") {
            let what = if found.starts_with("unknown field") { "unknown member, " } else { "" };
            // A value may itself hold the words `, expected `: only the last occurrence is ours.
            let expected = expected.rsplit(", expected ").next().unwrap_or(expected);
            format!("{what}expected {expected}")
        } else {
            "the members are not what is expected".to_owned()
        };
        Self(format!("{kept} ({place})"))
    }
}
