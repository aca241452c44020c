//! Merging an object into another one.

use busta_core::Result;

use super::{Body, Node, Put, Segment};

impl<'a> Node<'a> {
    /// Puts the fields of `value` into this object, in place of those with their names.
    pub fn merge_fields(&mut self, value: &Node<'a>) -> Result<()> {
        let mut value = value.clone();
        value.open()?;
        let Body::Object(new) = value.body else { return Ok(()) };
        for field in new {
            let Some(name) = super::unquoted(&field.key) else { continue };
            self.put(&[Segment::Name(name.into_owned())], Put::Replace, &field.value)?;
        }
        Ok(())
    }

    /// The names of its fields.
    pub fn field_names(&mut self) -> Result<Vec<String>> {
        self.open()?;
        let Body::Object(fields) = &self.body else { return Ok(Vec::new()) };
        Ok(fields.iter().filter_map(|field| Some(super::unquoted(&field.key)?.into_owned())).collect())
    }

    /// Puts `prefix` in front of the names of its fields.
    pub fn prefix_fields(&mut self, prefix: &str) -> Result<()> {
        if prefix.is_empty() {
            return Ok(());
        }
        self.open()?;
        let Body::Object(fields) = &mut self.body else { return Ok(()) };
        for field in fields {
            let name = super::unquoted(&field.key).unwrap_or_default();
            field.key = super::quoted(&format!("{prefix}{name}")).into();
            self.changed = true;
        }
        Ok(())
    }

    /// Puts the fields of `value` into this object, deep inside too; what is no object is replaced.
    pub fn merge(&mut self, value: &Node<'a>) -> Result<()> {
        let mut value = value.clone();
        self.open()?;
        value.open()?;
        let (Body::Object(mine), Body::Object(new)) = (&mut self.body, &mut value.body) else {
            self.replace(value);
            return Ok(());
        };
        for field in std::mem::take(new) {
            let name = super::unquoted(&field.key).map(std::borrow::Cow::into_owned);
            let same = mine.iter_mut().rev().find(|old| name.as_deref().is_some_and(|name| old.is(name)));
            match same {
                Some(old) => old.value.merge(&field.value)?,
                None => {
                    mine.push(field);
                    self.changed = true;
                }
            }
        }
        Ok(())
    }
}
