//! Real files that nobody here made. They lie beside the project; where they do not, the test says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::Path;

use support::Desk;
use support::landed::sqlite;

#[test]
fn real_stac_items_land_whole() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/stac");
    if !shared.exists() {
        eprintln!("skipped: {} is not there", shared.display());
        return;
    }
    let items = shared.join("pgstac-100-items.ndjson");
    let desk = Desk::new(&format!(
        "sources:\n  - {{ name: items, type: files, paths: ['{}'], primary_key: [collection, id] }}\n",
        items.display()
    ));
    assert_eq!(desk.collect_well(&[])["records"], 100);
    assert_eq!(sqlite(&desk.file("busta.db"))["items"].len(), 100);
    let exported = desk.busta(&["data", "export", "items", "--format", "ndjson"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let parse = |text: &str| -> Vec<serde_json::Value> {
        let mut items: Vec<serde_json::Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for item in &mut items {
            item.as_object_mut().unwrap().retain(|key, _| !key.starts_with("_busta"));
        }
        items.sort_by_key(|item| item["id"].to_string());
        items
    };
    assert_eq!(parse(&exported.stdout), parse(&std::fs::read_to_string(items).unwrap()));

    // Two items of one id in two collections are two records.
    let twins = shared.join("pgstac-duplicate-ids.ndjson");
    let desk = Desk::new(&format!(
        "sources:\n  - {{ name: items, type: files, paths: ['{}'], primary_key: [collection, id] }}\n",
        twins.display()
    ));
    assert_eq!(desk.collect_well(&[])["records"], 2);
}
