//! Bounded copies of text from outside.

/// The part of a refused text that an error repeats.
pub(super) fn excerpt(text: &str) -> String {
    shared::excerpt::excerpt(text, 120)
}

/// A text for people, cut at a character so that it has at most `limit` bytes.
pub(super) fn cut(mut text: String, limit: usize) -> String {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text.truncate(end);
    text
}
