//! REST streams: every kind of pagination yields every record once, as the Rust API computes it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::{Sandbox, SandboxConfig};
use common::{client, ids, json, start};
use serde_json::{Value, json};

async fn five() -> Sandbox {
    start(SandboxConfig { records: 5, ..Default::default() }).await
}

#[tokio::test]
async fn numbered_pages_know_their_total() {
    let sandbox = five().await;
    let url = format!("{}/rest/page/orders?per_page=2", sandbox.url());
    let (headers, page) = json(&format!("{url}&page=3")).await;
    assert_eq!(ids(&page["items"]), [5]);
    assert_eq!((&page["page"], &page["pages"], &page["total"]), (&json!(3), &json!(3), &json!(5)));
    assert_eq!([&headers["x-total-count"], &headers["x-total-pages"]], ["5", "3"]);
    assert_eq!(page["items"][0], sandbox.record("orders", 4));
    assert_eq!(ids(&json(&format!("{url}&page=4")).await.1["items"]), [0; 0]);
    assert_eq!(ids(&json(&format!("{url}&page=0&first=0")).await.1["items"]), [1, 2]);
    let (headers, hidden) = json(&format!("{url}&total=hide")).await;
    assert!(hidden.get("total").is_none() && hidden.get("pages").is_none());
    assert!(!headers.contains_key("x-total-count"));
    assert_eq!(hidden["has_more"], true);
}

