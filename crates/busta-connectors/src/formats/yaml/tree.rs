//! A YAML document as a tree whose nodes know where they stand.

use std::ops::Range;

use busta_core::connector::PathPart;
use serde_json::{Map, Number, Value};

/// A place in the file, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// The characters of the file that it takes up.
    pub range: Range<usize>,
    /// What it is.
    pub content: Content,
    /// Whether its text must not be shown.
    pub secret: bool,
    /// Whether its text, or a part of it, came from the environment.
    pub from_variable: bool,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar; a plain one (without quotes) may turn out to be a number, a boolean or null.
    Scalar {
        /// Its characters, without quotes.
        text: String,
        /// Whether it has none.
        plain: bool,
    },
    /// Values in their order.
    List(Vec<Node>),
    /// Keys and values in their order.
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// What it leads to.
    pub value: Node,
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value as JSON, with the types of YAML's core schema.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar { text, plain: true } => resolve(text),
            Content::Scalar { text, plain: false } => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// The deepest node on the way along `path`, the place to point at, and how many steps it took.
    /// A key that leads to the node is pointed at rather than the value if `at_key` is set.
    pub fn locate(&self, path: &[PathPart], at_key: bool) -> (&Self, Place, usize) {
        let (mut node, mut place) = (self, self.place);
        for (steps, part) in path.iter().enumerate() {
            let next = match (part, &node.content) {
                (PathPart::Key(key), Content::Map(_)) => {
                    node.entry(key).map(|entry| (&entry.value, entry.place))
                }
                (PathPart::Index(index), Content::List(items)) => {
                    items.get(*index).map(|item| (item, item.place))
                }
                (PathPart::Index(index), Content::Map(_)) => {
                    node.entry(&index.to_string()).map(|entry| (&entry.value, entry.place))
                }
                _ => None,
            };
            let Some((found, key_place)) = next else { return (node, place, steps) };
            node = found;
            // A value of several lines is better pointed at by its key.
            let scalar = matches!(node.content, Content::Scalar { .. });
            place = if at_key || !scalar { key_place } else { node.place };
        }
        (node, place, path.len())
    }

    /// Calls `each` with this node and all below it.
    pub fn visit<'a>(&'a self, each: &mut impl FnMut(&'a Self)) {
        each(self);
        match &self.content {
            Content::Scalar { .. } => {}
            Content::List(items) => items.iter().for_each(|item| item.visit(each)),
            Content::Map(entries) => entries.iter().for_each(|entry| entry.value.visit(each)),
        }
    }
}

/// The value of a plain scalar in YAML's core schema (YAML 1.2.2, 10.3.2), but for two things: a
/// number with leading zeros stays a text, since it is a code (`007`), and so do the infinities,
/// which JSON cannot hold.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().map(Number::from);
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if code || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let whole = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = whole.parse::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = whole.parse::<u64>() {
            return Some(number.into());
        }
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}
