//! Servers that lie, lead astray, or match items in their own way.

use busta_core::Checkpoint;
use busta_testkit::drive::read_all;
use serde_json::{Value, json};

use super::scripted::{Answer, Asked, Script};
use super::{build, keys, read};

/// A server with a landing page, and `pages` behind `GET /search`.
async fn server(pages: impl Fn(&Asked, &str) -> Value + Send + Sync + 'static) -> Script {
    Script::start(move |asked| {
        let url = format!("http://{}", asked.header("host").unwrap());
        Answer::json(match asked.path() {
            "/" => json!({
                "type": "Catalog", "id": "x", "conformsTo": [],
                "links": [{ "rel": "search", "href": "/search" }],
            }),
            "/collections" => {
                let extent =
                    json!({ "temporal": { "interval": [["2024-02-01T00:00:00Z", "2024-05-01T00:00:00Z"]] } });
                json!({ "collections": [{ "id": "c", "extent": extent }] })
            }
            _ => pages(asked, &url),
        })
    })
    .await
}

fn page(ids: &[&str], next: Option<Value>) -> Value {
    let features: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "type": "Feature", "id": id, "collection": "c", "properties": { "datetime": "2024-01-01T00:00:00Z" } }))
        .collect();
    let links: Vec<Value> = next.into_iter().collect();
    json!({ "type": "FeatureCollection", "features": features, "links": links })
}

/// What lies at `search` is then something else, whatever it looks like.
#[tokio::test]
async fn a_search_is_where_the_landing_page_says() {
    for (link, wanted) in [
        (json!({ "rel": "search", "href": "/find" }), "/find"),
        (json!({ "rel": "search", "href": "/search", "method": "POST" }), "/search"),
    ] {
        let server = Script::start(move |asked| {
            Answer::json(match asked.path() {
                "/" => json!({ "type": "Catalog", "id": "x", "conformsTo": [], "links": [link] }),
                path if path == wanted && (path == "/find" || asked.head.starts_with("POST ")) => {
                    page(&["right"], None)
                }
                _ => page(&["wrong"], None),
            })
        })
        .await;
        let found = read(&*build(json!({ "url": server.url, "datetime": "2024" }))).await;
        assert_eq!(found.stream("items")[0]["id"], "right");
        assert_eq!(found.stream("items").len(), 1);
        assert!(
            server.asked().iter().any(|asked| asked.path() == "/search" && asked.head.starts_with("GET "))
        );
    }
}

#[tokio::test]
async fn pages_in_a_circle_are_an_error() {
    let server = server(|_, _| page(&["a"], Some(json!({ "rel": "next", "href": "/search?token=1" })))).await;
    let source = build(json!({ "url": server.url, "split": "none" }));
    let error = read_all(&*source, &Checkpoint::default()).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
}

#[tokio::test]
async fn credentials_do_not_follow_a_link_to_another_host() {
    let other = Script::start(|_| Answer::json(page(&["b"], None))).await;
    let elsewhere = format!("{}/search?token=1", other.url);
    let home = server(move |_, _| page(&["a"], Some(json!({ "rel": "next", "href": elsewhere, "headers": { "X-Page": "2", "Authorization": "x" } })))).await;
    let source = build(json!({
        "url": home.url, "split": "none", "headers": { "X-Account": "mine" },
        "auth": { "type": "bearer", "token": "s3cret-of-home" },
    }));
    assert_eq!(read(&*source).await.stream("items").len(), 2);
    let asked = other.asked();
    assert_eq!(asked[0].header("x-page"), Some("2"));
    for name in ["authorization", "x-account"] {
        assert_eq!(asked[0].header(name), None, "{name}");
    }
    let at_home = home.asked();
    assert!(at_home.iter().all(|asked| asked.header("authorization") == Some("Bearer s3cret-of-home")));
    assert!(at_home.iter().all(|asked| asked.header("x-account") == Some("mine")));
}

