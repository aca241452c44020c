//! `busta bench api`: pages in a chain, and side by side.

use anyhow::Result;
use serde_json::{Value, json};
use url::Url;

use super::Given;
use super::scenario::{Scenario, Size};
use crate::exit::Usage;
use crate::figures;

/// The time that the sandbox takes for an answer: that of a near server.
pub const LATENCY: &str = "latency=50ms";

const PER_PAGE: u64 = 100;

/// The names of the scenarios over generated records.
pub const NAMES: [&str; 2] = ["chained-pages", "parallel-pages"];

/// The scenarios against the sandbox at `origin`.
pub fn generated(size: &Size, origin: &str) -> Vec<Scenario> {
    let records = size.pick(10_000, 1000);
    let pages = records / PER_PAGE;
    let what = format!("{} records on {pages} pages, 50 ms each", figures::count(records));
    let chain = source(
        &format!("{origin}/with/{LATENCY}"),
        &format!("/rest/next_url/orders?size={records}&per_page={PER_PAGE}"),
        Some("$.items"),
        &json!({ "type": "next_url", "path": "$.next" }),
    );
    let side_by_side = source(
        &format!("{origin}/with/{LATENCY}"),
        &format!("/rest/page/orders?size={records}"),
        Some("$.items"),
        &json!({ "type": "page", "per_page": PER_PAGE, "total_path": "$.total" }),
    );
    vec![
        Scenario {
            is_chain: true,
            workers: vec![1],
            ..size.scenario("chained-pages", format!("{what}; each names the next"), chain)
        },
        size.scenario("parallel-pages", format!("{what}; the first says how many there are"), side_by_side),
    ]
}

fn source(base_url: &str, path: &str, records: Option<&str>, pagination: &Value) -> Value {
    let mut stream = json!({ "name": "records", "path": path, "pagination": pagination });
    if let Some(records) = records {
        stream["records"] = records.into();
    }
    json!([{ "name": "api", "type": "api", "base_url": base_url, "streams": [stream] }])
}

/// The user's own API: `url` is that of a list.
///
/// # Errors
/// If it is no URL.
pub fn given(size: &Size, url: &Url, given: &Given) -> Result<Vec<Scenario>> {
    let scenario = size.scenario("given-api", format!("the records of {url}"), sources(url, given)?);
    Ok(vec![Scenario { limit: given.limit, warm_up: true, ..scenario }])
}

/// The source of the user's own list.
///
/// # Errors
/// If it is not said rightly how its pages follow each other.
pub fn sources(url: &Url, given: &Given) -> Result<Value> {
    let pagination = given.pagination.as_deref().unwrap_or(r#"{"type": "link_header"}"#);
    let pagination: Value = serde_json::from_str(pagination).map_err(|error| {
        Usage(format!(
            "--pagination: {error}; write it as JSON, such as \
             '{{\"type\": \"page\", \"per_page\": 100, \"total_path\": \"$.total\"}}'"
        ))
    })?;
    let base = url.origin().ascii_serialization();
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    Ok(source(&base, path, given.records.as_deref(), &pagination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::destination::To;

    #[test]
    fn a_url_becomes_a_source() {
        let size = Size { quick: true, workers: vec![1], destination: To::Ndjson, only: Vec::new() };
        let url = "https://api.example:8443/v1/orders?state=open".parse().unwrap();
        let scenarios = given(&size, &url, &Given::default()).unwrap();
        let source = &scenarios[0].sources[0];
        assert_eq!(source["base_url"], "https://api.example:8443");
        assert_eq!(source["streams"][0]["path"], "/v1/orders?state=open");
        assert_eq!(source["streams"][0]["pagination"]["type"], "link_header");
        let unreadable = Given { pagination: Some("{ type: page }".to_owned()), ..Given::default() };
        let wrong = given(&size, &url, &unreadable).err().unwrap();
        assert!(wrong.to_string().contains("write it as JSON"), "{wrong}");
    }
}
