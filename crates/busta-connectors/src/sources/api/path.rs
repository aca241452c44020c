//! JSONPaths, told apart by how they can be followed: on the text, or only on a document tree.

use serde_json_path::JsonPath;

/// A step of a path that can be followed on the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A field of an object.
    Name(String),
    /// An element of an array, from 0.
    Index(usize),
    /// Every field or element.
    Any,
}

/// Where the records of an answer are.
#[derive(Clone, Debug)]
pub enum RecordsPath {
    /// To be found out from the answer.
    Auto,
    /// Steps that can be followed on the text, and what is taken at their end.
    Simple(Vec<Segment>, Taken),
    /// Anything else (filters, slices, descendants).
    General(Box<JsonPath>, Taken),
}

/// What is taken at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The node; the elements of an array.
    Node,
    /// The nodes below: `[*]` at the end of the path.
    Children,
}

impl RecordsPath {
    /// Reads a JSONPath.
    pub fn parse(text: &str) -> Result<Self, String> {
        let general = JsonPath::parse(text).map_err(|e| wrong(text, &e))?;
        let Some(mut segments) = simple(text) else {
            let taken = if selects_many(text) { Taken::Children } else { Taken::Node };
            return Ok(Self::General(Box::new(general), taken));
        };
        let taken = match segments.last() {
            Some(Segment::Any) => {
                segments.pop();
                Taken::Children
            }
            _ => Taken::Node,
        };
        Ok(Self::Simple(segments, taken))
    }
}

/// Reads a JSONPath to one value: names and indexes only.
pub fn parse_value(text: &str) -> Result<Vec<Segment>, String> {
    JsonPath::parse(text).map_err(|e| wrong(text, &e))?;
    match simple(text) {
        Some(segments) if !segments.contains(&Segment::Any) => Ok(segments),
        _ => {
            Err(format!("`{text}` must lead to one value, with names and indexes only, such as $.meta.next"))
        }
    }
}

/// Whether the last step of a path is a wildcard, a filter or a slice, whose nodes are elements.
fn selects_many(path: &str) -> bool {
    let (mut depth, mut quote, mut last) = (0, None, 0);
    let mut escaped = false;
    for (at, sign) in path.char_indices() {
        match (quote, sign) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) => quote = quote.filter(|_| sign != open),
            (None, '\'' | '"') => quote = Some(sign),
            (None, '[') => {
                last = if depth == 0 { at } else { last };
                depth += 1;
            }
            (None, ']') => depth -= 1,
            (None, '.') if depth == 0 => last = at,
            _ => {}
        }
    }
    let step = path[last..].trim_start_matches(['.', '[', ' ']);
    step.starts_with(['*', '?'])
        || step.trim_end_matches(']').split(':').nth(1).is_some_and(|_| !step.contains(['\'', '"']))
}

fn wrong(text: &str, error: &serde_json_path::ParseError) -> String {
    let hint = if text.starts_with('$') {
        "a name with other signs than letters, digits and _ is written as $['next-page']"
    } else {
        "a JSONPath starts with `$`, as in $.items"
    };
    format!("`{text}` is not a JSONPath: {error} ({hint})")
}

/// The steps of a path that has only names, indexes and `*`; quotes without escapes.
fn simple(text: &str) -> Option<Vec<Segment>> {
    let mut rest = text.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, left) = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (named(&after[..end])?, &after[end..])
        } else {
            let inside = rest.strip_prefix('[')?;
            bracketed(inside)?
        };
        segments.push(segment);
        rest = left;
    }
    Some(segments)
}

fn named(name: &str) -> Option<Segment> {
    match name {
        "*" => Some(Segment::Any),
        // Empty: the second dot of `..`.
        "" => None,
        _ if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()) => {
            Some(Segment::Name(name.to_owned()))
        }
        _ => None,
    }
}

fn bracketed(inside: &str) -> Option<(Segment, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            let after = after.strip_prefix(']')?;
            return (!name.contains('\\')).then(|| (Segment::Name(name.to_owned()), after));
        }
    }
    let (index, after) = inside.split_once(']')?;
    let segment = if index == "*" { Segment::Any } else { Segment::Index(index.parse().ok()?) };
    Some((segment, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Segment {
        Segment::Name(text.to_owned())
    }

    #[test]
    fn simple_paths_are_recognised() {
        let parse = |text| match RecordsPath::parse(text).unwrap() {
            RecordsPath::Simple(segments, taken) => (segments, taken),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(parse("$"), (vec![], Taken::Node));
        assert_eq!(parse("$[*]"), (vec![], Taken::Children));
        assert_eq!(parse("$.a.b"), (vec![name("a"), name("b")], Taken::Node));
        assert_eq!(
            parse("$['a b'][\"c\"][2]"),
            (vec![name("a b"), name("c"), Segment::Index(2)], Taken::Node)
        );
        assert_eq!(parse("$.a[*].b[*]"), (vec![name("a"), Segment::Any, name("b")], Taken::Children));
    }

    #[test]
    fn other_paths_need_a_tree() {
        for text in ["$..a", "$.a[0:2]", "$.a[?@.b > 1]", "$.a[-1]", "$['a','b']", "$['a\\'b']"] {
            assert!(matches!(RecordsPath::parse(text).unwrap(), RecordsPath::General(..)), "{text}");
        }
    }

    #[test]
    fn steps_to_elements_are_told_from_steps_to_nodes() {
        for path in ["$.a[?@.b == ']']", "$..a[*]", "$..*", "$.a[1:3]", "$['x'][?@['y'] > 1]"] {
            assert!(selects_many(path), "{path}");
        }
        for path in ["$..items", "$.a[?@.b].items", "$..['a:b']", "$.a[-1]", "$['a','b']"] {
            assert!(!selects_many(path), "{path}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(RecordsPath::parse("items").unwrap_err().contains("starts with `$`"));
        assert!(RecordsPath::parse("$.next-page").unwrap_err().contains("$['next-page']"));
        assert!(parse_value("$.items[*]").unwrap_err().contains("one value"));
        assert_eq!(parse_value("$.meta.next").unwrap(), [name("meta"), name("next")]);
    }
}
