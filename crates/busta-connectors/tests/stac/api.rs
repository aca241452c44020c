//! Searches of an API: in one piece and in many.

use busta_core::{Checkpoint, Cursor, CursorValue, ErrorKind, Position, SplitState};
use serde_json::{Value, json};

use super::{build, build_for, keys, read, read_both, sandbox, with};

/// How many items the server says there are.
async fn matched(config: Value) -> usize {
    let summary = build(config).test().await.unwrap().summary;
    let (_, rest) = summary.split_once(" items of ").unwrap_or_else(|| panic!("{summary}"));
    rest.split(';').next().unwrap().parse().unwrap()
}

/// Twenty searches: open and closed, in the dense weeks and the empty months, on boundaries.
fn searches() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "collections": ["sentinel-2-l2a"] }),
        json!({ "collections": ["sentinel-2-l2a", "landsat-c2-l2"] }),
        json!({ "datetime": "2022-07-01T00:00:00Z/2022-07-08T00:00:00Z" }),
        json!({ "datetime": "2022" }),
        json!({ "datetime": "2022-04-02/2022-06-29" }),
        json!({ "datetime": "2024-02-29" }),
        json!({ "datetime": "2024-02-29T12:00:00Z" }),
        json!({ "datetime": "2023-01-01T00:00:00Z/.." }),
        json!({ "datetime": "../2023-03-01T00:00:00Z" }),
        json!({ "datetime": "2023-03/2024-02" }),
        json!({ "bbox": [-180, 0, 180, 90] }),
        json!({ "bbox": [-20.5, 30, 40, 70.25], "datetime": "2022/2023" }),
        json!({ "bbox": [170, -60, -170, 60] }),
        json!({ "intersects": { "type": "Point", "coordinates": [7.1, 50.7] } }),
        json!({ "query": { "eo:cloud_cover": { "lt": 20 } } }),
        json!({ "filter": { "op": "<", "args": [{ "property": "eo:cloud_cover" }, 20] }, "datetime": "2024" }),
        json!({ "fields": { "include": ["id", "collection", "properties"], "exclude": ["assets"] } }),
        json!({ "fields": { "exclude": ["properties.datetime"] }, "datetime": "2022" }),
        json!({ "sortby": "-properties.datetime", "datetime": "2024-03-01/2024-12-31" }),
        json!({ "split": { "by": "time", "chunks": 5 } }),
    ]
}

#[tokio::test]
async fn the_pieces_together_are_the_search() {
    let sandbox = sandbox().await;
    let base = json!({ "url": format!("{}/stac/600", sandbox.url()), "limit": 12 });
    let mut in_pieces = 0;
    for search in searches() {
        let config = with(base.clone(), &search);
        let split = read(&*build(config.clone())).await;
        let whole = read(&*build(with(config.clone(), &json!({ "split": "none" })))).await;
        assert_eq!(whole.splits.len(), 1);
        assert_eq!(keys(&split), keys(&whole), "{search}");
        assert_eq!(keys(&whole).len(), matched(config).await, "{search}");
        assert!(split.failures.is_empty() && whole.failures.is_empty());
        in_pieces += usize::from(split.splits.len() > 2);
    }
    assert!(in_pieces >= 8, "only {in_pieces} searches were cut");
}

/// Nobody knows then where to cut; a split whose id another has would be taken for done.
#[tokio::test]
async fn collections_without_a_known_extent_are_all_read() {
    let sandbox = sandbox().await;
    sandbox.set_profile("/stac/600/collections", "fail=404".parse().unwrap());
    let config = json!({
        "url": format!("{}/stac/600", sandbox.url()), "limit": 12,
        "collections": ["sentinel-2-l2a", "landsat-c2-l2"],
    });
    let splits = build(config).plan(&Checkpoint::default()).await.unwrap();
    let ids: Vec<&str> = splits.iter().map(|split| split.id.as_str()).collect();
    assert_eq!(ids, ["items/sentinel-2-l2a", "items/landsat-c2-l2"]);
}

