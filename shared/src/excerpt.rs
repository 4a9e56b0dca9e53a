//! The part of a text from outside that an error or a log repeats.

/// The first `most` characters of `text`: enough to recognise it, and a bound on what reaches answers and logs.
pub fn excerpt(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
