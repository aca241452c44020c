//! `busta bench pipeline`: from the source through transforms into the destination.

use anyhow::Result;
use busta_sandbox::StacWorld;
use serde_json::{Value, json};

use super::api::LATENCY;
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

/// The scenarios: the same items from an API and from one file, and from the file untransformed.
///
/// # Errors
/// If the disk does not take the file.
pub fn generated(size: &Size, origin: &str, place: &Workplace) -> Result<Vec<Scenario>> {
    let items = size.pick(10_000, 1000);
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
