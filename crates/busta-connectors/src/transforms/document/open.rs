//! Splitting a value into the texts of its members.

use std::borrow::Cow;

use busta_core::{Error, Result};

use super::{Body, Field, Kind, Node};
use crate::formats::json::value_end;

impl<'a> Node<'a> {
    /// Splits an object or a list into its members, unless that has been done. Other values stay.
    pub(super) fn open(&mut self) -> Result<()> {
        if !matches!(self.body, Body::Closed) {
            return Ok(());
        }
        let body = match (self.kind(), &self.text) {
            (Kind::Object, Cow::Borrowed(text)) => {
                fields(text, |key, value| Field { key: Cow::Borrowed(key), value: Node::new(value) })
                    .map(Body::Object)
            }
            (Kind::Object, Cow::Owned(text)) => fields(text, |key, value| Field {
                key: Cow::Owned(key.to_owned()),
                value: Node::new(value.to_owned()),
            })
            .map(Body::Object),
            (Kind::Array, Cow::Borrowed(text)) => items(text, Node::new).map(Body::Array),
            (Kind::Array, Cow::Owned(text)) => {
                items(text, |item| Node::new(item.to_owned())).map(Body::Array)
            }
            _ => return Ok(()),
        };
        self.body = body.ok_or_else(|| Error::data("this is not valid JSON"))?;
        Ok(())
    }
}

/// Makes fields of the keys, with quotes, and values of an object. The text is known to be valid JSON, so that brackets
/// and quotes are enough to go by; `None` where they do not match.
fn fields<'t, T>(object: &'t str, make: impl Fn(&'t str, &'t str) -> T) -> Option<Vec<T>> {
    let mut cursor = Cursor { text: object, at: 1 };
    // A field takes some 30 bytes in records as they are.
    let mut found = Vec::with_capacity((object.len() / 64).clamp(4, 32));
    loop {
        match cursor.peek()? {
            b'}' => return cursor.last().then_some(found),
            b',' => cursor.at += 1,
            b'"' => {
                let key = cursor.value()?;
                (cursor.peek()? == b':').then_some(())?;
                cursor.at += 1;
                cursor.peek()?;
                found.push(make(key, cursor.value()?));
            }
            _ => return None,
        }
    }
}

/// Makes elements of the values of an array.
fn items<'t, T>(array: &'t str, make: impl Fn(&'t str) -> T) -> Option<Vec<T>> {
    let mut cursor = Cursor { text: array, at: 1 };
    let mut found = Vec::new();
    loop {
        match cursor.peek()? {
            b']' => return cursor.last().then_some(found),
            b',' => cursor.at += 1,
            _ => found.push(make(cursor.value()?)),
        }
    }
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// The value here.
    fn value(&mut self) -> Option<&'t str> {
        let end = self.at + value_end(&self.text.as_bytes()[self.at..], true)?;
        let value = self.text.get(self.at..end)?;
        self.at = end;
        Some(value)
    }

    /// Whether nothing follows the bracket here.
    fn last(&self) -> bool {
        self.at + 1 == self.text.len()
    }
}
