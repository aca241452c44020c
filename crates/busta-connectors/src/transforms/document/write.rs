//! Values back into text: what nobody changed is copied.

use std::borrow::Cow;

use super::{Body, Node};

impl Node<'_> {
    /// Its text.
    pub fn json(&self) -> Cow<'_, str> {
        if !self.is_changed() {
            return Cow::Borrowed(&self.text);
        }
        let mut text = String::with_capacity(self.text.len() + 256);
        self.write(&mut text);
        Cow::Owned(text)
    }

    /// Appends its text.
    pub fn write(&self, out: &mut String) {
        match &self.body {
            _ if !self.is_changed() => out.push_str(&self.text),
            Body::Closed => out.push_str(&self.text),
            Body::Object(fields) => {
                out.push('{');
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&field.key);
                    out.push(':');
                    field.value.write(out);
                }
                out.push('}');
            }
            Body::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
        }
    }
}
