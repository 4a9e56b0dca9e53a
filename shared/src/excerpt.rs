//! What a refusal repeats of a text that somebody else chose.

/// The first `most` characters of `text`: enough to recognise it, and a bound on what reaches answers and logs.
pub fn excerpt(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