/// Else a large search would be one chain, because the server was asked a moment too early.
#[tokio::test]
async fn who_is_told_to_ask_for_the_extent_later_does() {
    let sandbox = sandbox().await;
    sandbox.set_profile("/stac/600/collections", "fail=429:first:1".parse().unwrap());
    let source = build(json!({ "url": format!("{}/stac/600", sandbox.url()), "limit": 12 }));
    let error = source.plan(&Checkpoint::default()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::RateLimited && error.wait().is_some(), "{error}");
    assert!(read(&*source).await.splits.len() > 2);

    // Who never tells is not waited for for ever.
    sandbox.set_profile("/stac/600/collections", "fail=429".parse().unwrap());
    for _ in 0..3 {
        assert!(source.plan(&Checkpoint::default()).await.is_err());
    }
    assert_eq!(source.plan(&Checkpoint::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_kind_of_server_is_read() {
    let sandbox = sandbox().await;
    for options in [
        "",
        ",next=merge",
        ",next=headers",
        ",next=get",
        ",post=off",
        ",matched=context",
        ",matched=off",
        ",search=off",
        ",max_limit=9",
    ] {
        let config = json!({ "url": format!("{}/stac/300{options}", sandbox.url()), "limit": 10 });
        let harvest = read_both(&*build(config.clone())).await;
        assert_eq!(keys(&harvest).len(), 300, "{options}");
        let whole = read_both(&*build(with(config, &json!({ "split": "none" })))).await;
        assert_eq!(keys(&harvest), keys(&whole), "{options}");
    }
}

#[tokio::test]
async fn a_maximum_is_exact() {
    let sandbox = sandbox().await;
    for options in ["", ",search=off"] {
        for max in [1, 9, 10, 11, 200, 300, 1000] {
            let url = format!("{}/stac/300{options}", sandbox.url());
            let harvest = read_both(&*build(json!({ "url": url, "limit": 10, "max_items": max }))).await;
            assert_eq!(keys(&harvest).len(), max.min(300));
            assert_eq!(harvest.splits.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_small_search_is_one_request() {
    let sandbox = sandbox().await;
    let source = build(json!({ "url": format!("{}/stac/80", sandbox.url()) }));
    assert_eq!(keys(&read(&*source).await).len(), 80);
    // The landing page, the collections for their extent, and the search.
    assert_eq!(sandbox.stats().total.requests, 3);
}

/// As many requests at once as there are readers, and none twice.
#[tokio::test]
async fn the_first_page_comes_with_the_landing_page() {
    let sandbox = sandbox().await;
    sandbox.set_profile("/stac", "latency=50ms".parse().unwrap());
    let url = format!("{}/stac/80", sandbox.url());
    let closed = json!({ "url": url, "datetime": "2022/2024" });
    let open = json!({ "url": url });
    for (readers, config, requests, at_once) in [
        (8, &closed, 2, 2),
        (2, &closed, 2, 2),
        (1, &closed, 2, 1),
        (8, &open, 3, 3),
        (2, &open, 3, 2),
        (1, &open, 3, 1),
    ] {
        sandbox.reset();
        assert_eq!(keys(&read(&*build_for(readers, config.clone())).await).len(), 80);
        let total = sandbox.stats().total;
        assert_eq!((total.requests, total.max_in_flight), (requests, at_once), "{readers} readers, {config}");
    }
}

#[tokio::test]
async fn the_first_page_waits_where_it_may_not_be_wanted() {
    let sandbox = sandbox().await;
    let url = format!("{}/stac/80", sandbox.url());
    let base = json!({ "url": url, "datetime": "2022/2024" });
    for more in [
        json!({ "method": "post" }),
        json!({ "query": { "eo:cloud_cover": { "lt": 20 } } }),
        json!({ "collections": ["sentinel-2-l2a", "landsat-c2-l2"] }),
        json!({ "cursor": { "field": "properties.updated", "start": "2022-01-01T00:00:00Z" } }),
    ] {
        sandbox.reset();
        build(with(base.clone(), &more)).plan(&Checkpoint::default()).await.unwrap();
        assert_eq!(sandbox.stats().total.requests, 1, "{more}");
    }
    // A run that goes on has read it.
    sandbox.reset();
    let mut from = Checkpoint::default();
    from.splits.insert("items".into(), SplitState { position: Position::Done, high: None, found: None });
    build(base).plan(&from).await.unwrap();
    assert_eq!(sandbox.stats().total.requests, 1);
}

#[tokio::test]
async fn there_is_a_chunk_for_each_reader_and_more_where_it_is_dense() {
    let sandbox = sandbox().await;
    let config = |limit: u64| json!({ "url": format!("{}/stac/600", sandbox.url()), "limit": limit, "datetime": "2022/2024" });
    // The search itself is a split too.
    assert_eq!(read(&*build_for(1, config(10))).await.splits.len(), 1);
    let whole = keys(&read(&*build(with(config(10), &json!({ "split": "none" })))).await);
    let few = read(&*build_for(3, config(10))).await;
    assert_eq!(keys(&few), whole);
    assert!((4..14).contains(&few.splits.len()), "{}", few.splits.len());
    let many = read(&*build_for(8, config(4))).await;
    assert_eq!(keys(&many), whole);
    assert!(many.splits.len() > 1 + 8 + 8, "{}", many.splits.len());
}

#[tokio::test]
async fn a_chain_asks_for_nothing_twice() {
    let sandbox = sandbox().await;
    let source = build(json!({ "url": format!("{}/stac/500", sandbox.url()), "limit": 10, "split": "none" }));
    assert_eq!(keys(&read(&*source).await).len(), 500);
    assert_eq!(sandbox.stats().total.requests, 1 + 50);
}

#[tokio::test]
async fn broken_items_are_failures_and_the_rest_goes_on() {
    let sandbox = sandbox().await;
    let source = build(
        json!({ "url": format!("{}/stac/300,broken=12", sandbox.url()), "limit": 50, "split": "none" }),
    );
    let harvest = read_both(&*source).await;
    // Of the six ways to be broken, those with no id, a wrong id, wrong properties and a wrong box.
    assert_eq!(harvest.failures.len(), 8);
    assert_eq!(harvest.stream("items").len(), 292);
    let failure = &harvest.failures[0].1;
    assert!(failure.position.as_ref().unwrap().starts_with("page "), "{failure:?}");
    assert!(failure.payload.as_ref().unwrap().starts_with('{'));
}

#[tokio::test]
async fn what_the_server_does_not_take_is_an_error() {
    let sandbox = sandbox().await;
    for (options, search, said) in [
        ("query=off", json!({ "query": { "eo:cloud_cover": { "lt": 5 } } }), "`query`"),
        ("filter=off", json!({ "filter": { "op": "=", "args": [1, 1] } }), "`filter`"),
        (
            "fields=off,sort=off",
            json!({ "fields": { "include": ["id"] }, "sortby": "id" }),
            "`fields`, `sortby`",
        ),
        ("search=off", json!({ "ids": "a" }), "`ids`"),
        ("search=off", json!({ "method": "post" }), "no search"),
        ("10", json!({ "filter": "eo:cloud_cover < 5" }), "CQL2 JSON only"),
    ] {
        let url = format!("{}/stac/{options}", sandbox.url());
        let source = build(with(json!({ "url": url }), &search));
        let error = source.plan(&Checkpoint::default()).await.unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Config, "{error}");
        assert!(error.message().contains(said), "{error}");
    }
}

#[tokio::test]
async fn collections_are_a_stream_of_their_own() {
    let sandbox = sandbox().await;
    let url = format!("{}/stac/50", sandbox.url());
    let harvest = read_both(&*build(json!({ "url": url, "include_collections": true }))).await;
    assert_eq!(harvest.stream("collections").len(), busta_sandbox::StacWorld::collections().len());
    assert_eq!(harvest.stream("items").len(), 50);
    let some = json!({ "url": url, "include_collections": true, "collections": ["sentinel-2-l2a"] });
    assert_eq!(read(&*build(some)).await.stream("collections").len(), 1);
}

#[tokio::test]
async fn the_next_run_asks_for_what_is_new() {
    let sandbox = sandbox().await;
    let config =
        json!({ "url": format!("{}/stac/200", sandbox.url()), "cursor": { "field": "properties.updated" } });
    let source = build(config);
    let first = read(&*source).await;
    let newest = first.highs["items"].clone();
    assert!(matches!(&newest, CursorValue::Text(_)));
    let mut from = Checkpoint::default();
    from.starts.insert("items".into(), Cursor::encode(&newest).unwrap());
    let second = busta_testkit::drive::read_all(&*source, &from).await.unwrap();
    let count = second.stream("items").len();
    assert!((1..200).contains(&count), "{count}");
    let field = |item: &Value| item["properties"]["updated"].as_str().unwrap().to_owned();
    assert!(second.stream("items").iter().all(|item| CursorValue::Text(field(item)) == newest));
}

#[tokio::test]
async fn a_test_says_what_came_back() {
    let sandbox = sandbox().await;
    let probe = build(json!({ "url": format!("{}/stac/1000", sandbox.url()) })).test().await.unwrap();
    for said in ["POST", "answered 200", "100 items of 1000", "query, filter, fields, sort"] {
        assert!(probe.summary.contains(said), "{}", probe.summary);
    }
    assert_eq!(probe.sample.len(), 5);
}

/// What `max_items` leaves out may be older than what it leaves: the next run must find it.
#[tokio::test]
async fn a_maximum_moves_the_cursor_only_in_its_order() {
    let sandbox = sandbox().await;
    for options in ["", ",search=off"] {
        let url = format!("{}/stac/200{options}", sandbox.url());
        let config = json!({ "url": url, "limit": 10, "cursor": { "field": "properties.updated" } });
        for max in [25, 30] {
            let cut = read_both(&*build(with(config.clone(), &json!({ "max_items": max })))).await;
            assert_eq!((cut.stream("items").len(), cut.highs.get("items")), (max, None), "{options}");
        }
        for max in [201, 500] {
            let whole = read_both(&*build(with(config.clone(), &json!({ "max_items": max })))).await;
            assert_eq!(whole.highs, read(&*build(config.clone())).await.highs, "{options}");
        }
    }
    // In the order of the cursor, each run goes on where the last one was cut short.
    let sorted = build(json!({
        "url": format!("{}/stac/200", sandbox.url()), "limit": 10, "max_items": 25,
        "cursor": { "field": "properties.updated" }, "sortby": [{ "field": "properties.updated" }],
    }));
    let (mut from, mut found) = (Checkpoint::default(), std::collections::BTreeSet::new());
    for _ in 0..10 {
        let some = busta_testkit::drive::read_all(&*sorted, &from).await.unwrap();
        found.extend(keys(&some));
        from.starts.insert("items".into(), Cursor::encode(&some.highs["items"]).unwrap());
    }
    assert_eq!(found.len(), 200);
}

#[tokio::test]
async fn records_know_their_page() {
    let sandbox = sandbox().await;
    let source = build(json!({ "url": format!("{}/stac/25", sandbox.url()), "limit": 10, "split": "none" }));
    let split = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let mut reader = source.open(&split, None).await.unwrap();
    reader.next().await.unwrap();
    let second = reader.next().await.unwrap().unwrap();
    assert_eq!(second.records.position(6), "page 2, item 7");
}
