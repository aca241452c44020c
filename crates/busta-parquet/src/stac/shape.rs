//! The columns of a file of Items.

use busta_core::json::for_each_field;
use busta_core::{Error, Records, Result};
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::{ITEM_FIELDS, TIMES};
use crate::time;

/// The columns that a set of STAC Items needs. It may stand in a manifest (serde), as
/// [`Shape`](crate::Shape) does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemShape {
    #[serde(rename = "items")]
    pub(super) columns: Vec<ItemColumn>,
}

/// A column of a file of Items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ItemColumn {
    pub name: Box<str>,
    pub place: Place,
    pub layout: Layout,
    /// Whether every text in it is a time that a timestamp in microseconds holds.
    pub is_time: bool,
    /// Whether it is the bbox and one has six numbers.
    pub is_solid: bool,
}

/// Where a column's values stand in an Item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// In a field of the Item.
    Item,
    /// In one of its properties.
    Property,
}

impl ItemShape {
    /// The shape of these Items.
    ///
    /// # Errors
    /// If a record cannot be an Item in a file: it has no `id` or no `properties`, or a property has
    /// the name of a field of Items. [`check_item`](crate::check_item) finds all that a file refuses.
    pub fn of(items: &Records) -> Result<Self> {
        let mut shape = Self::default();
        for item in items.iter() {
            shape.see(item).map_err(|error| error.at(label(item)))?;
        }
        Ok(shape)
    }

    /// Takes in what `other` has seen.
    pub fn widen(&mut self, other: &Self) {
        for (nth, column) in other.columns.iter().enumerate() {
            let own = self.column(nth, &column.name, column.place);
            own.layout.join(&column.layout);
            own.is_time &= column.is_time;
            own.is_solid |= column.is_solid;
        }
    }

    /// Whether a file with this shape can take Items with shape `other` as they are.
    pub fn holds(&self, other: &Self) -> bool {
        let mut wide = self.clone();
        wide.widen(other);
        wide.columns.len() == self.columns.len()
            && wide.columns.iter().zip(&self.columns).all(|(wide, own)| wide.is_stored_as(own))
    }

    fn see(&mut self, item: &[u8]) -> Result<()> {
        for_each_value(item, |nth, name, place, raw| {
            self.see_value(nth, name, place, raw);
            Ok(())
        })
    }

    fn see_value(&mut self, nth: usize, name: &str, place: Place, raw: &str) {
        let column = self.column(nth, name, place);
        if place == Place::Item && matches!(name, "geometry" | "bbox") {
            // Of one type in every file; of a bbox it matters whether one has six numbers.
            column.is_solid |= name == "bbox" && raw.bytes().filter(|b| *b == b',').count() == 5;
            return;
        }
        column.layout.see(raw);
        if raw != "null" {
            column.is_time &= instant(raw).is_some();
        }
    }

    fn column(&mut self, nth: usize, name: &str, place: Place) -> &mut ItemColumn {
        let is_it = |column: &ItemColumn| *column.name == *name && column.place == place;
        let found = match self.columns.get(nth) {
            Some(column) if is_it(column) => Some(nth),
            _ => self.columns.iter().position(is_it),
        };
        let found = found.unwrap_or_else(|| {
            let is_time = place == Place::Property && TIMES.contains(&name);
            let layout = Layout::default();
            self.columns.push(ItemColumn { name: name.into(), place, layout, is_time, is_solid: false });
            self.columns.len() - 1
        });
        &mut self.columns[found]
    }
}

impl ItemColumn {
    pub fn is_foreign(&self) -> bool {
        self.place == Place::Item && !ITEM_FIELDS.contains(&&*self.name)
    }

    fn is_stored_as(&self, other: &Self) -> bool {
        self.is_time == other.is_time
            && self.is_solid == other.is_solid
            && self.layout.is_stored_as(&other.layout)
    }
}

/// The microseconds of a JSON text that is a time.
pub(super) fn instant(raw: &str) -> Option<i64> {
    time::micros(raw.strip_prefix('"')?.strip_suffix('"')?)
}

/// Calls `each` with every field of `item` but `properties`, and every property: its number, name,
/// place and JSON text. Of fields that come twice, as [`busta_core::json`] says, all are passed on.
pub(super) fn for_each_value<'a>(
    item: &'a [u8],
    mut each: impl FnMut(usize, &str, Place, &'a str) -> Result<()>,
) -> Result<()> {
    let invalid = |error: serde_json::Error| Error::data(format!("this is no STAC Item: {error}"));
    let mut outcome = Ok(());
    let mut nth = 0;
    let mut properties = None;
    let mut has_id = false;
    for_each_field(item, |name, raw| {
        if name == "properties" {
            properties = Some(raw);
            return;
        }
        has_id |= name == "id" && raw.starts_with('"');
        if outcome.is_ok() {
            outcome = each(nth, &name, Place::Item, raw);
        }
        nth += 1;
    })
    .map_err(invalid)?;
    let Some(properties) = properties.filter(|_| has_id) else {
        return Err(Error::data("this is no STAC Item: it has no `id` or no `properties`"));
    };
    for_each_field(properties.as_bytes(), |name, raw| {
        if ITEM_FIELDS.contains(&&*name) && outcome.is_ok() {
            outcome = Err(Error::data(format!("the property `{name}` has the name of a field of Items"))
                .hint("rename it, since stac-geoparquet cannot keep them apart"));
        }
        if outcome.is_ok() {
            outcome = each(nth, &name, Place::Property, raw);
        }
        nth += 1;
    })
    .map_err(invalid)?;
    outcome
}

/// How an Item is called in messages.
pub(super) fn label(item: &[u8]) -> String {
    format!("item {}", busta_core::json::field(item, "id").unwrap_or("without id"))
}
