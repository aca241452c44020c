//! The recipe for STAC, as it stands in the project, over the sandbox.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use serde_json::{Value, json};
use support::landed::sqlite;
use support::origin::Origin;
use support::{COLLECT, Desk};

#[test]
fn the_recipe_collects_every_item_once() {
    let origin = Origin::default();
    let desk = Desk::new(include_str!("../../../recipes/stac.yaml"));
    let collect = || {
        let output =
            desk.command(&COLLECT).env("STAC_URL", format!("{}/stac/2000", origin.url())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let report = collect();
    let landed = sqlite(&desk.file("stac.db"));
    assert_eq!(landed["items"].len(), 2000);
    assert_eq!(landed["collections"].len(), busta_sandbox::StacWorld::collections().len());
    assert_eq!(report["failures"], 0);
    collect();
    assert_eq!(sqlite(&desk.file("stac.db"))["items"].len(), 2000);
}

const DESTINATIONS: [&str; 5] = [
    "{ type: sqlite, path: out.db }",
    "{ type: ndjson, path: out }",
    "{ type: parquet, path: out }",
    "{ type: parquet, path: out, layout: stac-geoparquet }",
    "{ type: stac, path: out }",
];

/// An item of a collection, or of none.
fn item(id: &str, collection: Option<&str>, cloud: u32) -> Value {
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id,
        "geometry": { "type": "Point", "coordinates": [7.5, 50.5] }, "bbox": [7.5, 50.5, 7.5, 50.5],
        "properties": { "datetime": "2024-05-01T10:00:00Z", "cloud": cloud }, "links": [], "assets": {},
    });
    if let Some(collection) = collection {
        item["collection"] = collection.into();
    }
    item
}

#[test]
fn items_without_a_collection_land_once_in_every_destination() {
    for destination in DESTINATIONS {
        let desk = Desk::new(&format!(
            "destination: {destination}\nsources:\n  - name: exports\n    type: stac\n    path: items\n    quality: {{ fail_on: error, streams: {{ items: {{}} }} }}\n"
        ));
        let write = |items: &[Value]| {
            for (n, item) in items.iter().enumerate() {
                desk.write(&format!("items/{n}.json"), item.to_string());
            }
        };
        let mut items = vec![
            item("i1", None, 1),
            item("i1", Some("a"), 2),
            item("i1", Some("b"), 3),
            item("i2", None, 4),
        ];
        write(&items);
        let report = desk.collect_well(&[]);
        assert_eq!(
            (&report["records"], &report["failures"]),
            (&4.into(), &0.into()),
            "{destination}: {report:#}"
        );
        items[0] = item("i1", None, 15);
        items.push(item("i3", None, 16));
        write(&items);
        assert_eq!(desk.collect_well(&[])["records"], 2, "{destination}");
        let exported = desk.busta(&["data", "export", "items", "--plain"]);
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        let mut landed: Vec<Value> =
            exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        landed.sort_by_key(|item| item["properties"]["cloud"].as_u64());
        items.sort_by_key(|item| item["properties"]["cloud"].as_u64());
        assert_eq!(landed, items, "{destination}");
    }
}

#[test]
fn collections_that_an_api_does_not_know_are_named() {
    let origin = Origin::default();
    for (wanted, said) in [("[nope]", "nope"), ("[landsat-c2-l2, nope, neither]", "nope, neither")] {
        let desk = Desk::new(&format!(
            "destination: {{ type: sqlite, path: out.db }}\nsources:\n  - {{ name: a, type: stac, url: \"{}/stac/50\", collections: {wanted} }}\n",
            origin.url()
        ));
        let (ended, report) = desk.collect(&[]);
        assert_eq!(report["failures"], 0, "{report:#}");
        let told = format!("the API does not list these collections collections=\"{said}\"");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
}
