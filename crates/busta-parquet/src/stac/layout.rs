//! The type of a value inside an Item, found by looking at values.

use busta_core::json::for_each_field;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::shape::{Kind, Seen};
use crate::value::Value;

/// Values nested deeper than this are kept as JSON text.
const MAX_DEPTH: usize = 12;
/// So are objects that have more fields than this together: their names are data, such as ids.
const MAX_FIELDS: usize = 1000;

/// What a place in the Items holds. Joining is a union at every level, so the order in which Items
/// are met changes nothing but the order of fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layout {
    /// Scalars of these kinds.
    Scalar(Seen),
    /// Lists of one layout.
    List(Box<Layout>),
    /// Objects with these fields.
    Group(Vec<(Box<str>, Layout)>),
    /// Values of several types, as JSON text.
    Json,
}

/// How a layout is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    Scalar(Kind),
    List(&'a Layout),
    Group(&'a [(Box<str>, Layout)]),
}

impl Default for Layout {
    fn default() -> Self {
        Self::Scalar(Seen::default())
    }
}

impl Layout {
    /// Takes in the value with this JSON text.
    pub fn see(&mut self, raw: &str) {
        self.see_at(raw, 0);
    }

    fn see_at(&mut self, raw: &str, depth: usize) {
        let seen = match raw.as_bytes().first() {
            None | Some(b'n') => return,
            Some(b'{') => return self.see_group(raw, depth),
            Some(b'[') => return self.see_list(raw, depth),
            Some(_) => Value::seen(raw).without_time(),
        };
        // A number that no type holds is no text.
        let is_odd =
            seen == Seen::TEXT && (!raw.starts_with('"') || matches!(Value::of(raw), Value::Other(_)));
        match self {
            Self::Scalar(_) if !is_odd => self.join(&Self::Scalar(seen)),
            _ => *self = Self::Json,
        }
    }

    fn see_group(&mut self, raw: &str, depth: usize) {
        if self.is_unknown() && depth < MAX_DEPTH {
            *self = Self::Group(Vec::new());
        }
        let Self::Group(fields) = self else {
            *self = Self::Json;
            return;
        };
        let mut nth = 0;
        // A record is valid JSON, and so are its parts.
        let _ = for_each_field(raw.as_bytes(), |name, raw| {
            let place = place_of(fields, nth, &name);
            fields[place].1.see_at(raw, depth + 1);
            nth += 1;
        });
        self.limit();
    }

    fn see_list(&mut self, raw: &str, depth: usize) {
        if self.is_unknown() && depth < MAX_DEPTH {
            *self = Self::List(Box::default());
        }
        let Self::List(item) = self else {
            *self = Self::Json;
            return;
        };
        for_each_item(raw, |raw| item.see_at(raw, depth + 1));
    }

    /// Takes in what `other` has seen.
    pub fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Scalar(seen)) if seen.is_empty() => {}
            (mine, _) if mine.is_unknown() => *self = other.clone(),
            (Self::Scalar(mine), Self::Scalar(seen)) => {
                *mine = mine.with(*seen);
                if !mine.is_uniform() {
                    *self = Self::Json;
                }
            }
            (Self::List(mine), Self::List(item)) => mine.join(item),
            (Self::Group(mine), Self::Group(fields)) => {
                for (nth, (name, layout)) in fields.iter().enumerate() {
                    let place = place_of(mine, nth, name);
                    mine[place].1.join(layout);
                }
                self.limit();
            }
            _ => *self = Self::Json,
        }
    }

    /// The column that holds this. Parquet has no groups without fields.
    pub fn stored(&self) -> Stored<'_> {
        match self {
            Self::Scalar(seen) => Stored::Scalar(seen.kind()),
            Self::List(item) => Stored::List(item),
            Self::Group(fields) if !fields.is_empty() => Stored::Group(fields),
            Self::Group(_) | Self::Json => Stored::Scalar(Kind::Json),
        }
    }

    /// Whether values of both are stored alike.
    pub fn is_stored_as(&self, other: &Self) -> bool {
        match (self.stored(), other.stored()) {
            (Stored::Scalar(a), Stored::Scalar(b)) => a == b,
            (Stored::List(a), Stored::List(b)) => a.is_stored_as(b),
            (Stored::Group(a), Stored::Group(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.is_stored_as(&b.1))
            }
            _ => false,
        }
    }

    fn limit(&mut self) {
        if matches!(self, Self::Group(fields) if fields.len() > MAX_FIELDS) {
            *self = Self::Json;
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(self, Self::Scalar(seen) if seen.is_empty())
    }
}

/// The place of the field `name`, most likely the `nth`; it is added if there is none.
fn place_of(fields: &mut Vec<(Box<str>, Layout)>, nth: usize, name: &str) -> usize {
    if fields.get(nth).is_some_and(|field| *field.0 == *name) {
        return nth;
    }
    fields.iter().position(|field| *field.0 == *name).unwrap_or_else(|| {
        fields.push((name.into(), Layout::default()));
        fields.len() - 1
    })
}

/// Calls `each` with the JSON text of every item of the array `raw`.
pub(super) fn for_each_item<'a>(raw: &'a str, each: impl FnMut(&'a str)) {
    struct Items<F>(F);
    impl<'de, F: FnMut(&'de str)> Visitor<'de> for Items<F> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON array")
        }
        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(raw) = seq.next_element::<&RawValue>()? {
                (self.0)(raw.get());
            }
            Ok(())
        }
    }
    // A record is valid JSON, and so are its parts.
    let _ = serde::Deserializer::deserialize_seq(&mut serde_json::Deserializer::from_str(raw), Items(each));
}
