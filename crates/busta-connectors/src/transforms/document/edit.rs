//! Looking things up in a record and changing them, along paths.

use std::borrow::Cow;

use busta_core::{Error, Result};

use super::{Body, Field, Kind, Node, Put, Segment, quoted, unquoted};

impl Field<'_> {
    /// Whether its name is `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        let inside = self.key.get(1..self.key.len().saturating_sub(1)).unwrap_or("");
        if inside == name {
            // A backslash in `name` itself would be doubled in the key.
            return !name.contains('\\');
        }
        inside.contains('\\') && unquoted(&self.key).is_some_and(|key| key == name)
    }
}

impl<'a> Node<'a> {
    /// The one value that a path without wildcards leads to.
    pub fn find(&mut self, path: &[Segment]) -> Result<Option<&mut Node<'a>>> {
        let Some((first, rest)) = path.split_first() else { return Ok(Some(self)) };
        match self.members(first)?.pop() {
            Some(member) => member.find(rest),
            None => Ok(None),
        }
    }

    /// Calls `each` with every value that `path` leads to.
    pub fn for_each(
        &mut self,
        path: &[Segment],
        each: &mut dyn FnMut(&mut Node<'a>) -> Result<()>,
    ) -> Result<()> {
        let Some((first, rest)) = path.split_first() else { return each(self) };
        for member in self.members(first)? {
            member.for_each(rest, each)?;
        }
        Ok(())
    }

    /// The members that one step leads to; of fields with one name the last.
    fn members(&mut self, step: &Segment) -> Result<Vec<&mut Node<'a>>> {
        self.open()?;
        Ok(match (&mut self.body, step) {
            (Body::Object(fields), Segment::Name(name)) => fields
                .iter_mut()
                .rev()
                .find(|field| field.is(name))
                .map(|f| &mut f.value)
                .into_iter()
                .collect(),
            (Body::Object(fields), Segment::Any) => fields.iter_mut().map(|field| &mut field.value).collect(),
            (Body::Array(items), Segment::Index(index)) => items.get_mut(*index).into_iter().collect(),
            (Body::Array(items), Segment::Any) => items.iter_mut().collect(),
            _ => Vec::new(),
        })
    }

    /// Puts `value` where `path` leads to. An error says what stands in the way.
    pub fn put(&mut self, path: &[Segment], how: Put, value: &Node<'a>) -> Result<()> {
        let Some((first, rest)) = path.split_first() else {
            return match how {
                Put::Merge => self.merge(value),
                Put::Replace | Put::UpdateOnly => {
                    self.replace(value.clone());
                    Ok(())
                }
            };
        };
        if let Segment::Any = first {
            return self.members(first)?.into_iter().try_for_each(|member| member.put(rest, how, value));
        }
        if let Some(member) = self.members(first)?.pop() {
            return member.put(rest, how, value);
        }
        match first {
            _ if how == Put::UpdateOnly => Ok(()),
            Segment::Name(name) => self.add(name, rest, value),
            Segment::Index(index) => Err(Error::data(format!("there is no element {index}"))),
            Segment::Any => Ok(()),
        }
    }

    /// Makes a field that is not there, with the objects that `rest` needs.
    fn add(&mut self, name: &str, rest: &[Segment], value: &Node<'a>) -> Result<()> {
        if rest.contains(&Segment::Any) {
            // Nothing matches below what does not exist.
            return Ok(());
        }
        let kind = self.kind();
        if kind == Kind::Null {
            self.replace(Node { body: Body::Object(Vec::new()), ..Node::new("{}") });
        }
        let Body::Object(fields) = &mut self.body else {
            return Err(Error::data(format!("`{name}` cannot be put into {}", kind.words())));
        };
        let mut member = Node::new("null");
        member.put(rest, Put::Replace, value)?;
        fields.push(Field { key: Cow::Owned(quoted(name)), value: member });
        self.changed = true;
        Ok(())
    }

    /// Becomes `value`.
    pub fn replace(&mut self, value: Node<'a>) {
        *self = value;
        self.changed = true;
    }

    /// Removes every value that `path` leads to.
    pub fn remove(&mut self, path: &[Segment]) -> Result<()> {
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        self.for_each(parents, &mut |parent| parent.remove_members(last))
    }

    fn remove_members(&mut self, step: &Segment) -> Result<()> {
        self.open()?;
        let before = self.len();
        match (&mut self.body, step) {
            (Body::Object(fields), Segment::Name(name)) => fields.retain(|field| !field.is(name)),
            (Body::Object(fields), Segment::Any) => fields.clear(),
            (Body::Array(items), Segment::Index(index)) if *index < items.len() => {
                items.remove(*index);
            }
            (Body::Array(items), Segment::Any) => items.clear(),
            _ => {}
        }
        self.changed |= self.len() != before;
        Ok(())
    }

    /// How many members an opened value has.
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Closed => 0,
            Body::Object(fields) => fields.len(),
            Body::Array(items) => items.len(),
        }
    }

    /// Takes the value at a path without wildcards out of the record.
    pub fn take(&mut self, path: &[Segment]) -> Result<Option<Node<'a>>> {
        let found = self.find(path)?.map(|node| node.clone());
        if found.is_some() {
            self.remove(path)?;
        }
        Ok(found)
    }

    /// Gives the field `from` of this object the name `to`, in its place. An error if there is one
    /// called so.
    pub fn rename_field(&mut self, from: &str, to: &str) -> Result<()> {
        self.open()?;
        let Body::Object(fields) = &mut self.body else { return Ok(()) };
        let Some(at) = fields.iter().rposition(|field| field.is(from)) else { return Ok(()) };
        if fields.iter().any(|field| field.is(to)) {
            return Err(Error::data(format!("there is a field `{to}` already")));
        }
        fields[at].key = Cow::Owned(quoted(to));
        fields.retain(|field| !field.is(from));
        self.changed = true;
        Ok(())
    }

    /// Appends to a list.
    pub fn push(&mut self, value: Node<'a>) -> Result<()> {
        self.open()?;
        let kind = self.kind();
        let Body::Array(items) = &mut self.body else {
            return Err(Error::data(format!("this is {}, not a list", kind.words())));
        };
        items.push(value);
        self.changed = true;
        Ok(())
    }
}
