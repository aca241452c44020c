use busta_core::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give this as `cursor` to get the next part; absent at the end. Its content means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that ends here.
    pub fn last(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// The first `limit` of `items`, which hold one more if the list goes on; `cursor` names an entry.
    pub fn cut(mut items: Vec<T>, limit: Limit, cursor: impl FnOnce(&T) -> String) -> Self {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}

/// Which part of a list to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct PageQuery {
    /// How many at most.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// How many entries of a list are wanted: the one place that says how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit(u32);

impl Limit {
    /// So many at most.
    pub const MOST: u32 = 1000;
    /// So many unless the request says otherwise.
    pub const USUAL: u32 = 50;

    /// So many entries.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::USUAL)
    }
}

impl TryFrom<u32> for Limit {
    type Error = Error;

    fn try_from(entries: u32) -> Result<Self> {
        if (1..=Self::MOST).contains(&entries) {
            return Ok(Self(entries));
        }
        Err(Error::data(format!("{entries} is not between 1 and {}", Self::MOST)))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
        let number = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
        number.minimum(Some(1)).maximum(Some(Self::MOST)).default(Some(Self::USUAL.into())).into()
    }
}

impl ToSchema for Limit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_entries() {
        let read = |text: &str| serde_json::from_str::<Limit>(text).map(Limit::get);
        assert_eq!((read("1").unwrap(), read("1000").unwrap()), (1, 1000));
        for wrong in ["0", "1001", "-1", "4294967296", "\"ten\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Limit::default().get(), 50);
    }

    #[test]
    fn a_part_names_its_last_entry_if_there_are_more() {
        let two = Limit::try_from(2).unwrap();
        let page = Page::cut(vec![1, 2, 3], two, ToString::to_string);
        assert_eq!((page.items, page.next.as_deref()), (vec![1, 2], Some("2")));
        let page = Page::cut(vec![1, 2], two, ToString::to_string);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
