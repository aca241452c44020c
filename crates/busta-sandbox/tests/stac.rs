//! The STAC API pages through exactly what a search finds, in every way in which servers link pages.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::{Object, Sandbox, SandboxConfig, StacWorld};
use common::{client, json, start};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const WORLD: &str = "600";

async fn api(world: &str) -> (Sandbox, String, StacWorld) {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/stac/{world}", sandbox.url());
    (sandbox, url, world.parse().unwrap())
}

async fn post(url: &str, body: &Value) -> Response {
    client().post(url).json(body).send().await.unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    let features = page["features"].as_array().unwrap();
    features.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn link<'a>(page: &'a Value, rel: &str) -> Option<&'a Value> {
    page["links"].as_array().unwrap().iter().find(|link| link["rel"] == rel)
}

/// Follows a link as STAC API - Item Search says, with the body of the request before.
async fn follow(link: &Value, before: &Value) -> (Value, Value) {
    let method: Method = link["method"].as_str().unwrap_or("GET").parse().unwrap();
    let mut body = link["body"].clone();
    if link["merge"] == true {
        let mut merged = before.clone();
        for (key, value) in body.as_object().unwrap() {
            merged[key] = value.clone();
        }
        body = merged;
    }
    let mut request = client().request(method.clone(), link["href"].as_str().unwrap());
    for (name, value) in link["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    if method == Method::POST {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{link}");
    (answer.json().await.unwrap(), body)
}

/// All ids of a search, and its pages.
async fn walk(first: Value, body: Value) -> (Vec<String>, usize) {
    let (mut page, mut body, mut all, mut pages) = (first, body, Vec::new(), 1);
    loop {
        all.extend(ids(&page));
        let Some(link) = link(&page, "next") else {
            return (all, pages);
        };
        (page, body) = follow(&link.clone(), &body).await;
        pages += 1;
    }
}

fn truth(world: &StacWorld, body: &Value) -> Vec<String> {
    world.search(body).unwrap().into_iter().map(|index| world.id(index)).collect()
}

#[tokio::test]
async fn every_way_of_linking_pages_leads_through_the_whole_search() {
    let body = json!({
        "limit": 37,
        "datetime": "2022-02-01T00:00:00Z/2024-06-30T00:00:00Z",
        "collections": ["sentinel-2-l2a", "sentinel-2-mosaics"],
        "bbox": [-180, -60, 180, 89],
        "query": {"eo:cloud_cover": {"lt": 90}},
        "filter": {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 1]},
        "filter-lang": "cql2-json",
        "sortby": [{"field": "properties.platform", "direction": "desc"}, {"field": "datetime", "direction": "asc"}],
        "fields": {"include": ["properties.datetime"], "exclude": ["assets"]},
    });
    for next in ["body", "merge", "headers", "get"] {
        let (_sandbox, url, world) = api(&format!("{WORLD},next={next}")).await;
        let first: Value = post(&format!("{url}/search"), &body).await.json().await.unwrap();
        let right = truth(&world, &body);
        assert!(right.len() > 150, "{}", right.len());
        assert_eq!(first["numberMatched"], right.len());
        assert_eq!(first["features"][0]["properties"].as_object().unwrap().len(), 1);
        let (all, pages) = walk(first, body.clone()).await;
        assert_eq!((all, pages), (right.clone(), right.len().div_ceil(37)), "{next}");
    }
}

#[tokio::test]
async fn a_get_finds_the_same_as_a_post() {
    let (_sandbox, url, world) = api(WORLD).await;
    let query = "limit=50&collections=sentinel-2-l2a,landsat-c2-l2&bbox=-10,30,40,60\
                 &datetime=2022-07-01T00:00:00Z/..&sortby=-eo:cloud_cover,%2Bdatetime\
                 &query=%7B%22eo:cloud_cover%22:%7B%22lte%22:80%7D%7D";
    let body = json!({
        "collections": ["sentinel-2-l2a", "landsat-c2-l2"],
        "bbox": [-10, 30, 40, 60],
        "datetime": "2022-07-01T00:00:00Z/..",
        "sortby": [{"field": "eo:cloud_cover", "direction": "desc"}, {"field": "datetime"}],
        "query": {"eo:cloud_cover": {"lte": 80}},
    });
    let (_, first) = json(&format!("{url}/search?{query}")).await;
    let right = truth(&world, &body);
    assert!(right.len() > 60, "{}", right.len());
    assert_eq!(walk(first, Value::Null).await.0, right);
    let (_, items) = json(&format!("{url}/collections/landsat-c2-l2/items?limit=30")).await;
    assert_eq!(walk(items, Value::Null).await.0, truth(&world, &json!({"collections": ["landsat-c2-l2"]})));
}

