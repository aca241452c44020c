//! Is an object a record, or a collection of records?

use super::cutter::{Field, field};
use super::scan::{blanks, separators, value_end};

/// What the object at the front of some text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One record that ends here.
    Record(usize),
    /// A FeatureCollection whose first feature starts here.
    Collection(usize),
    /// A FeatureCollection without features that ends here.
    Empty(usize),
    /// The text ends before that can be told.
    Open,
    /// Not a JSON object.
    Malformed,
}

/// Tells a FeatureCollection by its `type`; where that stands after the features (writers that sort
/// the fields put it there), by the first of the features, so that the answer never needs the whole
/// of a document of any size. A record that has a list called `features` stays a record.
pub(super) fn shape(text: &[u8]) -> Shape {
    let mut at = 1;
    let mut kind: Option<&[u8]> = None;
    let mut is_empty = false;
    loop {
        at += separators(&text[at..]);
        match text.get(at) {
            None => return Shape::Open,
            Some(b'}') if is_empty && kind == Some(b"\"FeatureCollection\"") => return Shape::Empty(at + 1),
            Some(b'}') => return Shape::Record(at + 1),
            Some(b'"') => {}
            Some(_) => return Shape::Malformed,
        }
        let (name, value) = match field(&text[at..]) {
            Field::At { key, value } => (&text[at..at + key], at + value),
            Field::Open => return Shape::Open,
            Field::Malformed => return Shape::Malformed,
        };
        if name == b"\"features\"" && text[value] == b'[' {
            match features(text, value + 1, kind) {
                Features::Collection => return Shape::Collection(value + 1),
                Features::Empty => is_empty = true,
                Features::Other => {}
                Features::Open => return Shape::Open,
            }
        }
        let Some(length) = value_end(&text[value..], false) else { return Shape::Open };
        if name == b"\"type\"" {
            kind = Some(&text[value..value + length]);
        }
        at = value + length;
    }
}

enum Features {
    Collection,
    Empty,
    Other,
    Open,
}

/// Looks at the list that starts before `at` in an object of the type `kind`.
fn features(text: &[u8], at: usize, kind: Option<&[u8]>) -> Features {
    let first = at + blanks(&text[at..]);
    match (text.get(first), kind) {
        (None, _) => Features::Open,
        (Some(b']'), _) => Features::Empty,
        (Some(_), Some(kind)) if kind == b"\"FeatureCollection\"" => Features::Collection,
        (Some(b'{'), None) => match value_end(&text[first..], false) {
            None => Features::Open,
            Some(length) if is_feature(&text[first..first + length]) => Features::Collection,
            Some(_) => Features::Other,
        },
        (Some(_), _) => Features::Other,
    }
}

fn is_feature(item: &[u8]) -> bool {
    busta_core::json::field(item, "type") == Some("\"Feature\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_told_from_records() {
        for (text, expected) in [
            (r#"{"type":"FeatureCollection","features":[{"a":1}]}"#, Shape::Collection(40)),
            (r#"{"features":[{"type":"Feature"}],"type":"FeatureCollection"}"#, Shape::Collection(13)),
            (r#"{"features":[],"type":"FeatureCollection"}"#, Shape::Empty(42)),
            (r#"{"features":["wifi"],"id":1}"#, Shape::Record(28)),
            (r#"{"features":[{"type":"pool"}]}"#, Shape::Record(30)),
            (r#"{"type":"Hotel","features":[{"type":"Feature"}]}"#, Shape::Record(48)),
            (r#"{"features":[{"type":"Fea"#, Shape::Open),
            (r#"{"a":"#, Shape::Open),
            ("{a}", Shape::Malformed),
            ("{} {}", Shape::Record(2)),
        ] {
            assert_eq!(shape(text.as_bytes()), expected, "{text}");
        }
    }
}
