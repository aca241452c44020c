//! The JSON Schema of a source's section, by its manifest.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::Library;
use super::manifest::Manifest;
use super::parameter::{properties, required};

/// The keys of a source of `manifest`, without those that every source has.
pub fn schema(manifest: &Manifest, library: &Library, generator: &mut SchemaGenerator) -> Schema {
    let then = then(library, generator);
    let mut keys = properties(&manifest.config.parameters, generator);
    let mut put = |name: &str, value: Value| _ = keys.insert(name.to_owned(), value);
    let presets: Vec<&str> = manifest.presets().keys().map(String::as_str).collect();
    if !presets.is_empty() {
        let description = "A named set of parameters; what is given besides takes their place.";
        put("preset", json!({ "description": description, "enum": presets }));
    }
    put(
        "tables",
        json!({
            "description": "The tables that streams land in, by stream; without it, those of their names.",
            "type": "object",
            "additionalProperties": { "type": "string" },
        }),
    );
    put(
        "then",
        json!({
            "description": "What its records lead to: each element is a connector of its own, with its \
                parameters, that is read once for each record of a stream.",
            "type": "array",
            "items": then,
        }),
    );
    // Where there is a preset, it may give what is required.
    let required = if presets.is_empty() { required(&manifest.config.parameters) } else { Vec::new() };
    let schema = json!({
        "type": "object",
        "description": manifest.summary(),
        "properties": keys,
        "required": required,
        "additionalProperties": false,
    });
    Schema::try_from(schema).unwrap_or_default()
}

/// What an element of `then` may be: a definition that all manifests refer to.
fn then(library: &Library, generator: &mut SchemaGenerator) -> Value {
    const NAME: &str = "Then";
    if !generator.definitions().contains_key(NAME) {
        let links: Vec<Value> = library.iter().map(|manifest| link(manifest, generator)).collect();
        generator.definitions_mut().insert(NAME.to_owned(), json!({ "oneOf": links }));
    }
    json!({ "$ref": format!("#/$defs/{NAME}") })
}

/// An element of `then` for one manifest.
fn link(manifest: &Manifest, generator: &mut SchemaGenerator) -> Value {
    let text = json!({ "type": "string" });
    let mut keys = properties(&manifest.config.parameters, generator);
    let mut put = |name: &str, value: Value| _ = keys.insert(name.to_owned(), value);
    put("type", json!({ "description": "The connector.", "const": manifest.name() }));
    put("of", json!({ "description": "The stream whose records it follows.", "type": "string" }));
    put(
        "with",
        json!({
            "description": "Values of such a record, in the language of jq, by the name of their \
                placeholder: `{with.name}`.",
            "type": "object",
            "additionalProperties": text,
        }),
    );
    put(
        "include",
        json!({
            "description": "Fields of such a record to put into every record, such as \
                `order_id: orders.id`.",
            "type": "object",
            "additionalProperties": text,
        }),
    );
    let presets: Vec<&String> = manifest.presets().keys().collect();
    if !presets.is_empty() {
        put(
            "preset",
            json!({ "description": "A named set of the connector's parameters.", "enum": presets }),
        );
    }
    json!({
        "type": "object",
        "description": manifest.summary(),
        "required": ["type", "of"],
        "properties": keys,
        "additionalProperties": false,
    })
}
