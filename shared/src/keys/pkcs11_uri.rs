//! PKCS#11 URIs (RFC 7512): how operators name a key in a token.

/// Longest URI read, in bytes.
pub const MAX_URI: usize = 2048;

/// A URI that names one private key: its token, the key in it, the module that speaks to the token, and the file with
/// the PIN.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pkcs11Uri {
    /// Label of the token (CK_TOKEN_INFO).
    pub token: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Label of the key (CKA_LABEL).
    pub object: Option<String>,
    /// Its identifier (CKA_ID).
    pub id: Option<Vec<u8>>,
    /// The module's file.
    pub module_path: String,
    /// The file whose first line is the PIN; none where the token asks for no PIN.
    pub pin_source: Option<String>,
}

/// Why a text is not such a URI.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Pkcs11UriError {
    /// Over the cap.
    #[error("the PKCS#11 URI is longer than {MAX_URI} bytes")]
    Long,
    /// Another scheme.
    #[error("a PKCS#11 URI must begin with `pkcs11:` (RFC 7512)")]
    Scheme,
    /// A part is not `name=value`, or its value is not percent-encoded text.
    #[error("the attribute `{0}` is not name=value with a percent-encoded value")]
    Malformed(String),
    /// An attribute that we do not support. To ignore it could find another key than meant.
    #[error("the attribute `{0}` is not supported; use token, serial, object, id, type, module-path and pin-source")]
    Unknown(String),
    /// The same attribute again.
    #[error("the attribute `{0}` is given twice")]
    Twice(String),
    /// A PIN in the URI would stand in the configuration.
    #[error("pin-value would put the PIN into the configuration; put it into a file and name that with pin-source")]
    PinValue,
    /// The URI names something else than a private key.
    #[error("type={0} is not a private key; leave it out, or write type=private")]
    Type(String),
    /// Neither label nor identifier of the key.
    #[error("the URI names no key; add object=LABEL or id=%01")]
    NoKey,
    /// Neither label nor serial number of the token.
    #[error("the URI names no token; add token=LABEL or serial=NUMBER")]
    NoToken,
    /// No module.
    #[error("the URI names no module; add ?module-path=/usr/lib/….so")]
    NoModule,
    /// A PIN source that is no file.
    #[error("pin-source must be the path of a file, or file:PATH")]
    PinSource,
}

impl Pkcs11Uri {
    /// Reads a URI that must name a key, a token and a module.
    pub fn parse(text: &str) -> Result<Self, Pkcs11UriError> {
        if text.len() > MAX_URI {
            return Err(Pkcs11UriError::Long);
        }
        let rest = text.strip_prefix("pkcs11:").ok_or(Pkcs11UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut path = Attributes::parse(path, ';')?;
        let mut query = Attributes::parse(query, '&')?;
        if query.take("pin-value").is_some() {
            return Err(Pkcs11UriError::PinValue);
        }
        if let Some(kind) = path.text("type")?.filter(|kind| kind != "private") {
            return Err(Pkcs11UriError::Type(kind));
        }
        let uri = Self {
            token: path.text("token")?,
            serial: path.text("serial")?,
            object: path.text("object")?,
            id: path.take("id"),
            module_path: query.text("module-path")?.unwrap_or_default(),
            pin_source: query.text("pin-source")?.map(pin_file).transpose()?,
        };
        if let Some((name, _)) = path.0.into_iter().chain(query.0).next() {
            return Err(Pkcs11UriError::Unknown(name));
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(Pkcs11UriError::NoKey);
        }
        if uri.token.is_none() && uri.serial.is_none() {
            return Err(Pkcs11UriError::NoToken);
        }
        if uri.module_path.is_empty() { Err(Pkcs11UriError::NoModule) } else { Ok(uri) }
    }
}

/// `file:/path`, `file:///path` or a path alone. `|command` (RFC 7512 §2.4) is refused: we run no programs.
fn pin_file(source: String) -> Result<String, Pkcs11UriError> {
    let path = source.strip_prefix("file:").map_or(source.as_str(), |path| path.strip_prefix("//").unwrap_or(path));
    if path.is_empty() || path.starts_with('|') { Err(Pkcs11UriError::PinSource) } else { Ok(path.to_owned()) }
}

struct Attributes(Vec<(String, Vec<u8>)>);

impl Attributes {
    fn parse(text: &str, separator: char) -> Result<Self, Pkcs11UriError> {
        let mut attributes: Vec<(String, Vec<u8>)> = Vec::new();
        for part in text.split(separator).filter(|part| !part.is_empty()) {
            let malformed = || Pkcs11UriError::Malformed(part.chars().take(64).collect());
            let (name, value) = part.split_once('=').ok_or_else(malformed)?;
            if attributes.iter().any(|(other, _)| other == name) {
                return Err(Pkcs11UriError::Twice(name.to_owned()));
            }
            attributes.push((name.to_owned(), percent_decoded(value).ok_or_else(malformed)?));
        }
        Ok(Self(attributes))
    }

    fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Pkcs11UriError> {
        let value = self.take(name).map(String::from_utf8).transpose();
        // A NUL would end the text in the module.
        value
            .ok()
            .filter(|value| value.as_ref().is_none_or(|text| !text.contains('\0')))
            .ok_or_else(|| Pkcs11UriError::Malformed(name.to_owned()))
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        decoded.extend(hex::decode(digits).ok()?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_key_a_token_and_a_module() {
        let uri = Pkcs11Uri::parse(
            "pkcs11:token=The%20token;id=%01%ff;object=tsa;type=private?module-path=/usr/lib/p.so&pin-source=file:/etc/pin",
        )
        .expect("parses");
        assert_eq!(uri.token.as_deref(), Some("The token"));
        assert_eq!((uri.id.as_deref(), uri.object.as_deref()), (Some(&[1, 0xff][..]), Some("tsa")));
        assert_eq!((uri.module_path.as_str(), uri.pin_source.as_deref()), ("/usr/lib/p.so", Some("/etc/pin")));
    }

    #[test]
    fn what_could_mean_another_key_is_refused() {
        use Pkcs11UriError as E;
        let long = format!("pkcs11:{}", "a".repeat(MAX_URI));
        for (text, error) in [
            ("file:/x", E::Scheme),
            (&long, E::Long),
            ("pkcs11:token=t?module-path=m", E::NoKey),
            ("pkcs11:object=o?module-path=m", E::NoToken),
            ("pkcs11:token=t;object=o", E::NoModule),
            ("pkcs11:token=t;object=o;object=p?module-path=m", E::Twice("object".into())),
            ("pkcs11:token=t;object=o;slot-id=1?module-path=m", E::Unknown("slot-id".into())),
            ("pkcs11:token=t;object=o;type=cert?module-path=m", E::Type("cert".into())),
            ("pkcs11:token=t;object=o?module-path=m&pin-value=1", E::PinValue),
            ("pkcs11:token=t;object=o?module-path=m&pin-source=%7Ccat", E::PinSource),
            ("pkcs11:token=t;object=%zz?module-path=m", E::Malformed("object=%zz".into())),
            ("pkcs11:token=t;object=%00?module-path=m", E::Malformed("object".into())),
            ("pkcs11:token?module-path=m", E::Malformed("token".into())),
        ] {
            assert_eq!(Pkcs11Uri::parse(text), Err(error), "{text}");
        }
    }
}
