//! The folder of items after a crash at every failpoint: each file whole, at any moment, and after a resume
//! what an undisturbed run leaves.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use busta_connectors::destinations::stac::{FAILPOINTS, PUBLISH_FAILPOINTS};
use serde_json::{Value, json};
use support::Desk;

const YAML: &str = "
destination: { type: stac, path: tree }
sources:
  - { name: a, type: stac, paths: [a] }
  - { name: b, type: stac, paths: [b], write_mode: replace, table: others }
";

fn write_items(desk: &Desk, source: &str, numbers: std::ops::Range<usize>, x: f64) {
    for n in numbers {
        let item = json!({
            "type": "Feature", "stac_version": "1.0.0", "id": format!("i{n}"),
            "collection": format!("{source}{}", n % 2), "geometry": {"type": "Point", "coordinates": [x, 2.5]},
            "bbox": [x, 2.5, x, 2.5], "properties": {"datetime": "2024-01-01T00:00:00Z"},
            "links": [], "assets": {}
        });
        desk.write(&format!("{source}/{n}.json"), item.to_string());
    }
}

/// Every file of the tree, which must be whole.
fn tree(folder: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name == "_busta" {
            continue;
        } else if entry.path().is_dir() {
            found.extend(
                tree(&entry.path()).into_iter().map(|(below, file)| (format!("{name}/{below}"), file)),
            );
        } else {
            let file = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
            found.insert(name, file);
        }
    }
    found
}

fn first(desk: &Desk) {
    write_items(desk, "a", 0..6, 1.5);
    write_items(desk, "b", 0..6, 1.5);
}

/// Items change and come, and of those that are replaced some go.
fn second(desk: &Desk) {
    write_items(desk, "a", 4..8, 3.5);
    write_items(desk, "b", 0..3, 3.5);
    (3..6).for_each(|n| std::fs::remove_file(desk.file(&format!("b/{n}.json"))).unwrap());
}

#[test]
fn a_crash_at_any_point_leaves_whole_files_and_a_resume_all_of_them() {
    let desk = Desk::new(YAML);
    first(&desk);
    desk.collect_well(&[]);
    let after_first = tree(&desk.file("tree"));
    assert_eq!(after_first.len(), 1 + 4 + 12);
    second(&desk);
    desk.collect_well(&["--full-refresh"]);
    let after_second = tree(&desk.file("tree"));
    assert_eq!(after_second.len(), 1 + 4 + 8 + 3);
    let mut reached = 0;
    let lake = FAILPOINTS.iter().map(|point| (point, &[(true, 1)][..]));
    let publish = PUBLISH_FAILPOINTS.iter().map(|point| (point, &[(false, 1), (true, 1), (true, 3)][..]));
    for (point, times) in lake.chain(publish) {
        for &(begun, nth) in times {
            let desk = Desk::new(YAML);
            first(&desk);
            if begun {
                desk.collect_well(&[]);
                second(&desk);
            }
            let died = desk.dies_at(&format!("{point}:{nth}"), if begun { &["--full-refresh"] } else { &[] });
            let when = format!("{point}:{nth}, begun: {begun}");
            let crashed = tree(&desk.file("tree"));
            for (name, file) in crashed.iter().filter(|(name, _)| name.contains("/i")) {
                assert!(
                    [after_first.get(name), after_second.get(name)].contains(&Some(file)),
                    "{when}: {name}"
                );
            }
            if died {
                reached += 1;
                desk.collect_well(&["--resume"]);
            }
            assert_eq!(tree(&desk.file("tree")), *if begun { &after_second } else { &after_first }, "{when}");
        }
    }
    assert!(reached > 20, "{reached}");
}
