//! What a right configuration becomes.

use std::path::Path;

use busta_core::Priority;
use serde_json::json;

use super::{connectors, load};
use crate::config::{Kinds, OnBusy, TokenRole, json_schema};

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
    let schema = json_schema(connectors::REGISTRY, &Kinds::new(&connectors::REGISTRY));
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

#[test]
fn schedules_have_short_forms_and_a_default() {
    let config = load(
        "schedule: { cron: \"30 2 * * *\", timezone: Europe/Berlin, catch_up: false }
server: { initial_delay: 1m }
sources:
  - { name: a, type: files, paths: [x] }
  - { name: b, type: files, paths: [x], schedule: 30m }
  - { name: c, type: files, paths: [x], schedule: auto }
  - { name: d, type: files, paths: [x], schedule: none }
  - { name: e, type: files, paths: [x], schedule: { every: 1h, initial_delay: 0s, jitter: 5m, overlap: queue } }
",
    )
    .unwrap();
    let words: Vec<_> =
        config.sources.iter().map(|s| s.schedule.as_ref().map(|s| s.when.to_string())).collect();
    let shown: Vec<_> = words.iter().map(Option::as_deref).collect();
    let cron = Some("cron 30 2 * * * (Europe/Berlin)");
    assert_eq!(shown, [cron, Some("every 30m"), Some("auto (1m to 1d)"), None, Some("every 1h")]);
    let schedule = |n: usize| config.sources[n].schedule.clone().unwrap();
    assert!(!schedule(0).catch_up && schedule(1).catch_up);
    assert_eq!((schedule(1).initial_delay.as_secs(), schedule(4).initial_delay.as_secs()), (60, 0));
    assert_eq!((schedule(4).jitter.as_secs(), schedule(4).overlap.as_str()), (300, "queue"));
}

#[test]
fn the_server_and_retention_are_read() {
    let config = load(
        "server:
  bind: 0.0.0.0:9000
  tokens: [{ name: ci, role: operate, token: \"${DIGITS}${DIGITS}\" }]
  on_busy: queue
  rate_limit: 10/s
  activity: { keep: false }
retention: { runs: 7d }
sources:
  - { name: a, type: files, paths: [x], retention: 90d }
  - { name: b, type: files, paths: [x], retention: { records: 1d } }
  - { name: c, type: files, paths: [x] }
",
    )
    .unwrap();
    let server = &config.server;
    assert_eq!((server.bind.to_string(), server.on_busy), ("0.0.0.0:9000".to_owned(), OnBusy::Queue));
    assert_eq!(server.tokens[0].role, TokenRole::Operate);
    assert_eq!(server.tokens[0].token.0, busta_server::TokenHash::of("01234567890123456789"));
    assert!(!format!("{server:?}{}", json!(server)).contains("0123456789"), "a token shows");
    assert_eq!((server.grace.to_string(), server.activity.ring), ("30s".to_owned(), 10_000));
    assert_eq!(
        (config.retention.runs.to_string(), config.retention.max_events),
        ("7d".to_owned(), 1_000_000)
    );
    let kept: Vec<_> =
        config.sources.iter().map(|s| s.retention.records.map(|span| span.to_string())).collect();
    assert_eq!(kept, [Some("90d".to_owned()), Some("1d".to_owned()), None]);
}
