//! `busta bench pipeline`: from the source through transforms into the destination.

use std::path::Path;

use anyhow::Result;
use busta_sandbox::StacWorld;
use serde_json::{Value, json};
use url::Url;

use super::Given;
use super::api::{self, LATENCY};
use super::files::there;
use super::run;
use super::scenario::{Scenario, Size};
use super::workplace::Workplace;
use crate::figures;

/// What a pipeline of items usually does: leave out, rename, compute, keep what is wanted.
fn transforms() -> Value {
    json!([
        { "filter": { "properties.eo:cloud_cover": { "lt": 80 } } },
        { "rename": { "properties.platform": "platform" } },
        { "set": { "key": "{collection}/{id}" } },
        { "jq": ".asset_count = (.assets | length)" },
        { "drop": ["links", "assets.*.alternate"] },
    ])
}

/// The names of the scenarios over generated items.
pub const NAMES: [&str; 3] = ["api-to-destination", "files-to-destination", "files-untransformed"];

/// The user's own files, transformed by the program `jq`, and as they are.
///
/// # Errors
/// If they are not there.
pub fn given(size: &Size, path: &Path, jq: &str, limit: Option<u64>) -> Result<Vec<Scenario>> {
    let path = there(path)?;
    let title = |how: &str| format!("the files of {}, {how}", path.display());
    let source = |transforms: Value| json!([{ "name": "given", "type": "files", "paths": [path], "transforms": transforms }]);
    let scenarios = [
        size.scenario("given-transformed", title("transformed"), source(json!([{ "jq": jq }]))),
        size.scenario("given-untransformed", title("as they are"), source(json!([]))),
    ];
    let scenarios = scenarios.into_iter();
    Ok(scenarios.map(|scenario| Scenario { reads_disk: true, warm_up: true, limit, ..scenario }).collect())
}

/// The user's own STAC API, or list of records, in the same two ways. Which of them it is, one request tells, unless it
/// is said how the list is read.
///
/// # Errors
/// If nothing comes back, or if it is not said rightly how the list is read.
pub async fn of_url(size: &Size, given: &Given, url: &Url, place: &Workplace) -> Result<Vec<Scenario>> {
    let folder = place.path().join("probe");
    let ways = |what: &str, sources: Value| {
        let transformed = |program: &str| {
            let mut sources = sources.clone();
            sources[0]["transforms"] = json!([{ "jq": program }]);
            sources
        };
        [
            size.scenario("given-transformed", format!("{what}, transformed"), transformed(&given.jq)),
            size.scenario("given-untransformed", format!("{what}, as they are"), sources.clone()),
        ]
        .map(|scenario| Scenario { limit: given.limit, warm_up: true, ..scenario })
    };
    let is_list = given.records.is_some() || given.pagination.is_some();
    let items =
        ways(&format!("the items of {url}"), json!([{ "name": "given", "type": "stac", "url": url }]));
    if !is_list && run::probe(&items[0], &folder).await.is_ok() {
        return Ok(items.into());
    }
    let records = ways(&format!("the records of {url}"), api::sources(url, given)?);
    run::probe(&records[0], &folder).await?;
    Ok(records.into())
}

/// The scenarios: the same items from an API and from one file, and from the file untransformed.
///
/// # Errors
/// If the disk does not take the file.
pub fn generated(size: &Size, origin: &str, place: &Workplace) -> Result<Vec<Scenario>> {
    let items = size.pick(10_000, 2000);
    let world: StacWorld = items.to_string().parse().map_err(anyhow::Error::msg)?;
    let folder = place.folder("items")?;
    world.write_items(&folder, "http://127.0.0.1")?;
    let what = format!("{} STAC items", figures::count(items));
    let url = format!("{origin}/with/{LATENCY}/stac/{items}");
    let api = json!([{ "name": "items", "type": "stac", "url": url, "transforms": transforms() }]);
    let plain = json!([{ "name": "items", "type": "stac", "paths": [folder] }]);
    let files = json!([{ "name": "items", "type": "stac", "paths": [folder], "transforms": transforms() }]);
    Ok(vec![
        size.scenario("api-to-destination", format!("{what} from an API, 50 ms a page, 5 transforms"), api),
        Scenario {
            reads_disk: true,
            ..size.scenario("files-to-destination", format!("{what} from files, 5 transforms"), files)
        },
        Scenario {
            reads_disk: true,
            ..size.scenario("files-untransformed", format!("{what} from files, as they are"), plain)
        },
    ])
}
