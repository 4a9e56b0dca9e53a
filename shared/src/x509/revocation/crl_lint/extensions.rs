//! Each extension once, and none critical (RFC 5280 §4.2, §5.2).

use x509_cert::ext::Extension;

use super::error::CrlLintError;

pub(super) fn check(extensions: &[Extension]) -> Result<(), CrlLintError> {
    for (index, extension) in extensions.iter().enumerate() {
        let id = extension.extn_id;
        if extensions[..index].iter().any(|earlier| earlier.extn_id == id) {
            return Err(CrlLintError::Duplicate(id));
        }
        if extension.critical {
            return Err(CrlLintError::Criticality(id));
        }
    }
    Ok(())
}
