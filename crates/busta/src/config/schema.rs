//! The JSON Schema of the whole configuration, for editors.

use busta_connectors::quality::QualityConfig;
use busta_core::DatasetSettings;
use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::units::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::draft::StateSection;
use super::kinds::Kinds;
use super::schedule::ScheduleSection;
use super::{Registry, RetentionSection, RetentionSettings, ServerSettings};

/// The schema, made from the same types that the configuration is read into.
pub fn json_schema(registry: Registry, kinds: &Kinds) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let destinations: Vec<Value> = registry
        .destinations
        .iter()
        .map(|connector| {
            typed(
                connector.name,
                connector.summary,
                (connector.schema)(&mut generator),
                &Map::new(),
                &generator,
            )
        })
        .collect();
    let common = common_keys(&mut generator);
    let sources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let own = kinds.schema(&kind, &mut generator);
            typed(kind.name(), kind.summary(), own, &common, &generator)
        })
        .collect();
    let engine = EngineSettings::json_schema(&mut generator);
    let mut properties = members(&engine, "properties");
    let state = StateSection::json_schema(&mut generator);
    properties.insert("state".to_owned(), state.to_value());
    let dataset = generator.subschema_for::<DatasetSettings>();
    properties.insert(
        "datasets".to_owned(),
        json!({ "description": "What tables are for, beyond holding rows, by table.", "type": "object", "additionalProperties": dataset }),
    );
    properties.insert(
        "connectors".to_owned(),
        json!({
            "description": "Manifests of your own, as paths that start at this file's folder: each is a type of source.",
            "type": "array",
            "items": { "type": "string" },
        }),
    );
    properties.insert("server".to_owned(), generator.subschema_for::<ServerSettings>().to_value());
    properties.insert("retention".to_owned(), generator.subschema_for::<RetentionSettings>().to_value());
    properties.insert(
        "schedule".to_owned(),
        schedule(&mut generator, "When sources are collected by themselves that say nothing about it."),
    );
    properties.insert(
        "destination".to_owned(),
        json!({ "description": "Where records land, unless a source says otherwise.", "oneOf": destinations }),
    );
    properties.insert(
        "sources".to_owned(),
        json!({ "description": "What to collect from.", "type": "array", "minItems": 1, "items": { "oneOf": sources } }),
    );
    let transform = transform(registry, &mut generator);
    let mut definitions = generator.take_definitions(true);
    definitions.insert("Transform".to_owned(), transform);
    definitions.sort_keys();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "busta configuration",
        "type": "object",
        "required": ["sources"],
        "additionalProperties": false,
        "properties": properties,
        "$defs": definitions,
    })
}

/// The keys that every source has.
fn common_keys(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut keys = members(&SourceSettings::json_schema(generator), "properties");
    keys.insert(
        "name".to_owned(),
        json!({ "type": "string", "description": "Its name, unique in the file." }),
    );
    keys.insert(
        "enabled".to_owned(),
        json!({ "type": "boolean", "default": true, "description": "Whether it is collected without being named." }),
    );
    keys.insert(
        "destination".to_owned(),
        json!({ "$ref": "#/properties/destination", "description": "Where its records land." }),
    );
    let mut quality = QualityConfig::json_schema(generator).to_value();
    if let Some(quality) = quality.as_object_mut() {
        quality.insert("description".to_owned(), json!("What is expected of its records."));
    }
    keys.insert("quality".to_owned(), quality);
    keys.insert("schedule".to_owned(), schedule(generator, "When it is collected by itself."));
    let retention = generator.subschema_for::<RetentionSection>();
    keys.insert(
        "retention".to_owned(),
        json!({ "description": "How long its records are kept.", "anyOf": [retention, generator.subschema_for::<Span>()] }),
    );
    keys.insert(
        "transforms".to_owned(),
        json!({
            "description": "What is done to its records before they land, in order.",
            "type": "array",
            "items": { "$ref": "#/$defs/Transform" },
        }),
    );
    keys
}

/// A mapping, or a word for one.
fn schedule(generator: &mut SchemaGenerator, description: &str) -> Value {
    let (section, step) = (generator.subschema_for::<ScheduleSection>(), generator.subschema_for::<Span>());
    json!({ "description": description, "anyOf": [section, step, { "enum": ["auto", "none"] }] })
}

/// One element of `transforms`: a mapping with the one key that names its kind.
fn transform(registry: Registry, generator: &mut SchemaGenerator) -> Value {
    let kinds: Vec<Value> = registry
        .transforms
        .iter()
        .map(|kind| {
            let own = resolve((kind.schema)(generator), generator).to_value();
            json!({
                "type": "object",
                "title": kind.name,
                "description": kind.summary,
                "properties": { kind.name: own },
                "required": [kind.name],
                "additionalProperties": false,
            })
        })
        .collect();
    json!({ "description": "What is done to every record.", "oneOf": kinds })
}

/// A connector's schema with its `type` and the common keys in one closed object, since
/// `additionalProperties` does not see across `allOf`.
fn typed(
    name: &str,
    summary: &str,
    own: Schema,
    common: &Map<String, Value>,
    generator: &SchemaGenerator,
) -> Value {
    let own = resolve(own, generator);
    let mut properties = members(&own, "properties");
    properties.extend(common.clone());
    properties.insert("type".to_owned(), json!({ "const": name, "description": summary }));
    let mut required = vec![json!("type")];
    if !common.is_empty() {
        required.push(json!("name"));
    }
    if let Some(Value::Array(own)) = own.get("required") {
        required.extend(own.iter().cloned());
    }
    json!({
        "type": "object",
        "title": name,
        "description": summary,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What a reference to a definition stands for.
fn resolve(schema: Schema, generator: &SchemaGenerator) -> Schema {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let found = target.and_then(|name| generator.definitions().get(name).cloned());
    found.and_then(|value| Schema::try_from(value).ok()).unwrap_or(schema)
}

fn members(schema: &Schema, name: &str) -> Map<String, Value> {
    schema.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}
