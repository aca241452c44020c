//! The order of the items of a search, as the operator writes it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Fields, and whether they fall. Written as `-properties.datetime`, `+id`, several with commas between them, as
/// `{ field: properties.datetime, direction: desc }`, or as a list of these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order(pub Vec<(String, bool)>);

/// One field, in the form of a body of POST.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByField {
    /// The field.
    field: String,
    /// Upwards if not given.
    #[serde(default)]
    direction: Direction,
}

/// Which way an order goes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    /// The smallest first.
    #[default]
    Asc,
    /// The greatest first.
    Desc,
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Order;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("-properties.datetime, { field: properties.datetime, direction: desc }, or a list of these")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Order, E> {
                Ok(Order(text.split(',').filter_map(one).collect()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Order, A::Error> {
                let ByField { field, direction } = ByField::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Order(vec![(field, direction == Direction::Desc)]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Order, A::Error> {
                let mut all = Vec::new();
                while let Some(Order(some)) = list.next_element()? {
                    all.extend(some);
                }
                Ok(Order(all))
            }
        }
        deserializer.deserialize_any(Fields)
    }
}

/// `-properties.datetime` as a field and whether it falls.
fn one(text: &str) -> Option<(String, bool)> {
    let text = text.trim();
    let field = text.trim_start_matches(['+', '-']);
    (!field.is_empty()).then(|| (field.to_owned(), text.starts_with('-')))
}

impl JsonSchema for Order {
    fn schema_name() -> Cow<'static, str> {
        "StacOrder".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let by_field = generator.subschema_for::<ByField>();
        let each = json_schema!({ "anyOf": [{ "type": "string" }, by_field] });
        json_schema!({ "anyOf": [{ "type": "string" }, by_field, { "type": "array", "items": each }] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_written_in_either_form() {
        let up = |field: &str| (field.to_owned(), false);
        let down = |field: &str| (field.to_owned(), true);
        for (written, expected) in [
            (json!("-properties.datetime, +id"), vec![down("properties.datetime"), up("id")]),
            (json!(["id", "-a"]), vec![up("id"), down("a")]),
            (json!({ "field": "id" }), vec![up("id")]),
            (json!([{ "field": "a", "direction": "desc" }, "b"]), vec![down("a"), up("b")]),
        ] {
            assert_eq!(serde_json::from_value::<Order>(written).unwrap().0, expected);
        }
        let wrong = |written| serde_json::from_value::<Order>(written).unwrap_err().to_string();
        assert!(wrong(json!([7])).contains("{ field: properties.datetime, direction: desc }"));
        assert!(wrong(json!([{ "field": "a", "direction": "down" }])).contains("`asc` or `desc`"));
    }
}
