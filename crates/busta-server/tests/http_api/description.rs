//! The description of the API.

use std::collections::BTreeSet;

use crate::support::Server;

#[tokio::test]
async fn the_document() {
    let server = Server::open().await;
    let mut document = server.get("/api/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    document["info"]["version"] = "VERSION".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn everything_it_refers_to_is_there() {
    let server = Server::open().await;
    let text = server.get("/api/v1/openapi.json").await.text();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let names: BTreeSet<&str> =
        text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}: an id of another");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert_ne!(answer["description"], "", "{method} {path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn the_page() {
    let server = Server::open().await;
    let page = server.get("/api/v1/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = page.text();
    assert!(!text.contains("<script") && !text.contains("http://") && !text.contains("https://"));
    for part in ["/api/v1/admin/collect", "id=\"type-RunDetail\"", "full_refresh", "Problem"] {
        assert!(text.contains(part), "{part}");
    }
}
