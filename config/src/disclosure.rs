//! `[disclosure]`

use serde::{Deserialize, Serialize};

/// What the operator says about the timestamp authority in its disclosure statement (`/tsa/disclosure`), beside what
/// the program knows by itself. What is empty is shown as not stated.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DisclosureSection {
    /// Who operates the authority: the organization's name and address.
    pub operator: String,
    /// How to reach them: an e-mail address, a telephone number, a URL.
    pub contact: String,
    /// URL of the practice statement.
    pub practice_statement: String,
    /// How long records are kept. The program itself deletes none.
    pub retention: String,
    /// Limits of liability and warranty.
    pub liability: String,
    /// Applicable law, and where complaints go.
    pub law: String,
    /// Audits and marks of trust.
    pub audits: String,
}
