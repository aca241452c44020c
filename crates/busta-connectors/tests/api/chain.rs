//! From the records of one API to searches in another, and to records made of what they find.

use std::collections::BTreeSet;

use busta_core::Checkpoint;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{build, read_both};
use crate::journal::Journal;
use crate::scripted::{Answer, Script};

/// Products of one shop and offers of another, six for each search, in pages of four.
async fn shops() -> (Script, Script) {
    let products = Script::start(|request| match request.header("authorization") {
        Some("Bearer product-token") => Answer::json(json!({ "items": [
            { "id": 1, "title": "Red  lamp", "price": 100 },
            { "id": 2, "title": "Red  lamp", "price": 100 },
            { "id": 3, "title": "Blue lamp", "price": null },
            { "id": 4, "title": "Green lamp", "price": 50.5 },
        ] })),
        _ => Answer::new(401, &[], "{}"),
    })
    .await;
    let offers = Script::start(|request| {
        let query = request.target.split_once('?').unwrap().1;
        let param = |name: &str| {
            let found = url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned()).unwrap()
        };
        assert_eq!(request.header("x-market").unwrap(), "US");
        assert_eq!(param("shared"), "yes");
        let offset: usize = param("offset").parse().unwrap();
        let title = param("q").replace(' ', "-");
        let offers = (offset..6).take(4).map(|n| {
            json!({ "item": format!("{title}-{n}"), "filter": param("filter"), "seller": { "name": format!("s{}", n % 3), "score": 12345678901234567890123u128 as f64, "n": n } })
        });
        Answer::json(json!({ "total": 6, "items": offers.collect::<Vec<_>>() }))
    })
    .await;
    (products, offers)
}

fn config(products: &str, offers: &str) -> Value {
    json!({
        "base_url": products,
        "auth": { "type": "bearer", "token": "product-token" },
        "services": {
            "offers": { "base_url": offers, "headers": { "X-Market": "US" }, "params": { "shared": "yes" } },
        },
        "streams": [
            { "name": "products", "path": "/products", "records": "$.items", "primary_key": "id", "phase": "one" },
            {
                "name": "listings",
                "service": "offers",
                "parent": "products",
                "path": "/search",
                "with": {
                    "query": ".title | ascii_downcase | gsub(\"\\\\s+\"; \" \")",
                    "low": ".price | values * 0.8",
                    "high": ".price | values * 1.2",
                },
                "params": { "q": "{with.query}", "filter": "[{with.low}..{with.high}]" },
                "include": { "product_id": "products.id" },
                "records": "$.items",
                "primary_key": ["product_id", "item"],
                "pagination": { "type": "offset", "limit": 4, "total_path": "$.total" },
            },
            {
                "name": "sellers",
                "from": "listings",
                "map": ".item as $item | .seller | {key: .name, item: $item, product: $for[\"products.id\"]}",
                "primary_key": "key",
            },
        ],
    })
}

#[tokio::test]
async fn products_lead_to_searches_and_their_offers_to_sellers() {
    let (products, offers) = shops().await;
    let source = build(config(&products.url, &offers.url));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(source.streams()[0].phase.as_deref(), Some("one"));
    assert_eq!(harvest.stream("products").len(), 4);
    // The product without a price is passed over.
    assert_eq!(harvest.stream("listings").len(), 3 * 6);
    let first = &harvest.stream("listings")[0];
    assert_eq!(first["item"], "red-lamp-0");
    assert_eq!(first["filter"], "[80.0..120.0]");
    assert_eq!(first["product_id"], 1);
    assert_eq!(harvest.stream("sellers").len(), 3 * 6);
    assert_eq!(harvest.stream("sellers")[0], json!({ "key": "s0", "item": "red-lamp-0", "product": 1 }));
    assert!(harvest.failures.is_empty());

    let hosts: BTreeSet<_> = harvest.splits.iter().map(|split| split.host.clone()).collect();
    assert_eq!(hosts.len(), 3, "one each, and none for what is made: {hosts:?}");
    let made: Vec<_> = harvest.splits.iter().filter(|split| split.stream.as_str() == "sellers").collect();
    assert!(made.iter().all(|split| split.host.is_none()));
    assert!(made.iter().any(|split| split.id.as_str().starts_with("sellers@listings/1~")));
    // The credentials of one are not for the other.
    assert!(offers.asked().iter().all(|asked| asked.header("authorization").is_none()));
    assert!(products.asked().iter().all(|asked| asked.header("x-market").is_none()));
    let summary = source.test().await.unwrap().summary;
    assert!(summary.contains("products: GET") && summary.contains("4 records"), "{summary}");
}

#[tokio::test]
async fn without_a_program_records_are_taken_as_they_are_and_may_lead_on() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => json!([{ "id": 12345678901234567u64, "x": 1.10 }, { "id": 2 }]),
            _ => json!([{ "path": request.path() }]),
        })
    })
    .await;
    let source = build(json!({
        "base_url": script.url,
        "streams": [
            { "name": "a", "path": "/a", "for_each": { "region": ["eu"] }, "include": { "region": "region" } },
            { "name": "b", "from": "a", "cursor": { "field": "id" }, "include": { "r": "region" } },
            { "name": "c", "from": "b", "map": "select(.id > 2) | {id, now: $now}" },
            { "name": "d", "path": "/d/{region}/{b.id}" },
        ],
    }));
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(
        harvest.stream("b")[0],
        json!({ "r": "eu", "region": "eu", "id": 12345678901234567u64, "x": 1.1 })
    );
    assert_eq!(harvest.highs["b"].to_param(), "12345678901234567");
    assert_eq!(harvest.stream("c").len(), 1);
    assert!(harvest.stream("c")[0]["now"].as_str().unwrap().ends_with('Z'));
    let paths: Vec<_> = harvest.stream("d").iter().map(|d| d["path"].clone()).collect();
    assert_eq!(paths, ["/d/eu/12345678901234567", "/d/eu/2"]);
}