#[tokio::test]
async fn counts_are_shown_as_the_world_says() {
    for (options, matched, context, returned) in [
        ("", json!(600), Value::Null, json!(10)),
        (",matched=off", Value::Null, Value::Null, json!(10)),
        (",matched=context,returned=off", Value::Null, json!(600), Value::Null),
    ] {
        let (_sandbox, url, _) = api(&format!("{WORLD}{options}")).await;
        let (headers, page) = json(&format!("{url}/search")).await;
        assert_eq!(headers["content-type"], "application/geo+json");
        assert_eq!(page["features"].as_array().unwrap().len(), 10);
        assert_eq!(
            (&page["numberMatched"], &page["context"]["matched"], &page["numberReturned"]),
            (&matched, &context, &returned)
        );
    }
    let (_sandbox, url, _) = api("600,max_limit=25").await;
    let (_, page) = json(&format!("{url}/search?limit=500")).await;
    assert_eq!(page["numberReturned"], 25);
}

#[tokio::test]
async fn the_landing_page_leads_to_everything() {
    let (_sandbox, url, world) = api(WORLD).await;
    let (_, landing) = json(&url).await;
    for rel in ["self", "root", "data", "conformance", "service-desc", "search", "child"] {
        json(link(&landing, rel).unwrap()["href"].as_str().unwrap()).await;
    }
    let (_, slash) = json(&format!("{url}/")).await;
    assert_eq!(landing, slash);
    assert_eq!(json(&format!("{url}/conformance")).await.1["conformsTo"], landing["conformsTo"]);
    let (_, collections) = json(&format!("{url}/collections")).await;
    let collections = collections["collections"].as_array().unwrap();
    assert_eq!(
        collections.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(),
        StacWorld::collections()
    );
    let (_, one) = json(link(&collections[0], "self").unwrap()["href"].as_str().unwrap()).await;
    assert_eq!(one, collections[0]);
    let (_, item) = json(&format!(
        "{url}/collections/{}/items/{}",
        world.item(5, &url)["collection"].as_str().unwrap(),
        world.id(5)
    ))
    .await;
    assert_eq!(item, world.item(5, &url));
    assert_eq!(json(link(&item, "self").unwrap()["href"].as_str().unwrap()).await.1, item);
}

#[tokio::test]
async fn servers_that_can_less_say_so() {
    let (_sandbox, url, _) = api("600,search=off,filter=off,sort=off,query=off,fields=off").await;
    let (_, landing) = json(&url).await;
    assert!(link(&landing, "search").is_none());
    let classes = landing["conformsTo"].to_string();
    assert!(!classes.contains("item-search") && !classes.contains("cql2") && !classes.contains('#'));
    assert_eq!(client().get(format!("{url}/search")).send().await.unwrap().status(), 404);
    let (_, items) = json(&format!("{url}/collections/sentinel-2-l2a/items?filter=x&sortby=id")).await;
    assert_eq!(items["numberReturned"], 10, "what it does not know it ignores");
    let (_sandbox, url, _) = api("600,post=off").await;
    let (_, landing) = json(&url).await;
    let methods: Vec<&Value> = landing["links"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["rel"] == "search")
        .map(|l| &l["method"])
        .collect();
    assert_eq!(methods, ["GET"]);
    let refused = post(&format!("{url}/search"), &json!({})).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
}

#[tokio::test]
async fn mistakes_are_answered_as_stac_servers_do() {
    let (_sandbox, url, _) = api(WORLD).await;
    for (path, status) in [
        ("/search?limit=0", 400),
        ("/search?datetime=2024-01-01", 400),
        ("/search?bbox=1,2", 400),
        ("/search?token=next:nobody", 400),
        ("/search?filter=%7B%7D", 400),
        ("/collections/none", 404),
        ("/collections/sentinel-2-l2a/items/none", 404),
        ("/nonsense", 404),
    ] {
        let answer = client().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(body["code"].is_string() && body["description"].is_string(), "{body}");
    }
    let refused =
        client().post(format!("{url}/search")).header("content-type", "application/json").body("[").send();
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.json::<Value>().await.unwrap()["description"].is_string());
    let nowhere = client().get(url.replace("600", "600,colour=red")).send().await.unwrap();
    assert!(nowhere.text().await.unwrap().contains("colour"));
}

