//! A record that is opened only as far as a transform needs it.
//!
//! A [`Node`] is a JSON value as text. Asking for something inside splits it into the texts of its
//! members, one level at a time; what nobody changes is written as it came, to the byte: numbers beyond
//! `f64`, the order of keys, blanks and escapes. So a chain of transforms reads and writes a record once,
//! and never builds a document tree.
//!
//! Where a name stands twice in an object, the last one counts, as for most readers of JSON.

mod edit;
mod merge;
mod open;
mod path;
mod select;
mod template;
mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use path::{Path, Segment};
pub use select::Selection;
pub use template::{Aliases, Template, ValueTemplate};

use busta_core::{Error, Result};

/// How a value goes to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// In place of what is there; missing objects on the way are made.
    Replace,
    /// Into the object that is there, deep inside too; otherwise like [`Put::Replace`].
    Merge,
    /// In place of what is there, and only if something is there.
    UpdateOnly,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

impl Kind {
    /// With its article, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A JSON value: its text, and its members if somebody had to look at them.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The value as it came; stale when `changed`, or when a member is.
    text: Cow<'a, str>,
    body: Body<'a>,
    changed: bool,
}

#[derive(Clone, Debug)]
enum Body<'a> {
    Closed,
    Object(Vec<Field<'a>>),
    Array(Vec<Node<'a>>),
}

#[derive(Clone, Debug)]
struct Field<'a> {
    /// With its quotes and escapes.
    key: Cow<'a, str>,
    value: Node<'a>,
}

impl<'a> Node<'a> {
    /// A value that somebody else has checked to be valid JSON without blanks around it.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), body: Body::Closed, changed: false }
    }

    /// The value that a record is.
    pub fn record(json: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(json).map_err(|e| Error::bug("a record is not UTF-8").caused_by(e))?;
        Ok(Self::new(text.trim_matches([' ', '\t', '\n', '\r'])))
    }

    /// A value that was made here, and so differs from the record that came.
    pub fn made(text: String) -> Self {
        Self { changed: true, ..Self::new(text) }
    }

    /// A text, in JSON's quotes.
    pub fn string(text: &str) -> Self {
        Self::new(quoted(text))
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match &self.body {
            Body::Object(_) => Kind::Object,
            Body::Array(_) => Kind::Array,
            Body::Closed => match self.text.as_bytes().first() {
                Some(b'{') => Kind::Object,
                Some(b'[') => Kind::Array,
                Some(b'"') => Kind::Text,
                Some(b't' | b'f') => Kind::Bool,
                Some(b'n') => Kind::Null,
                _ => Kind::Number,
            },
        }
    }

    /// The value of a text, without quotes and escapes; `None` if it is something else.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        (self.kind() == Kind::Text).then(|| unquoted(&self.text))?
    }

    /// Whether it differs from what it was opened from.
    pub fn is_changed(&self) -> bool {
        self.changed
            || match &self.body {
                Body::Closed => false,
                Body::Object(fields) => fields.iter().any(|field| field.value.is_changed()),
                Body::Array(items) => items.iter().any(Node::is_changed),
            }
    }

    /// As a whole, for what works on values. Numbers beyond `f64` lose digits in it.
    pub fn to_value(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.json()).map_err(|e| Error::data(format!("this is not valid JSON: {e}")))
    }
}

/// `text` in JSON's quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What stands in quotes. `None` for half of a surrogate pair, which no text can hold.
fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.get(1..json.len().checked_sub(1)?)?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str::<String>(json).ok().map(Cow::Owned)
}
