//! The `stac` destination: a folder of Items.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{Destination, Finish, StreamFinish, StreamSpec, WriteMode};
use busta_testkit::judges;
use busta_testkit::landing::Landing;
use serde_json::{Value, json};

fn open(folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination("stac").unwrap().build)(json!({"path": "tree"}), context).unwrap()
}

fn specs(mode: WriteMode) -> Vec<StreamSpec> {
    let spec = |name, key: &[&str]| StreamSpec {
        write_mode: mode,
        ..StreamSpec::new(name, key.iter().map(|key| (*key).to_owned()).collect())
    };
    vec![spec("items", &["collection", "id"]), spec("collections", &["id"])]
}

async fn write(destination: &dyn Destination, run: &str, mode: WriteMode, stream: &str, records: &[Value]) {
    destination.prepare(&run.into(), &"stac".into(), &specs(mode)).await.unwrap();
    let texts: Vec<String> = records.iter().map(Value::to_string).collect();
    let landing = Landing::new(run, "stac", stream, stream);
    landing.write(destination, texts.iter().map(String::as_str)).await.unwrap();
}

async fn finish(destination: &dyn Destination, run: &str) {
    let streams =
        ["items", "collections"].map(|name| StreamFinish { stream: name.into(), starts: vec![] }).to_vec();
    destination.finish(&Finish::completed(run.into(), "stac".into(), streams)).await.unwrap();
}

/// The files of the tree, by their paths below it.
fn files(root: &Path) -> BTreeMap<String, (PathBuf, Value)> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, (PathBuf, Value)>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if name == "_busta" {
                continue;
            } else if path.is_dir() {
                walk(root, &path, found);
            } else {
                let json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                found.insert(name, (path, json));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn names(root: &Path) -> Vec<String> {
    files(root).into_keys().collect()
}

fn item(id: &str, collection: Option<&str>, x: f64) -> Value {
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id,
        "geometry": {"type": "Point", "coordinates": [x, 2.5]}, "bbox": [x, 2.5, x, 2.5],
        "properties": {"datetime": "2024-01-01T00:00:00Z", "big": 18446744073709551615_u64},
        "links": [{"rel": "self", "href": format!("https://x/{id}")}, {"rel": "license", "href": "https://x/l"}],
        "assets": {"image": {"href": "https://x/y.tif", "roles": ["data"]}}
    });
    if let Some(collection) = collection {
        item["collection"] = json!(collection);
    }
    item
}