#[tokio::test]
async fn assets_are_what_their_checksums_say() {
    let (_sandbox, url, world) = api("50,asset=5000").await;
    let item = world.item(7, &url);
    let assets = item["assets"].as_object().unwrap();
    assert_eq!(assets.len(), 10);
    for asset in assets.values() {
        let bytes =
            client().get(asset["href"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(asset["file:size"], bytes.len());
        let seed: u64 = asset["href"].as_str().unwrap().rsplit_once("seed=").unwrap().1.parse().unwrap();
        let object = Object::seeded(seed, bytes.len() as u64);
        assert_eq!(
            (bytes.to_vec(), &asset["file:checksum"]),
            (object.bytes(0..object.size), &json!(object.multihash()))
        );
    }
}

#[tokio::test]
async fn prefixes_stay_in_all_links() {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/as/sat/with/latency=1ms/stac/100", sandbox.url());
    let (_, page) = json(&format!("{url}/search?limit=3")).await;
    let next = link(&page, "next").unwrap()["href"].as_str().unwrap();
    assert!(next.starts_with(&format!("{url}/search?limit=3&token=next")), "{next}");
    let asset = page["features"][0]["assets"]["red"]["href"].as_str().unwrap();
    assert!(asset.starts_with(&format!("{}/as/sat/with/latency=1ms/objects/", sandbox.url())), "{asset}");
    client().get(asset).send().await.unwrap();
    assert_eq!(sandbox.stats().group("sat").requests, 2);
    assert_eq!(sandbox.stats().group("/stac").requests, 1);
}

#[tokio::test]
async fn broken_items_are_broken_and_the_others_are_not() {
    let (_sandbox, url, world) = api("200,broken=12").await;
    let (_, page) = json(&format!("{url}/search?limit=200")).await;
    let sound = |item: &Value| {
        item["id"].is_string()
            && item["properties"]["created"].is_string()
            && item["bbox"][0].is_f64()
            && item["assets"].is_object()
    };
    let features = page["features"].as_array().unwrap();
    let unsound: Vec<u64> = (0..200).filter(|index| !sound(&features[199 - *index as usize])).collect();
    assert_eq!(unsound, world.broken_items().collect::<Vec<_>>());
    assert_eq!(unsound.len(), 12);
}

/// Where a link leads from the document at `url`.
fn resolve(url: &str, link: &Value) -> String {
    reqwest::Url::parse(url).unwrap().join(link["href"].as_str().unwrap()).unwrap().to_string()
}

#[tokio::test]
async fn a_static_catalogue_leads_to_all_items_whatever_its_links_are_like() {
    let sandbox = start(SandboxConfig::default()).await;
    let world: StacWorld = "250".parse().unwrap();
    let (mut items, mut dead, mut twice) = (std::collections::BTreeSet::new(), Vec::new(), 0);
    let (mut absolute, mut relative) = (0, 0);
    let client = client();
    let mut open = vec![(format!("{}/stac-static/250/catalog.json", sandbox.url()), "child".to_owned())];
    let mut seen: std::collections::BTreeSet<String> = open.iter().map(|(url, _)| url.clone()).collect();
    while let Some((url, rel)) = open.pop() {
        let answer = client.get(&url).send().await.unwrap();
        if answer.status() == 404 {
            dead.push(url);
            continue;
        }
        assert!(answer.headers().contains_key("etag"), "{url}");
        let document: Value = answer.json().await.unwrap();
        if rel == "item" {
            items.insert(document["id"].as_str().unwrap().to_owned());
            continue;
        }
        for link in document["links"].as_array().unwrap() {
            let rel = link["rel"].as_str().unwrap();
            let target = resolve(&url, link);
            match rel {
                "child" | "item" if seen.insert(target.clone()) => open.push((target, rel.to_owned())),
                "child" | "item" => twice += 1,
                _ => assert_eq!(client.get(target).send().await.unwrap().status(), 200, "{link}"),
            }
            let is_absolute = link["href"].as_str().unwrap().starts_with("http");
            *(if is_absolute { &mut absolute } else { &mut relative }) += 1;
        }
    }
    assert_eq!(items, (0..250).map(|index| world.id(index)).collect());
    assert!(dead.len() == 1 && dead[0].ends_with("/gone.json"), "{dead:?}");
    assert!(twice >= 2 && absolute > 100 && relative > 100, "{twice} {absolute} {relative}");
}

#[tokio::test]
async fn files_of_a_static_catalogue_are_not_sent_again() {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/stac-static/250/sentinel-2-l2a/0/catalog.json", sandbox.url());
    let (headers, catalog) = json(&url).await;
    let etag = headers["etag"].to_str().unwrap();
    let again = client().get(&url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let item = resolve(&url, link(&catalog, "item").unwrap());
    let (_, item) = json(&item).await;
    let asset = &item["assets"]["thumbnail"];
    let bytes = client().get(asset["href"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(asset["file:size"], bytes.len());
    for path in ["sentinel-2-l2a/9/catalog.json", "none/collection.json", "landsat-c2-l2/0/catalog.json", ""]
    {
        let answer = client().get(format!("{}/stac-static/250/{path}", sandbox.url())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
