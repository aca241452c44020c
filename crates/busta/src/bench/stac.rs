//! `busta bench stac`: a small collection, a large one, chained and in chunks of time.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use url::Url;

use super::api::LATENCY;
use super::files::there;
use super::scenario::{Scenario, Size};
use crate::figures;

/// The names of the scenarios over generated items.
pub const NAMES: [&str; 3] = ["small-collection", "large-chained", "large-parallel"];

/// The scenarios against the sandbox at `origin`.
pub fn generated(size: &Size, origin: &str) -> Vec<Scenario> {
    let many = size.pick(10_000, 2000);
    let url = |items: u64| format!("{origin}/with/{LATENCY}/stac/{items}");
    let small = json!([{ "name": "small", "type": "stac", "url": url(100), "split": "none", "limit": 100 }]);
    let chain = json!([{ "name": "large", "type": "stac", "url": url(many), "split": "none", "limit": 100 }]);
    let chunks =
        json!([{ "name": "large", "type": "stac", "url": url(many), "split": "auto", "limit": 100 }]);
    let what = format!("{} items in pages of 100, 50 ms each", figures::count(many));
    vec![
        Scenario {
            is_chain: true,
            workers: vec![1],
            ..size.scenario("small-collection", "100 items on one page, 50 ms".to_owned(), small)
        },
        Scenario {
            is_chain: true,
            workers: vec![1],
            ..size.scenario("large-chained", format!("{what}; one page after another"), chain)
        },
        size.scenario("large-parallel", format!("{what}; split by time"), chunks),
    ]
}

/// The user's own API, or files.
///
/// # Errors
/// If there is nothing at the path.
pub fn given(
    size: &Size,
    url: Option<&Url>,
    path: Option<&Path>,
    limit: Option<u64>,
) -> Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    if let Some(url) = url {
        let split = |split: &str| json!([{ "name": "given", "type": "stac", "url": url, "split": split }]);
        scenarios.push(Scenario {
            is_chain: true,
            workers: vec![1],
            ..size.scenario("given-chained", format!("{url}; one page after another"), split("none"))
        });
        scenarios.push(size.scenario("given-parallel", format!("{url}; split by time"), split("auto")));
    }
    if let Some(path) = path {
        let path = there(path)?;
        let sources = json!([{ "name": "given", "type": "stac", "paths": [path] }]);
        let scenario = size.scenario("given-items", format!("the items of {}", path.display()), sources);
        scenarios.push(Scenario { reads_disk: true, warm_up: true, ..scenario });
    }
    Ok(scenarios.into_iter().map(|scenario| Scenario { limit, ..scenario }).collect())
}