/// Without links and stamps.
fn bare(item: &Value) -> Value {
    let fields = item.as_object().unwrap().iter();
    fields
        .filter(|(name, _)| *name != "links" && !name.starts_with("_busta"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[tokio::test]
async fn items_lie_where_stac_users_expect_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    let destination = open(folder.path());
    let all = [
        item("a/1", Some("naip"), 1.5),
        item("b", Some("naip"), 3.5),
        item("alone", None, 0.0),
        item("collection", None, 0.0),
    ];
    write(&*destination, "R1", WriteMode::Append, "items", &all).await;
    assert!(names(&root).is_empty(), "nothing before the stream is finished");
    finish(&*destination, "R1").await;
    assert_eq!(
        names(&root),
        [
            "alone/alone.json",
            "catalog.json",
            "naip/a~2F1/a~2F1.json",
            "naip/b/b.json",
            "naip/collection.json",
            "~63ollection/~63ollection.json"
        ]
    );
    let found = files(&root);
    let landed = &found["naip/a~2F1/a~2F1.json"].1;
    assert_eq!(bare(landed), bare(&all[0]));
    let links: Vec<_> =
        landed["links"].as_array().unwrap().iter().map(|link| (&link["rel"], &link["href"])).collect();
    assert_eq!(
        json!(links),
        json!([
            ["root", "../../catalog.json"],
            ["parent", "../collection.json"],
            ["collection", "../collection.json"],
            ["canonical", "https://x/a/1"],
            ["license", "https://x/l"]
        ])
    );
    let collection = &found["naip/collection.json"].1;
    assert_eq!(collection["extent"]["spatial"]["bbox"], json!([[1.5, 2.5, 3.5, 2.5]]));
    assert_eq!(collection["links"][2]["href"], "./a~2F1/a~2F1.json");
    assert_eq!(found["catalog.json"].1["links"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn the_next_run_touches_only_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    let destination = open(folder.path());
    let first: Vec<Value> = (0..5).map(|n| item(&format!("i{n}"), Some("c"), f64::from(n))).collect();
    write(&*destination, "R1", WriteMode::Merge, "items", &first).await;
    finish(&*destination, "R1").await;
    let inode = |name: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(root.join(name)).unwrap());
    let before = (inode("c/i0/i0.json"), inode("c/i1/i1.json"), inode("catalog.json"));
    let changed = [item("i1", Some("c"), 9.0), json!({"id": "no item", "collection": "c"})];
    let document = json!({"type": "Collection", "id": "c", "stac_version": "1.0.0", "description": "own",
        "license": "MIT", "extent": {"x": 1}, "links": [{"rel": "items", "href": "https://x/items"}]});
    write(&*destination, "R2", WriteMode::Merge, "items", &changed).await;
    write(&*destination, "R2", WriteMode::Merge, "collections", std::slice::from_ref(&document)).await;
    finish(&*destination, "R2").await;
    let found = files(&root);
    assert_eq!(found.len(), 7);
    assert_eq!(found["c/i1/i1.json"].1["bbox"][0], 9.0);
    assert_eq!(bare(&found["c/collection.json"].1), bare(&document));
    assert_eq!(found["c/collection.json"].1["links"].as_array().unwrap().len(), 7);
    let after = (inode("c/i0/i0.json"), inode("c/i1/i1.json"), inode("catalog.json"));
    assert_eq!((before.0, before.2), (after.0, after.2));
    assert_ne!(before.1, after.1);
    assert_eq!(destination.readable().failures(None, 9).await.unwrap().len(), 1);
    // What is gone goes, and what others have put there stays.
    fs::write(root.join("c/i2/image.json"), "{}").unwrap();
    write(&*destination, "R3", WriteMode::Replace, "items", &first[..1]).await;
    finish(&*destination, "R3").await;
    assert_eq!(names(&root), ["c/collection.json", "c/i0/i0.json", "c/i2/image.json", "catalog.json"]);
}

/// Whatever part of the files a crash has left, the next run finds them again.
#[tokio::test]
async fn the_folder_is_made_again_from_what_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    let destination = open(folder.path());
    let all: Vec<Value> = (0..9).map(|n| item(&format!("i{n}"), Some("c"), f64::from(n))).collect();
    write(&*destination, "R1", WriteMode::Append, "items", &all).await;
    finish(&*destination, "R1").await;
    let twice: Vec<Value> = (0..3).map(|n| item(&format!("i{n}"), Some("c"), 50.0)).collect();
    write(&*destination, "R2", WriteMode::Append, "items", &twice).await;
    finish(&*destination, "R2").await;
    let whole = files(&root);
    assert_eq!(whole["c/i1/i1.json"].1["bbox"][0], 50.0);
    drop(destination);
    for lost in whole.keys() {
        fs::remove_file(root.join(lost)).unwrap();
        fs::write(root.join("_busta/fresh/0"), "{\"type\"").unwrap();
        let again = open(folder.path());
        again.prepare(&"R3".into(), &"stac".into(), &specs(WriteMode::Append)).await.unwrap();
        assert_eq!(files(&root), whole, "{lost}");
    }
}

/// What pystac makes of the folder.
#[tokio::test]
async fn pystac_walks_the_folder() {
    let Some(python) = judges::python() else { return };
    let read = |name: &str| -> Vec<Value> {
        let path = judges::real_data(&format!("stac/{name}"));
        let text = path.map_or_else(String::new, |path| fs::read_to_string(path).unwrap());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut items = read("pgstac-100-items.ndjson");
    items.extend(["a/b é", "catalog.json", ".."].map(|id| item(id, Some("own/made"), 1.5)));
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path());
    write(&*destination, "R1", WriteMode::Merge, "items", &items).await;
    write(&*destination, "R1", WriteMode::Merge, "collections", &read("pgstac-collections.ndjson")).await;
    finish(&*destination, "R1").await;
    let truth = folder.path().join("truth.ndjson");
    let lines: Vec<String> = items.iter().map(Value::to_string).collect();
    fs::write(&truth, lines.join("\n")).unwrap();
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge_folder.py");
    let mut command = std::process::Command::new(python);
    let output = command.arg(judge).arg(folder.path().join("tree")).arg(truth).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the judge has found something; see above");
}
