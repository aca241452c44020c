//! What is read: the texts of some fields as one, of a length that can be looked at in a moment.

use std::borrow::Cow;
use std::fmt;

use busta_core::Result;
use serde::Deserializer;
use serde::de::Visitor;

use crate::transforms::document::{Kind, Node, Path};

/// So many bytes are looked at. The model takes some 15 ms for them, and a post or an article has less: Reddit
/// ends one at 40,000 characters.
pub(super) const LONGEST: usize = 100_000;

/// Between the texts of two fields.
const BETWEEN: &str = "\n\n";

/// What there is to read.
pub(super) struct Text {
    /// `None` if there is nothing but blanks.
    pub joined: Option<String>,
    /// Whether there was more.
    pub cut: bool,
}

/// The texts of `fields`, in their order.
pub(super) fn gather(record: &mut Node<'_>, fields: &[Path]) -> Result<Text> {
    let (mut joined, mut cut) = (String::new(), false);
    for path in fields {
        record.for_each(path.segments(), &mut |node| {
            if node.kind() == Kind::Text
                && let Some(text) = decoded(node).filter(|text| !text.trim().is_empty())
            {
                cut |= !append(&mut joined, &text);
            }
            Ok(())
        })?;
    }
    Ok(Text { joined: (!joined.is_empty()).then_some(joined), cut })
}

/// Puts as much of `text` behind the others as there is room for, up to the end of a word. `false` if that is
/// not all of it.
fn append(joined: &mut String, text: &str) -> bool {
    let between = if joined.is_empty() { "" } else { BETWEEN };
    let Some(room) = LONGEST.checked_sub(joined.len() + between.len()) else { return false };
    if text.len() <= room {
        joined.push_str(between);
        joined.push_str(text);
        return true;
    }
    let head = &text[..text.floor_char_boundary(room)];
    let words = head.rfind(char::is_whitespace).map_or(head, |end| &head[..end]);
    if !words.trim().is_empty() {
        joined.push_str(between);
        joined.push_str(words);
    }
    false
}

/// The value of a JSON text. Half of a surrogate pair, which no text can hold, becomes U+FFFD.
fn decoded<'n>(node: &'n Node<'_>) -> Option<Cow<'n, str>> {
    struct Lossy;
    impl Visitor<'_> for Lossy {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        // Asked for bytes, serde_json gives surrogates as they would be in UTF-8.
        fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    node.as_text().or_else(|| {
        let json = node.json();
        serde_json::Deserializer::from_str(&json).deserialize_bytes(Lossy).ok().map(Cow::Owned)
    })
}
