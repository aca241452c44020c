//! What a right configuration becomes.

use std::path::Path;

use busta_core::Priority;
use serde_json::json;

use super::{connectors, load};
use crate::config::json_schema;

#[test]
fn defaults_and_overrides() {
    let config = load(
        "concurrency: ${PLACES}\npools: { api: 2 }\nstate: { path: here/state.db }\nsources:
  - name: a
    type: api
    base_url: http://x
    auth: { type: bearer, token: \"${file:/run/secrets/token}\" }
    priority: high
    rate_limit: 10/s
    retry: { max_retries: 0 }
    streams: []
  - name: b
    type: files
    paths: [x]
    enabled: false
    destination: { type: sqlite, path: other.db }
  - name: c
    type: files
    paths: [y]
    destination: { path: busta.db, type: sqlite }
",
    )
    .unwrap();
    assert_eq!(config.settings.concurrency, 3);
    assert_eq!(config.settings.memory_budget.0, 256 << 20);
    assert_eq!(config.state, Path::new("here/state.db"));
    assert_eq!(config.sources[0].settings.priority, Priority::High);
    assert_eq!(config.sources[0].settings.retry.unwrap().max_retries, 0);
    assert_eq!(config.sources.iter().map(|s| s.enabled).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(
        config.sources.iter().map(|s| s.destination).collect::<Vec<_>>(),
        [0, 1, 0],
        "same keys, same place"
    );
    assert_eq!(config.destinations[0].words(), "sqlite busta.db");
}

#[test]
fn anchors_and_merge_keys_save_typing() {
    let config = load(
        "sources:
  - &base { name: a, type: files, paths: [x], priority: low }
  - <<: *base
    name: b
    priority: high
  - <<: [*base]
    name: c
",
    )
    .unwrap();
    let priorities: Vec<_> = config.sources.iter().map(|s| s.settings.priority).collect();
    assert_eq!(priorities, [Priority::Low, Priority::High, Priority::Low]);
}

#[test]
fn a_token_of_digits_is_a_text() {
    let yaml = "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    streams: []\n    auth:\n      type: bearer\n      token: ${DIGITS}\n";
    load(yaml).unwrap();
}

#[test]
fn the_schema_describes_what_is_accepted() {
    let schema = json_schema(connectors::REGISTRY);
    assert_eq!(schema["properties"]["concurrency"]["type"], "integer");
    assert!(schema["properties"]["concurrency"]["description"].as_str().unwrap().contains("at once"));
    let sources = schema["properties"]["sources"]["items"]["oneOf"].as_array().unwrap();
    let api = &sources[0];
    assert_eq!(api["properties"]["type"]["const"], "api");
    assert_eq!(api["required"], json!(["type", "name", "base_url", "streams"]));
    for key in ["base_url", "priority", "rate_limit", "enabled", "destination"] {
        assert!(api["properties"].get(key).is_some(), "{key}");
    }
    let text = schema.to_string();
    for (at, _) in text.match_indices("\"#/$defs/") {
        let name = text[at + 9..].split('"').next().unwrap();
        assert!(schema["$defs"].get(name).is_some(), "{name} is not defined");
    }
}
