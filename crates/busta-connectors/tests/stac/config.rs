//! What is wrong with a configuration is told at once, with its place.

use serde_json::json;

use super::problems;

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(json!({
        "url": "stac.example", "path": "items", "datetime": "yesterday", "bbox": [1, 2, 3],
        "intersects": { "coordinates": [] }, "limit": 0, "max_items": 0, "headers": { "bad name": "x" },
        "primary_key": [], "write_mode": "merge", "cursor": { "field": "properties." },
        "split": { "by": "time", "chunks": 0 }, "include_collections": true, "stream": "collections",
    }));
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @"");
}

#[test]
fn keys_of_the_wrong_type_are_named() {
    for (config, place, said) in [
        (
            json!({ "url": "http://a.example", "split": "time" }),
            "split.",
            "auto, none or { by: time, chunks: 16 }",
        ),
        (json!({ "url": "http://a.example", "split": { "by": "space", "chunks": 2 } }), "split.", "time"),
        (json!({ "url": "http://a.example", "filter": [] }), "filter.", "CQL2"),
        (json!({ "url": "http://a.example", "colections": "a" }), "", "collections"),
        (json!({ "url": "ftp://a.example" }), "url.", "must start with http"),
        (json!({}), "url.", "is missing"),
    ] {
        let found = problems(config.clone());
        let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(shown.starts_with(place) && shown.contains(said), "{config}: {shown}");
    }
}
