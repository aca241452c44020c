//! A stream as the others see it: what it names of them.

use super::super::problems::Problems;
use super::super::template::{FOLLOW, FieldRef, WITH};
use crate::jq::Program;

/// A stream among the others.
pub struct Member {
    /// Its name.
    pub name: String,
    /// What its placeholders, `include` and `map` name.
    pub uses: Vec<Use>,
    /// What its `with` names of `$for`: that is of the parent's split.
    pub mentioned: Vec<Use>,
    /// The names of its `for_each`.
    pub each: Vec<String>,
    /// Whether it has `follow`.
    pub follows: bool,
    /// Whether it is read from the newest record on.
    pub newest_first: bool,
    /// The names of its `with`.
    pub has_with: Vec<String>,
    /// Its `with`, as far as it could be compiled.
    pub with: Vec<(String, Program)>,
    /// The parent that it says it has, and the key that says so.
    pub parent: Option<(&'static str, String)>,
    /// Whether it is made from its parent's records.
    pub made: bool,
    /// What makes its records, if it is made.
    pub map: Option<Program>,
}

/// Something that is named, and where.
#[derive(Clone)]
pub struct Use {
    /// What.
    pub field: FieldRef,
    /// The keys that lead to it, from the stream on.
    pub place: Vec<String>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A value of `for_each`, of this stream or of the one that it comes from in the end.
    Each,
    /// What the stream's own `with` gives.
    With,
    /// What `follow.find` gives.
    Follow,
    /// A field of the stream at this place.
    Field(usize),
    /// Nothing.
    Nothing,
}

/// What `field` means where the streams have these names.
pub fn meaning(field: &FieldRef, names: &[&str]) -> Meaning {
    if field.stream.is_empty() {
        return Meaning::Each;
    }
    match names.iter().position(|name| *name == field.stream) {
        Some(stream) => Meaning::Field(stream),
        None if field.stream == WITH => Meaning::With,
        None if field.stream == FOLLOW => Meaning::Follow,
        None => Meaning::Nothing,
    }
}

impl Member {
    /// Says what is wrong with a name that stands at `index` among `names`, as far as that can be seen without
    /// knowing the parents.
    pub fn check(&self, used: &Use, index: usize, names: &[&str], problems: &mut Problems) {
        let field = &used.field;
        let wrong = match meaning(field, names) {
            Meaning::Field(other) if other == index => "a stream cannot be its own parent".to_owned(),
            Meaning::Nothing => {
                format!("there is no stream `{}` (there are {})", field.stream, names.join(", "))
            }
            Meaning::With if !self.has_with.contains(&field.field) => {
                format!("there is no `{}` under `with`", field.field)
            }
            // `map` also makes records of what further requests bring; for the others it is null there.
            Meaning::Follow if used.place.first().is_some_and(|key| key == "map") => return,
            Meaning::Follow if !self.follows || used.place.first().is_none_or(|key| key != FOLLOW) => {
                "only the requests under `follow` know what `follow.find` gives".to_owned()
            }
            _ => return,
        };
        problems.add_below(&used.place, wrong);
    }

    /// The streams that it names, by their places.
    pub fn named<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (usize, &'a Use)> {
        self.uses.iter().filter_map(move |used| match meaning(&used.field, names) {
            Meaning::Field(other) => Some((other, used)),
            _ => None,
        })
    }
}
