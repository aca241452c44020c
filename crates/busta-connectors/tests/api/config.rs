//! Wrong configurations: all problems at once, each with its place.

use busta_core::WriteMode;
use serde_json::{Value, json};

use crate::common::{build, problems};

fn said(config: Value) -> Vec<String> {
    problems(config).iter().map(ToString::to_string).collect()
}

fn assert_says(config: Value, place: &str, words: &str) {
    let said = said(config);
    assert!(
        said.iter().any(|text| text.starts_with(place) && text.contains(words)),
        "{place} {words}: {said:#?}"
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let config = json!({
        "base_url": "ftp://x",
        "auth": { "type": "oauth2", "token_url": "http://a.example/", "client_id": "me", "grant": "password" },
        "headers": { "bad name": "x" },
        "max_response_size": "8GiB",
        "streams": [
            { "name": "a", "path": "/a/{b.id}", "records": "items", "write_mode": "merge" },
            { "name": "b", "path": "/b/{a.id}", "pagination": { "type": "cursor" } },
            { "name": "b", "path": "/c/{nobody.id}", "body": { "x": "{" } },
            { "name": "d", "path": "http://other.example/", "params": { "x": "{y}" },
              "cursor": { "field": "t", "lookback": "1h" },
              "pagination": { "type": "page", "per_page": 0, "total_path": "$.x[*]", "pages_header": "no no" } },
        ],
    });
    for (place, words) in [
        ("base_url.", "http://"),
        ("headers.bad name.", "header"),
        ("max_response_size.", "4GiB"),
        ("streams.0.records.", "starts with `$`"),
        ("streams.0.write_mode.", "primary_key"),
        ("streams.0.path.", "wait for each other"),
        ("streams.1.pagination.", "`path` or `header`"),
        ("streams.2.name.", "another stream `b`"),
        ("streams.2.path.", "no stream `nobody`"),
        ("streams.2.body.", "without its"),
        ("streams.2.method.", "POST"),
        ("streams.3.path.", "base_url"),
        ("streams.3.params.x.", "field of a stream"),
        ("streams.3.cursor.lookback.", "`param`"),
        ("streams.3.pagination.per_page.", "at least 1"),
        ("streams.3.pagination.total_path.", "one value"),
        ("streams.3.pagination.pages_header.", "header"),
    ] {
        assert_says(config.clone(), place, words);
    }
}

#[test]
fn single_mistakes_have_their_place() {
    let with = |key: &str, value: Value| {
        let mut config = json!({ "base_url": "http://a.example", "streams": [{ "name": "a", "path": "/" }] });
        config[key] = value;
        config
    };
    assert_says(with("base_url", json!("http://me:pw@a.example")), "base_url.", "basic");
    assert_says(with("base_url", json!("http://a.example/?x=1")), "base_url.", "params");
    assert_says(with("base_url", json!("a.example")), "base_url.", "no URL");
    assert_says(with("streams", json!([])), "streams.", "at least one");
    assert_says(with("auth", json!({ "type": "bearer" })), "auth.", "token");
    assert_says(with("auth", json!({ "type": "bearer", "token": "x", "tokken": "y" })), "auth.", "tokken");
    assert_says(
        with(
            "auth",
            json!({ "type": "oauth2", "token_url": "http://x", "client_id": "a", "grant": "refresh_token" }),
        ),
        "auth.",
        "`refresh_token`",
    );
    assert_says(with("stream", json!([])), "", "unknown field `stream`");
    assert_says(
        with("streams", json!([{ "name": "a", "path": "/{a.id}" }])),
        "streams.0.path.",
        "own parent",
    );
    assert_says(
        with("streams", json!([{ "name": "a", "path": "/", "pagination": { "type": "pages" } }])),
        "streams.0.pagination.",
        "unknown variant `pages`",
    );
    assert_says(
        with("streams", json!([{ "name": "a", "path": "/", "pagination": { "type": "page", "page": 1 } }])),
        "streams.0.pagination.",
        "unknown field `page`",
    );
    assert_says(
        with("streams", json!([{ "name": "a", "path": "/", "primary_key": 3 }])),
        "streams.0.primary_key.",
        "a name or a list",
    );
}

#[test]
fn the_example_is_right() {
    let source = build(json!({
        "base_url": "https://shop.example/api",
        "auth": { "type": "bearer", "token": "example-token" },
        "streams": [
            { "name": "orders", "path": "/orders", "params": { "per_page": 100 }, "records": "$.items",
              "primary_key": "id", "write_mode": "merge", "cursor": { "field": "updated_at", "param": "since" },
              "pagination": { "type": "next_url", "path": "$.next" } },
            { "name": "order_lines", "path": "/orders/{orders.id}/lines", "records": "$.items",
              "primary_key": ["order_id", "line"], "table": "lines" },
        ],
    }));
    let lines = &source.streams()[1];
    assert_eq!(lines.table, "lines");
    assert_eq!(lines.write_mode, WriteMode::Merge);
    assert_eq!(lines.parent.as_ref().unwrap().as_str(), "orders");
}

#[test]
fn names_of_other_streams_and_programs_are_checked() {
    let config = json!({
        "base_url": "http://a.example",
        "services": { "other": { "base_url": "b.example", "params": { "x": "{a.id}" }, "headers": { "bad name": "x" } } },
        "streams": [
            { "name": "a", "path": "/a/{region}/{nowhere}", "for_each": { "region": ["x", "x"], "b": ["y"], "with": [1] },
              "map": ".a |", "max_records": 0, "service": "nobody" },
            { "name": "b", "path": "/b/{a.id}", "with": { "v": "fou(1)", "w": "$now", "x": "$for[\"a.id\"]" },
              "for_each": { "k": [1] }, "cursor": { "field": "t", "order": "newest_first" } },
            { "name": "c", "from": "b", "path": "/c", "params": { "x": 1 }, "include": { "x": "b.id" }, "map": "$for.typo" },
            { "name": "d", "path": "/d/{c.id}/{b.id}", "follow": { "find": ".x", "path": "/x", "largest": "" } },
            { "name": "e", "path": "/e/{follow.x}" },
            { "name": "f", "from": "nothing" },
            { "name": "g", "parent": "a", "path": "/g" },
            { "name": "h", "parent": "a", "path": "/h/{b.id}" },
            { "name": "i", "from": "j", "map": "." },
            { "name": "j", "from": "i", "map": "." },
            { "name": "k", "with": { "x": ".id" }, "path": "/k" },
            { "name": "l" },
            { "name": "with", "path": "/l" },
            { "name": "m", "path": "/m", "cursor": { "field": "t", "order": "newest_first", "start": 5 }, "primary_key": "id", "write_mode": "append" },
        ],
    });
    for (place, words) in [
        ("services.other.base_url.", "no URL"),
        ("services.other.headers.bad name.", "header"),
        ("services.other.params.x.", "stream's own"),
        ("streams.0.path.", "`nowhere` must name a field of a stream"),
        ("streams.0.for_each.region.", "twice"),
        ("streams.0.for_each.b.", "another name"),
        ("streams.0.for_each.with.", "another name"),
        ("streams.0.map.", "no jq program"),
        ("streams.0.max_records.", "at least 1"),
        ("streams.0.service.", "(other)"),
        ("streams.1.with.v.", "`fou`"),
        ("streams.1.with.w.", "`$now`"),
        ("streams.1.with.x.", "record is `.` here"),
        ("streams.1.for_each.", "without a parent"),
        ("streams.1.cursor.order.", "primary_key"),
        ("streams.1.cursor.order.", "without a parent"),
        ("streams.2.path.", "makes no request"),
        ("streams.2.params.", "makes no request"),
        ("streams.2.include.x.", "`map`"),
        ("streams.2.map.", "`typo` must name"),
        ("streams.3.path.", "`map`"),
        ("streams.3.follow.largest.", "empty"),
        ("streams.3.follow.path.", "nothing that `find` gives"),
        ("streams.4.path.", "only the requests under `follow`"),
        ("streams.5.from.", "no stream `nothing`"),
        ("streams.6.parent.", "nothing of `a` is used"),
        ("streams.7.parent.", "that one is its parent"),
        ("streams.8.from.", "wait for each other"),
        ("streams.10.with.", "needs a parent"),
        ("streams.11.path.", "is missing"),
        ("streams.12.name.", "another name"),
        ("streams.13.cursor.order.", "primary_key"),
    ] {
        assert_says(config.clone(), place, words);
    }
}

#[test]
fn a_value_that_with_does_not_give_is_named() {
    let config = json!({ "base_url": "http://a.example", "streams": [
        { "name": "a", "path": "/a" },
        { "name": "b", "path": "/b/{with.gone}", "parent": "a", "with": { "there": ".id" } },
    ]});
    assert_says(config, "streams.1.path.", "no `gone` under `with`");
}
