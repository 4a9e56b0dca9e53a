//! JSON (RFC 8259), read strictly enough for a security boundary.
//!
//! Two readers of one document must never see two different things, so what RFC 8259 leaves open is refused here: two
//! members of one name (after unescaping), a byte order mark, unpaired surrogates, and anything after the value.
//! Nesting and length have limits that are checked before memory is spent. A number keeps its text:
//! `repository_id` has digits that a binary double would lose.
//!
//! Does not: validate a schema. [`from_slice`] hands a document that passed to serde for that.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::DeserializeOwned;

mod shape;

pub use shape::ShapeError;

/// How deep arrays and objects may nest, everywhere.
pub const MAX_DEPTH: usize = 32;

/// The members of an object. Each name occurs once; their order carries no meaning (RFC 8259 §4).
pub type Object = BTreeMap<String, Json>;

/// A value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// `[…]`
    Array(Vec<Json>),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
    /// A number, in the very characters of the document.
    Number(String),
    /// `{…}`
    Object(Object),
    /// A string, unescaped.
    String(String),
}

impl Json {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The truth value, if it is one; `"true"` is a string and is not.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is a whole one that fits and is written without sign, fraction and exponent.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Why a document is refused. Positions are byte offsets; of the document's content only member names are repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// It is longer than the caller allows.
    #[error("the document has {length} bytes; at most {limit} are accepted")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// Not UTF-8 (RFC 8259 §8.1).
    #[error("the document is not UTF-8 at byte {at}")]
    Encoding {
        /// The offset of the byte.
        at: usize,
    },
    /// Does not follow the grammar, or ends early.
    #[error("the document is not JSON at byte {at}")]
    Syntax {
        /// The offset of the byte.
        at: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("arrays and objects nest deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// The offset of the byte.
        at: usize,
    },
    /// Two members of one object have the same name.
    #[error("the member {name:?} occurs twice in one object")]
    Duplicate {
        /// The name, cut to 64 characters.
        name: String,
    },
    /// Strict JSON of another shape than expected.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Reads one value that fills the whole document.
pub fn parse(document: &[u8], max_bytes: usize) -> Result<Json, JsonError> {
    if document.len() > max_bytes {
        return Err(JsonError::TooLong { length: document.len(), limit: max_bytes });
    }
    let text = std::str::from_utf8(document).map_err(|error| JsonError::Encoding { at: error.valid_up_to() })?;
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at != text.len() {
        return Err(reader.syntax());
    }
    Ok(value)
}

/// Reads one object that fills the whole document.
pub fn parse_object(document: &[u8], max_bytes: usize) -> Result<Object, JsonError> {
    match parse(document, max_bytes)? {
        Json::Object(members) => Ok(members),
        _ => Err(JsonError::Syntax { at: 0 }),
    }
}

/// Checks the document as [`parse`] does, then reads it into a type. What serde says of a wrong shape is cut down to
/// what was expected, so that an error answer never repeats a token or a password that stood in the wrong place.
pub fn from_slice<T: DeserializeOwned>(document: &[u8], max_bytes: usize) -> Result<T, JsonError> {
    parse(document, max_bytes)?;
    serde_json::from_slice(document).map_err(|error| JsonError::Shape(ShapeError::from_serde(&error)))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.syntax());
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    /// `depth` counts the arrays and objects around this value.
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'{') if depth < MAX_DEPTH => self.object(depth + 1),
            Some(b'[') if depth < MAX_DEPTH => self.array(depth + 1),
            Some(b'{' | b'[') => Err(JsonError::TooDeep { at: self.at }),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = Object::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth)?;
            match members.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(place) => {
                    return Err(JsonError::Duplicate { name: place.key().chars().take(64).collect() });
                }
            };
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members));
                }
                _ => return Err(self.syntax()),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(elements));
        }
        loop {
            self.space();
            elements.push(self.value(depth)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(elements));
                }
                _ => return Err(self.syntax()),
            }
        }
    }

    /// `number = [ "-" ] int [ frac ] [ exp ]` (RFC 8259 §6).
    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.syntax()),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax()) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    unescaped.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    return Ok(unescaped);
                }
                Some(b'\\') => {
                    unescaped.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    unescaped.push(self.escape()?);
                    start = self.at;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(self.syntax()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek().ok_or_else(|| self.syntax())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.syntax()),
        })
    }

    /// `\u` and four digits, or the pair of them that stands for one character beyond the basic plane. RFC 8259 §8.2
    /// leaves unpaired surrogates to the reader; they have no UTF-8 form and are refused.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        let scalar = match first {
            0xd800..=0xdbff => {
                self.expect(b'\\')?;
                self.expect(b'u')?;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.syntax());
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(scalar).ok_or_else(|| self.syntax())
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(|| self.syntax())?;
            value = value << 4 | digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 16;

    fn object(text: &str) -> Object {
        parse_object(text.as_bytes(), LIMIT).expect("parses")
    }

    #[test]
    fn values_come_out_as_they_went_in() {
        let members =
            object(r#" {"a":"x\u0041\n\ud83d\ude00","n":123456789012345678901234567890.10e+5,"t":[true,null,{}]} "#);
        assert_eq!(members["a"].as_str(), Some("xA\n😀"));
        assert_eq!(members["n"], Json::Number("123456789012345678901234567890.10e+5".into()));
        assert_eq!(members["t"].as_array().map(<[_]>::len), Some(3));
        assert_eq!(object(r#"{"i":18446744073709551615}"#)["i"].as_u64(), Some(u64::MAX));
        assert_eq!(object(r#"{"i":1.0}"#)["i"].as_u64(), None);
    }

    #[test]
    fn refusals() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        let cases: [(&[u8], JsonError); 18] = [
            (b"", JsonError::Syntax { at: 0 }),
            (b"{\"iss\":1,\"iss\":2}", JsonError::Duplicate { name: "iss".into() }),
            (b"{\"iss\":1,\"\\u0069ss\":2}", JsonError::Duplicate { name: "iss".into() }),
            (b"{\"x\":{\"a\":1,\"a\":1}}", JsonError::Duplicate { name: "a".into() }),
            (b"\xef\xbb\xbf{}", JsonError::Syntax { at: 0 }),
            (b"{} {}", JsonError::Syntax { at: 3 }),
            (b"{,}", JsonError::Syntax { at: 1 }),
            (b"[1,]", JsonError::Syntax { at: 3 }),
            (b"01", JsonError::Syntax { at: 1 }),
            (b"1.", JsonError::Syntax { at: 2 }),
            (b"+1", JsonError::Syntax { at: 0 }),
            (b"NaN", JsonError::Syntax { at: 0 }),
            (b"\"\\ud800\"", JsonError::Syntax { at: 7 }),
            (b"\"\\udc00\"", JsonError::Syntax { at: 7 }),
            (b"\"a\nb\"", JsonError::Syntax { at: 2 }),
            (b"\"\\x41\"", JsonError::Syntax { at: 3 }),
            (b"\"\xff\"", JsonError::Encoding { at: 1 }),
            (deep.as_bytes(), JsonError::TooDeep { at: 32 }),
        ];
        for (document, expected) in cases {
            assert_eq!(parse(document, LIMIT), Err(expected), "{}", String::from_utf8_lossy(document));
        }
        assert_eq!(parse(b"[1,2]", 4), Err(JsonError::TooLong { length: 5, limit: 4 }));
        assert!(parse(&deep.as_bytes()[1..65], LIMIT).is_ok(), "32 levels are accepted");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Credentials {
        #[expect(dead_code, reason = "only its shape is tested")]
        token: String,
    }

    #[test]
    fn a_wrong_shape_does_not_repeat_the_value() {
        let secrets: [&[u8]; 4] = [
            b"\"eyJhbGciOi\"",
            b"{\"token\":[\"eyJhbGciOi\"]}",
            b"{\"eyJhbGciOi\":1}",
            b"{\"token\":\"a\",\"b\":\"eyJhbGciOi\"}",
        ];
        for document in secrets {
            let error = from_slice::<Credentials>(document, LIMIT).expect_err("wrong shape").to_string();
            assert!(!error.contains("eyJ"), "{error}");
        }
        let error = from_slice::<Credentials>(b"{}", LIMIT).expect_err("wrong shape").to_string();
        assert!(error.contains("missing field `token`"), "{error}");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_accepts_what_serde_json_refuses(document in prop::collection::vec(any::<u8>(), 0..64)) {
            if parse(&document, LIMIT).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&document).is_ok());
            }
        }

        #[test]
        fn json_like_text_agrees_with_serde_json(document in r#"[\[\]{}",:0-9.eE+\-\\/bfnrtu dD8a-f]{0,24}"#) {
            let ours = parse(document.as_bytes(), LIMIT);
            let theirs = serde_json::from_str::<serde_json::Value>(&document);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok() || document.contains(['e', 'E']), "{}", document),
                // serde_json keeps the last of two members.
                Err(JsonError::Duplicate { .. }) => {}
                Err(error) => prop_assert!(theirs.is_err(), "{} {}", document, error),
            }
        }

        #[test]
        fn strings_round_trip(text in any::<String>()) {
            let document = serde_json::to_vec(&text).expect("a string encodes");
            prop_assert_eq!(parse(&document, LIMIT), Ok(Json::String(text)));
        }
    }
}
