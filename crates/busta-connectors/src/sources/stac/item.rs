//! The few fields of an item that reading needs, and whether it is an item at all.

use std::borrow::Cow;

use busta_core::{CursorValue, Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::chunks::Times;
use super::time::Moment;

/// What was looked at in an item.
#[derive(Debug, Default)]
pub struct Head<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// Its box.
    pub bbox: Option<Vec<f64>>,
    /// Its collection.
    pub collection: Option<Cow<'a, str>>,
    /// Its times.
    pub times: Times,
    /// The value of the cursor field.
    pub newest: Option<CursorValue>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default, borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default)]
    bbox: Option<Vec<f64>>,
    #[serde(default, borrow)]
    collection: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    properties: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(default, borrow)]
    datetime: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    start_datetime: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    end_datetime: Option<Cow<'a, str>>,
}

/// Looks at an item. The error says what makes it none: no id, or fields of the wrong type.
pub fn look<'a>(item: &'a [u8], cursor_field: Option<&[String]>) -> Result<Head<'a>> {
    let fields: Fields<'_> =
        object(item).map_err(|why| Error::data(format!("this is no STAC item: {why}")))?;
    if fields.id.is_empty() {
        return Err(Error::data("this is no STAC item: its id is empty"));
    }
    if let Some(kind) = fields.r#type.filter(|kind| kind != "Feature") {
        return Err(Error::data(format!("this is no STAC item: its type is `{kind}` and not `Feature`")));
    }
    let moment = |text: Option<Cow<'_, str>>| text.and_then(|text| Moment::read(&text));
    let times = match fields.properties {
        None => Times::default(),
        Some(raw) => {
            let properties: Properties<'_> = object(raw.get().as_bytes())
                .map_err(|why| Error::data(format!("this is no STAC item: its properties: {why}")))?;
            Times {
                datetime: moment(properties.datetime),
                start: moment(properties.start_datetime),
                end: moment(properties.end_datetime),
            }
        }
    };
    let newest = cursor_field.and_then(|path| value_at(item, path)).and_then(CursorValue::from_json);
    Ok(Head { id: fields.id, bbox: fields.bbox, collection: fields.collection, times, newest })
}

/// Reads an object. (Serde would take an array for a struct too.)
fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    if text.first() != Some(&b'{') {
        return Err("it is no object".to_owned());
    }
    serde_json::from_slice(text).map_err(|e| e.to_string())
}

/// The JSON text at a path of names.
fn value_at<'a>(object: &'a [u8], path: &[String]) -> Option<&'a str> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(busta_core::json::field(object, first)?, |raw, name| {
        busta_core::json::field(raw.as_bytes(), name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_from_others() {
        let whole = br#"{"type":"Feature","id":"a","collection":"c","properties":{"datetime":null,"start_datetime":"2020-01-01T00:00:00Z","updated":"2021-01-01T00:00:00Z"}}"#;
        let field = ["properties".to_owned(), "updated".to_owned()];
        let head = look(whole, Some(&field)).unwrap();
        assert_eq!(head.collection.unwrap(), "c");
        assert_eq!(head.times.start.unwrap().to_string(), "2020-01-01T00:00:00Z");
        assert_eq!(head.newest, Some(CursorValue::Text("2021-01-01T00:00:00Z".into())));
        // A server may have been asked for a few fields only.
        assert!(look(br#"{"id":"a"}"#, None).is_ok());
        for wrong in [
            r#"{"type":"Feature"}"#,
            r#"["a"]"#,
            r#"{"id":7}"#,
            r#"{"id":""}"#,
            r#"{"id":"a","collection":[]}"#,
            r#"{"id":"a","properties":[]}"#,
            r#"{"id":"a","properties":{"datetime":5}}"#,
            r#"{"id":"a","type":"Collection"}"#,
        ] {
            assert!(look(wrong.as_bytes(), None).is_err(), "{wrong}");
        }
    }
}
