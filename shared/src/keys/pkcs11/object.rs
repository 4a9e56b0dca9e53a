//! Objects in a token, found by what a URI says of them (RFC 7512).

use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::error::Pkcs11Error;
use crate::keys::pkcs11_uri::Pkcs11Uri;

pub(super) fn name_of(uri: &Pkcs11Uri) -> String {
    let label = uri.object.as_ref().map(|label| format!("`{label}`"));
    let id = uri.id.as_ref().map(|id| format!("with the id {}", hex::encode(id)));
    [label, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The one object of `class` that `uri` names.
pub(super) fn one(session: &Session, uri: &Pkcs11Uri, class: ObjectClass) -> Result<ObjectHandle, Pkcs11Error> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    let found = session.find_objects(&template)?;
    match found[..] {
        [key] => Ok(key),
        _ => {
            let class = if class == ObjectClass::PRIVATE_KEY { "private" } else { "public" };
            Err(Pkcs11Error::Key { class, wanted: name_of(uri), count: found.len() })
        }
    }
}
