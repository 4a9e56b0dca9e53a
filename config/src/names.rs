//! `[names]`

use serde::{Deserialize, Serialize};

/// The Public Suffix List for the names of all issuers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamesSection {
    /// A newer Public Suffix List than the one inside the program, as
    /// <https://publicsuffix.org/list/public_suffix_list.dat> is published. No domain in it can be granted.
    /// It is read when the configuration is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_suffix_file: Option<String>,
}