/// Items with a moment, with a span, with both; some on the boundaries of chunks.
fn items() -> Vec<Value> {
    let item = |n: usize, properties: Value| json!({ "type": "Feature", "id": format!("i{n}"), "collection": "c", "properties": properties });
    let day = |n: usize| format!("2024-{:02}-{:02}T00:00:00Z", 1 + n / 28 % 12, 1 + n % 28);
    (0..180)
        .map(|n| match n % 3 {
            0 => item(n, json!({ "datetime": day(n) })),
            1 => item(n, json!({ "datetime": null, "start_datetime": day(n), "end_datetime": day(n + 40) })),
            _ => item(
                n,
                json!({ "datetime": day(n), "start_datetime": day(n - 2), "end_datetime": day(n + 30) }),
            ),
        })
        .collect()
}

/// Whether a server shows an item in `[from, to]` (texts compare as times here).
fn shows(item: &Value, by_span: bool, from: &str, to: &str) -> bool {
    let text = |name: &str| item["properties"][name].as_str();
    let (start, end) = match (text("datetime"), text("start_datetime"), text("end_datetime")) {
        (_, Some(start), Some(end)) if by_span => (start, end),
        (Some(at), ..) => (at, at),
        (None, Some(start), Some(end)) => (start, end),
        _ => return false,
    };
    (to == ".." || start <= to) && (from == ".." || from <= end)
}

/// A server that shows the items that `shows` says, all if there is no time, in pages of five.
async fn matching(
    counts: bool,
    shows: impl Fn(&Value, &str, &str) -> bool + Send + Sync + 'static,
) -> Script {
    server(move |asked, _| {
        let url = url::Url::parse(&format!("http://x{}", asked.target)).unwrap();
        let param =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let datetime = param("datetime").filter(|text| !text.is_empty());
        let wanted = |item: &Value| match &datetime {
            None => true,
            Some(text) => {
                let (from, to) = text.split_once('/').unwrap_or((text, text));
                shows(item, from, to)
            }
        };
        let all: Vec<Value> = items().into_iter().filter(wanted).collect();
        let offset: usize = param("offset").map_or(0, |text| text.parse().unwrap());
        let mut page =
            json!({ "features": all.iter().skip(offset).take(5).collect::<Vec<_>>(), "links": [] });
        if offset + 5 < all.len() {
            let href = format!("/search?datetime={}&offset={}", datetime.unwrap_or_default(), offset + 5);
            page["links"] = json!([{ "rel": "next", "href": href }]);
        }
        if counts {
            page["numberMatched"] = json!(all.len());
        }
        page
    })
    .await
}

#[tokio::test]
async fn items_that_no_search_by_time_finds_are_not_lost() {
    let by_datetime_alone = |item: &Value, from: &str, to: &str| {
        item["properties"]["datetime"].is_string() && shows(item, false, from, to)
    };
    let server = matching(true, by_datetime_alone).await;
    let split = read(&*build(json!({ "url": server.url, "limit": 5 }))).await;
    assert!(split.splits.len() > 4);
    assert_eq!(keys(&split).len(), items().len());
    assert!(split.splits.iter().any(|split| split.id.as_str().ends_with("?datetime=null")));
    // Where every item is found by time, one request is all that it takes to know.
    let server = matching(true, |item, from, to| shows(item, false, from, to)).await;
    let split = read(&*build(json!({ "url": server.url, "limit": 5 }))).await;
    assert_eq!(keys(&split).len(), items().len());
    assert!(split.splits.iter().any(|split| split.id.as_str().ends_with("?check")));
    assert!(!split.splits.iter().any(|split| split.id.as_str().ends_with("?datetime=null")));
}

#[tokio::test]
async fn items_with_spans_land_once_however_the_server_matches_them() {
    for by_span in [true, false] {
        for counts in [true, false] {
            let server = matching(counts, move |item, from, to| shows(item, by_span, from, to)).await;
            let config = json!({ "url": server.url, "limit": 5, "datetime": "2024-02-01/2024-05-31" });
            let split = read(&*build(config.clone())).await;
            assert!(split.splits.len() > 4);
            let mut whole = config;
            whole["split"] = json!("none");
            assert_eq!(keys(&split), keys(&read(&*build(whole)).await), "by span: {by_span}");
        }
    }
}
