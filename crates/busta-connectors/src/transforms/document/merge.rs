//! Merging an object into another one.

use busta_core::Result;

use super::{Body, Node};

impl<'a> Node<'a> {
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