#[tokio::test]
async fn errors_of_programs_are_failures_with_their_place() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => json!([{ "id": 1 }, { "id": 2, "bad": true }, "text", { "id": 3, "many": true }]),
            _ => json!([{ "x": 1 }]),
        })
    })
    .await;
    let source = build(json!({
        "base_url": script.url,
        "streams": [
            { "name": "a", "path": "/a", "map": "if .bad then error(\"no good\") else . end | .y = .id" },
            { "name": "b", "path": "/b", "parent": "a", "with": { "v": "if .many then 1, 2 else .id end" }, "params": { "v": "{with.v}" } },
            { "name": "c", "from": "a", "map": "if .many then error(\"nor this\") else . end" },
        ],
    }));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(harvest.stream("a"), [json!({"id": 1, "y": 1}), json!({"id": 3, "many": true, "y": 3})]);
    assert_eq!(harvest.stream("b").len(), 1);
    assert_eq!(harvest.stream("c").len(), 1);
    let said: Vec<_> = harvest
        .failures
        .iter()
        .map(|(_, f)| format!("{}: {}", f.position.as_deref().unwrap(), f.reason))
        .collect();
    assert_eq!(said.len(), 4, "{said:#?}");
    for (place, words) in [
        ("page 1, item 2", "no good"),
        ("page 1, item 3", "`map`"),
        ("page 1, record 2", "`with.v`: gives 2 values"),
        ("page 1, record 2", "nor this"),
    ] {
        assert!(
            said.iter().any(|text| text.starts_with(place) && text.contains(words)),
            "{words}: {said:#?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn cut_off_anywhere_every_search_and_seller_comes_once(cut in 1usize..14) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (products, offers) = shops().await;
            let source = build(config(&products.url, &offers.url));
            let mut journal = Journal::default();
            while !journal.collect(&*source, cut).await {}
            assert_eq!(journal.records["listings"].len(), 18);
            assert_eq!(journal.records["sellers"].len(), 18);
            let searches = offers.asked().iter().map(|asked| asked.target.clone()).collect::<BTreeSet<_>>();
            assert_eq!(searches.len(), 4, "two searches of two pages: two products ask the same");
        });
    }
}

/// A product stands in two categories, and once more on another page with another price.
#[tokio::test]
async fn what_only_include_names_makes_no_other_request() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/products" => json!([
                { "id": 1, "title": "lamp", "category": "home", "price": 5 },
                { "id": 1, "title": "lamp", "category": "light", "price": 6 },
                { "id": 2, "title": "lamp", "category": "light", "price": 5 },
            ]),
            _ => json!([{ "item": request.target }]),
        })
    })
    .await;
    let config = |key: &str| {
        build(json!({
            "base_url": script.url,
            "streams": [
                { "name": "products", "path": "/products", "primary_key": "id" },
                {
                    "name": "offers",
                    "path": "/offers",
                    "parent": "products",
                    "with": { "title": ".title", "category": ".category" },
                    "params": { "q": "{with.title}" },
                    "include": { "product": "products.id", "category": "with.category", "price": "products.price" },
                    "primary_key": [key, "item"],
                },
            ],
        }))
    };
    let harvest = read_both(&*config("product"), &Checkpoint::default()).await;
    let offers: Vec<_> =
        harvest.stream("offers").iter().map(|o| (&o["product"], &o["category"], &o["price"])).collect();
    assert_eq!(offers, [(&json!(1), &json!("home"), &json!(5)), (&json!(2), &json!("light"), &json!(5))]);
    // What tells records apart tells requests apart.
    let harvest = read_both(&*config("category"), &Checkpoint::default()).await;
    assert_eq!(harvest.stream("offers").len(), 3);
}

#[tokio::test]
async fn what_is_refused_is_passed_over_where_that_is_said() {
    let script = Script::start(|request| match request.path() {
        "/a" => Answer::json(json!([{ "id": 1 }])),
        "/closed" => Answer::new(403, &[], r#"{"reason": "private"}"#),
        "/slow" => Answer::new(403, &[("retry-after", "1")], "{}"),
        _ => Answer::new(404, &[], "{}"),
    })
    .await;
    let source = |skip: Value| {
        build(json!({
            "base_url": script.url,
            "streams": [{ "name": "s", "for_each": { "p": ["a", "closed", "gone", "slow"] }, "path": "/{p}", "skip": skip }],
        }))
    };
    let mut told = Vec::new();
    for (skip, passed) in [(json!([403, 404]), vec!["s/closed", "s/gone"]), (json!([404]), vec!["s/gone"])] {
        let source = source(skip);
        let mut over = Vec::new();
        for split in source.plan(&Checkpoint::default()).await.unwrap() {
            let read = source.open(&split, None).await.unwrap().next().await;
            if let Some(why) = read.ok().flatten().and_then(|batch| batch.skipped) {
                over.push(split.id.as_str().to_owned());
                told.push(why);
            }
        }
        assert_eq!(over, passed);
    }
    assert!(told[0].contains("403") && told[0].contains("private"), "{told:?}");
}
