//! What is wrong with a configuration is told at once, with its place.

use serde_json::json;

use super::{build, problems};

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(json!({
        "url": "stac.example", "path": "items", "datetime": "yesterday", "bbox": [1, 2, 3],
        "intersects": { "coordinates": [] }, "limit": 0, "max_items": 0, "headers": { "bad name": "x" },
        "primary_key": [], "write_mode": "merge", "cursor": { "field": "properties." },
        "split": { "by": "time", "chunks": 0 }, "include_collections": true, "stream": "collections",
    }));
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    path. cannot go with `url`; make two sources
    headers.bad name. cannot be the name of a header
    max_items. must be at least 1
    split.chunks. is 0; must be from 1 to 10000
    split. cannot go with `max_items`, which needs one order of all items; use `split: none`
    datetime. `yesterday` is no time; write it like 2024-01-31, 2024-01-31T12:00:00Z, or .. for an open end
    bbox. has 3 numbers; give west, south, east, north (or 6 with heights)
    intersects. cannot go with `bbox`; leave one of them out
    intersects. must be a GeoJSON geometry, such as { type: Point, coordinates: [7.1, 50.7] }
    limit. is 0; must be from 1 to 100000
    write_mode. merge needs a `primary_key`
    stream. is `collections`, as is the stream of `include_collections`; name it otherwise
    cursor.field. must be the name of a field, such as properties.updated
    ");
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
        (json!({ "url": "http://a.example", "sortby": [7] }), "sortby.", "direction: desc"),
        (json!({ "path": "items", "max_items": 5 }), "max_items.", "needs a STAC API"),
        (json!({ "path": "items", "sortby": "id" }), "sortby.", "`--limit`"),
        (
            json!({ "url": "http://a.example", "fields": { "exclude": ["geometry", "collection"] } }),
            "fields.exclude.",
            "`collection`, which belongs to the `primary_key`",
        ),
        (
            json!({ "url": "http://a.example", "primary_key": "uid", "fields": { "exclude": ["id"] } }),
            "fields.exclude.",
            "`id`, without which no item",
        ),
        (json!({ "url": "ftp://a.example" }), "url.", "must start with http"),
        (json!({}), "url.", "is missing"),
    ] {
        let found = problems(config.clone());
        let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(shown.starts_with(place) && shown.contains(said), "{config}: {shown}");
    }
}

/// Of two items with one id, that an API was told to leave their collections out of, one would be lost.
#[test]
fn a_collection_may_be_missing_unless_fields_are_chosen() {
    for (config, expected) in [
        (json!({ "path": "items" }), vec!["collection"]),
        (json!({ "path": "items", "primary_key": "id" }), vec![]),
        (json!({ "url": "http://a.example", "fields": { "include": ["id"] } }), vec![]),
    ] {
        assert_eq!(build(config.clone()).streams()[0].optional_key, expected, "{config}");
    }
}
