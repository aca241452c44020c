//! What an index page writes behind a link: when the file was changed, and its size.

use crate::formats::markup::token::attributes;

/// So much of the text behind a link is looked at.
const MAX_TEXT: usize = 256;

/// The rest of a row.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: String,
    /// `data-size` of Caddy's pages.
    size: Option<u64>,
    /// `<time datetime>`.
    modified: Option<String>,
}

impl Row {
    /// Takes in a piece of text.
    pub(super) fn text(&mut self, text: &str) {
        if self.text.len() < MAX_TEXT {
            self.text.push(' ');
            self.text.extend(text.chars().take(MAX_TEXT));
        }
    }

    /// Takes in the attributes of an element.
    pub(super) fn attributes(&mut self, text: &str) {
        for (name, value) in attributes(text) {
            if name.eq_ignore_ascii_case("data-size") {
                self.size = self.size.or(value.trim().parse().ok());
            } else if name.eq_ignore_ascii_case("datetime") && self.modified.is_none() {
                self.modified = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            }
        }
    }

    /// The exact size and the time, if they are there.
    pub(super) fn read(self) -> (Option<u64>, Option<String>) {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let Some(at) = words.windows(2).position(|pair| is_date(pair[0]) && is_time(pair[1])) else {
            return (self.size, self.modified);
        };
        let modified = format!("{} {}", words[at], words[at + 1]);
        // A size with a unit is rounded; without one, servers mean bytes.
        let size = words.get(at + 2).filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        (self.size.or_else(|| size.and_then(|size| size.parse().ok())), self.modified.or(Some(modified)))
    }
}

/// `2024-01-31`, `31-Jan-2024`, `2024-Jan-31`.
fn is_date(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let [first, middle, last] = parts.as_slice() else { return false };
    let digits = |text: &str, width| text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    let month =
        digits(middle, 2) || middle.len() == 3 && middle.bytes().all(|byte| byte.is_ascii_alphabetic());
    month && (digits(first, 4) && digits(last, 2) || digits(first, 2) && digits(last, 4))
}

/// `12:34`, `12:34:56`.
fn is_time(word: &str) -> bool {
    let two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(word.len(), 5 | 8) && word.split(':').all(two)
}
