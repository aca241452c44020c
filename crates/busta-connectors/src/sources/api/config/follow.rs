//! The keys of `follow`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::values::Params;
use super::MethodName;

/// Further requests that an answer asks for: the rest of a list or tree that it gives only the beginning of.
/// Their records are of the same stream, and may ask for more in turn.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowConfig {
    /// A jq program that runs on every item, before `map`, and gives zero or more objects: one for each further
    /// request. Their fields are texts, numbers or booleans, and stand in placeholders as `{follow.ids}`.
    /// `$for` is the same as in `map`.
    pub find: String,
    /// At most so many further requests for each request of the stream itself, divided evenly among what is
    /// found. 0 for none.
    #[serde(default = "limit")]
    pub limit: u32,
    /// A jq program that gives a number for each object found: the largest go first where `limit` does not
    /// reach.
    #[serde(default)]
    pub largest: Option<String>,
    /// The path of the further requests, after `base_url`.
    pub path: String,
    /// Their method.
    #[serde(default)]
    pub method: MethodName,
    /// Their query parameters; those of the stream are not for them.
    #[serde(default)]
    pub params: Params,
    /// Their headers; those of the stream are not for them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Their JSON body.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Their body as an HTML form sends it.
    #[serde(default)]
    pub form: Option<Params>,
    /// Where the items are in their answers; where they are in the stream's, if it is absent.
    #[serde(default)]
    pub records: Option<String>,
    /// What makes records of their items; the stream's `map`, if it is absent.
    #[serde(default)]
    pub map: Option<String>,
}

/// One kind of further requests, or several.
#[derive(Clone, Debug, Default)]
pub struct Follows(pub Vec<FollowConfig>);

impl<'de> Deserialize<'de> for Follows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Follows;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping with `find` and `path`, or a list of such")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Follows, E> {
                Ok(Follows::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Follows, A::Error> {
                FollowConfig::deserialize(MapAccessDeserializer::new(map)).map(|one| Follows(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Follows, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Follows)
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for Follows {
    fn schema_name() -> Cow<'static, str> {
        "Follows".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<FollowConfig>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }, { "type": "null" }] })
    }
}

fn limit() -> u32 {
    32
}
