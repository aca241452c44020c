//! The fast way for a document that is in memory: one pass of the parser, no scan before it.

use std::ops::Range;

use memchr::memmem;
use serde_json::value::RawValue;

use super::RecordsPath;
use crate::formats::has_lone_surrogate;

/// The records of a whole document, if it is a plain one: valid, and either one object or an array
/// of objects. `None` says that the [`super::JsonCutter`] has to look at it, which gives the same
/// records and says what is wrong.
pub fn spans_of_document(text: &[u8], path: &RecordsPath) -> Option<Vec<Range<usize>>> {
    let plain = match path {
        RecordsPath::Auto => true,
        RecordsPath::Names(names) => names.is_empty(),
    };
    let first = *text.iter().find(|b| !b.is_ascii_whitespace())?;
    if !plain || first == b'{' && *path == RecordsPath::Auto && memmem::find(text, b"\"features\"").is_some()
    {
        return None;
    }
    let text = std::str::from_utf8(text).ok().filter(|text| !has_lone_surrogate(text.as_bytes()))?;
    let span = |raw: &RawValue| {
        let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        start..start + raw.get().len()
    };
    match first {
        b'{' => serde_json::from_str::<&RawValue>(text).ok().map(|raw| vec![span(raw)]),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            items.iter().all(|raw| raw.get().starts_with('{')).then(|| items.into_iter().map(span).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_documents_are_cut_and_others_left() {
        let auto = RecordsPath::Auto;
        let cut = |text: &str| {
            let spans = spans_of_document(text.as_bytes(), &auto)?;
            Some(spans.into_iter().map(|s| text[s].to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(cut(" {\"a\": 1}\n").unwrap(), [r#"{"a": 1}"#]);
        assert_eq!(cut("[{}, {\"b\":[]} ]").unwrap(), ["{}", r#"{"b":[]}"#]);
        assert_eq!(cut("[]").unwrap(), Vec::<String>::new());
        for other in ["", "1", "[1]", "{} {}", "{", r#"{"features":[]}"#] {
            assert_eq!(cut(other), None, "{other}");
        }
        assert_eq!(spans_of_document(b"{\"a\":\"\xff\"}", &auto), None);
    }
}