#[tokio::test]
async fn offsets_and_bare_arrays() {
    let sandbox = five().await;
    let (headers, page) = json(&format!("{}/rest/offset/orders?offset=3&limit=10", sandbox.url())).await;
    assert_eq!((ids(&page["items"]), &page["total"]), (vec![4, 5], &json!(5)));
    assert_eq!(headers["x-total-count"], "5");
    let (_, all) = json(&format!("{}/rest/none/orders?size=300", sandbox.url())).await;
    assert_eq!(ids(&all), (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn cursors_are_opaque_and_end_with_null() {
    let sandbox = five().await;
    let url = format!("{}/rest/cursor/orders?limit=2", sandbox.url());
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (headers, page) = json(&format!("{url}&cursor={cursor}")).await;
        seen.extend(ids(&page["items"]));
        let header = headers.get("x-next-cursor").map(|value| value.to_str().unwrap());
        assert_eq!(header, page["next_cursor"].as_str());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let refused = client().get(format!("{url}&cursor=made-up")).send().await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn next_urls_keep_prefix_and_query_in_both_forms() {
    let sandbox = five().await;
    for form in ["absolute", "relative"] {
        let mut url =
            format!("{}/as/shop/with/latency=1ms/rest/next_url/orders?per_page=2&form={form}", sandbox.url());
        let mut seen = Vec::new();
        loop {
            let (_, page) = json(&url).await;
            seen.extend(ids(&page["items"]));
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(next.starts_with("http"), form == "absolute", "{next}");
            url = reqwest::Url::parse(&url).unwrap().join(next).unwrap().into();
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }
    assert_eq!(sandbox.stats().group("shop").requests, 6);
}

#[tokio::test]
async fn links_name_next_prev_first_and_last() {
    let sandbox = five().await;
    let base = format!("{}/rest/link/orders?per_page=2&page=", sandbox.url());
    let (headers, page) = json(&format!("{base}2")).await;
    assert_eq!(ids(&page), [3, 4]);
    let link = headers["link"].to_str().unwrap();
    for (page, rel) in [(1, "prev"), (3, "next"), (1, "first"), (3, "last")] {
        assert!(link.contains(&format!("<{base}{page}>; rel=\"{rel}\"")), "{link}");
    }
    let (headers, _) = json(&format!("{base}3&form=relative")).await;
    let link = headers["link"].to_str().unwrap();
    assert!(!link.contains("next") && link.contains("</rest/link/orders?"), "{link}");
}

#[tokio::test]
async fn posts_take_their_parameters_from_the_body() {
    let sandbox = five().await;
    let post = |path: &str, body: Value| {
        let request = client().post(format!("{}{path}", sandbox.url())).json(&body);
        async { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let page = post("/rest/page/orders", json!({ "page": 2, "per_page": 2 })).await;
    assert_eq!(ids(&page["items"]), [3, 4]);
    let first = post("/rest/cursor/orders", json!({ "limit": 4 })).await;
    let next = post("/rest/cursor/orders", json!({ "limit": 4, "cursor": first["next_cursor"] })).await;
    assert_eq!((ids(&next["items"]), &next["next_cursor"]), (vec![5], &Value::Null));
    let urls = sandbox.stats().urls;
    assert!(urls.keys().any(|url| url.starts_with("POST /rest/page/orders {")), "{urls:?}");
}

#[tokio::test]
async fn since_yields_what_is_new_after_an_advance() {
    let sandbox = five().await;
    let newest = sandbox.record("orders", 4)["updated_at"].as_str().unwrap().to_owned();
    let url = format!("{}/rest/page/orders?since={newest}", sandbox.url());
    assert_eq!(ids(&json(&url).await.1["items"]), [5], "since is inclusive");
    sandbox.advance("orders", 2, 1);
    let (_, page) = json(&url).await;
    let seen = ids(&page["items"]);
    assert!(seen.ends_with(&[5, 6, 7]) || seen.ends_with(&[6, 7]), "{seen:?}");
    for item in page["items"].as_array().unwrap() {
        assert_eq!(*item, sandbox.record("orders", item["id"].as_u64().unwrap() - 1));
    }
    assert_eq!(sandbox.records("orders"), 7);
    let control = format!("{}/_sandbox/advance?stream=orders&add=3&update=0", sandbox.url());
    assert_eq!(client().post(control).send().await.unwrap().status(), 200);
    assert_eq!(sandbox.records("orders"), 10);
    let wrong = client().get(format!("{}/rest/page/orders?since=yesterday", sandbox.url()));
    assert_eq!(wrong.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn children_belong_to_parents_that_exist() {
    let sandbox = five().await;
    let (_, lines) = json(&format!("{}/rest/page/orders/3/lines", sandbox.url())).await;
    assert_eq!(lines["total"], 3);
    assert_eq!(sandbox.lines(3), 3);
    for (n, line) in lines["items"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&line["order_id"], &line["line"]), (&json!(3), &json!(n + 1)));
    }
    let (_, one) = json(&format!("{}/rest/page/orders/3", sandbox.url())).await;
    assert_eq!(one, sandbox.record("orders", 2));
    for missing in ["/rest/page/orders/6/lines", "/rest/page/orders/0", "/rest/spiral/orders", "/rest", "/"] {
        let answer = client().get(format!("{}{missing}", sandbox.url())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{missing}");
    }
    let stats = sandbox.stats();
    assert_eq!(stats.route("/rest/page/orders/{id}/lines").requests, 2);
    assert_eq!(stats.group("/rest").statuses[&404], 4);
}

#[tokio::test]
async fn etags_spare_bodies() {
    let sandbox = five().await;
    let url = format!("{}/rest/page/orders?etag=1", sandbox.url());
    let (headers, _) = json(&url).await;
    let again = client().get(&url).header("if-none-match", &headers["etag"]).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.text().await.unwrap().as_str()), (304, ""));
    assert_eq!(sandbox.stats().total.not_modified, 1);
    sandbox.advance("orders", 1, 0);
    let new = client().get(&url).header("if-none-match", &headers["etag"]).send().await.unwrap();
    assert_eq!(new.status(), 200);
}

#[tokio::test]
async fn streams_have_sizes_by_name_and_by_request() {
    let streams = [("few".to_owned(), 3)].into();
    let sandbox = start(SandboxConfig { streams, ..Default::default() }).await;
    let total = async |path: &str| json(&format!("{}{path}", sandbox.url())).await.1["total"].clone();
    assert_eq!(total("/rest/page/few").await, 3);
    assert_eq!(total("/rest/page/many").await, 1000);
    assert_eq!(total("/rest/page/few?size=0").await, 0);
}

#[tokio::test]
async fn bodies_are_compressed_only_where_the_path_says_so() {
    let sandbox = five().await;
    let raw = |path: &str| {
        let request = client().get(format!("{}{path}", sandbox.url())).header("accept-encoding", "gzip");
        async { request.send().await.unwrap() }
    };
    let plain = raw("/rest/page/orders").await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.unwrap();
    let packed = raw("/with/gzip/rest/page/orders").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.unwrap();
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    let (headers, _) = json(&format!("{}/with/gzip/rest/page/orders", sandbox.url())).await;
    assert!(!headers.contains_key("content-encoding"), "the client did not ask");
}
