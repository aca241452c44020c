//! Values of the configuration that may be written in more than one way.
//!
//! They read themselves, since serde's `untagged` gives errors that no one can act on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use busta_core::CursorValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One text, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOrList(pub Vec<String>);

impl<'de> Deserialize<'de> for TextOrList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = TextOrList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a list of names")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrList(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(TextOrList(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for TextOrList {
    fn schema_name() -> Cow<'static, str> {
        "TextOrList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

/// A text, a number, true or false.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar(pub CursorValue);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(CursorValue::Text(text.to_owned())))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                self.visit_str(if value { "true" } else { "false" })
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(CursorValue::Integer(number)))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                match i64::try_from(number) {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => self.visit_str(&number.to_string()),
                }
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(CursorValue::Float(number)))
            }
        }
        deserializer.deserialize_any(One)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// Values by name, in the order of their names: what a stream is read once for each combination of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForEach(pub Vec<(String, Vec<serde_json::Value>)>);

impl<'de> Deserialize<'de> for ForEach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lists = BTreeMap::<String, Plain>::deserialize(deserializer)?;
        Ok(Self(lists.into_iter().map(|(name, Plain(values))| (name, values)).collect()))
    }
}

impl JsonSchema for ForEach {
    fn schema_name() -> Cow<'static, str> {
        "ForEach".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Params::json_schema(generator)
    }
}

/// Parameters by name, in the order of their names. A list gives its name once for each element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Params;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("parameters with their values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, Values(values))) = map.next_entry::<String, Values>()? {
                    pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                Ok(Params(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl JsonSchema for Params {
    fn schema_name() -> Cow<'static, str> {
        "Params".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": {
                "type": ["string", "number", "boolean", "array"],
                "items": { "type": ["string", "number", "boolean"] }
            }
        })
    }
}

struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Plain(values) = Plain::deserialize(deserializer)?;
        Ok(Self(values.iter().map(super::template::plain).collect()))
    }
}

/// Texts, numbers, true and false: one, or a list of them.
struct Plain(Vec<serde_json::Value>);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        let values = match Value::deserialize(deserializer)? {
            Value::Array(list) => list,
            one => vec![one],
        };
        if values.iter().all(|value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))) {
            return Ok(Self(values));
        }
        Err(D::Error::custom("expected a text, a number, true or false, or a list of them"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_name_or_a_list() {
        assert_eq!(from_value::<TextOrList>(json!("id")).unwrap().0, ["id"]);
        assert_eq!(from_value::<TextOrList>(json!(["a", "b"])).unwrap().0, ["a", "b"]);
        let error = from_value::<TextOrList>(json!(3)).unwrap_err().to_string();
        assert!(error.contains("a name or a list of names"), "{error}");
    }

    #[test]
    fn params_take_scalars_and_lists() {
        let params: Params = from_value(json!({"tag": ["a", 1], "all": true, "n": 1.5})).unwrap();
        let pairs: Vec<_> = params.0.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("all", "true"), ("n", "1.5"), ("tag", "a"), ("tag", "1")]);
        assert!(from_value::<Params>(json!({"a": {"b": 1}})).is_err());
        assert!(from_value::<Params>(json!({"a": null})).is_err());
    }

    #[test]
    fn scalars_keep_their_type() {
        assert_eq!(from_value::<Scalar>(json!(7)).unwrap().0, CursorValue::Integer(7));
        assert_eq!(from_value::<Scalar>(json!("7")).unwrap().0, CursorValue::Text("7".into()));
        assert!(from_value::<Scalar>(json!([])).is_err());
    }
}
