use std::path::Path;

use serde_json::{Value, json};

use super::Wanted;
use super::load::load;

fn item(version: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": version, "id": "a", "geometry": null,
        "properties": { "datetime": "2024-05-01T00:00:00Z" }, "links": [],
        "assets": { "data": { "href": "a.tif", "title": "data" } },
    })
}

fn collection(version: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": version, "id": "c", "description": "words", "license": "MIT",
        "extent": { "spatial": { "bbox": [[-180, -90, 180, 90]] }, "temporal": { "interval": [[null, null]] } },
        "links": [],
    })
}

#[test]
fn stac_objects_are_held_against_their_own_schema() {
    let loaded = load(&Wanted::Stac, None).unwrap();
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(loaded.check(&item(version)), Ok(()), "{version}");
        assert_eq!(loaded.check(&collection(version)), Ok(()), "{version}");
        let catalog = json!({
            "type": "Catalog", "stac_version": version, "id": "c", "description": "words", "links": [],
        });
        assert_eq!(loaded.check(&catalog), Ok(()), "{version}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let loaded = load(&Wanted::Stac, None).unwrap();
    let wrong = |pointer: &str, value: Value| {
        let mut item = item("1.0.0");
        *item.pointer_mut(pointer).unwrap() = value;
        loaded.check(&item).unwrap_err()
    };
    for (pointer, value, said) in [
        ("/properties/datetime", json!("yesterday"), "/properties/datetime"),
        ("/properties", json!({}), "datetime"),
        ("/geometry", json!({ "type": "Point" }), "/geometry"),
        ("/links", json!([{ "rel": "self" }]), "/links/0"),
        ("/type", json!("Fature"), "`Fature` is no STAC object"),
        ("/stac_version", json!("0.9.0"), "no schemas of STAC 0.9.0"),
    ] {
        let error = wrong(pointer, value);
        assert!(error.contains(said), "{pointer}: {error}");
    }
}

#[test]
fn an_extension_without_a_schema_is_no_pass() {
    let loaded = load(&Wanted::Stac, None).unwrap();
    let mut record = item("1.0.0");
    record["stac_extensions"] = json!(["https://stac-extensions.github.io/eo/v1.1.0/schema.json"]);
    let error = loaded.check(&record).unwrap_err();
    assert!(error.contains("eo/v1.1.0/schema.json is not in the folder"), "{error}");
}

fn write(folder: &Path, path: &str, schema: &Value) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, schema.to_string()).unwrap();
}

#[test]
fn extensions_come_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": { "properties": { "required": ["eo:cloud_cover"] }, "extra": { "$ref": "https://other.example/x/part.json" } },
    });
    write(folder.path(), "eo/v1.1.0/schema.json", &schema);
    write(folder.path(), "other.example/x/part.json", &json!({ "type": "integer" }));
    let loaded = load(&Wanted::Stac, Some(folder.path())).unwrap();
    let mut record = item("1.1.0");
    record["stac_extensions"] = json!(["https://stac-extensions.github.io/eo/v1.1.0/schema.json#"]);
    assert!(loaded.check(&record).unwrap_err().contains("eo:cloud_cover"));
    record["properties"]["eo:cloud_cover"] = json!(3);
    assert_eq!(loaded.check(&record), Ok(()));
    record["extra"] = json!("no");
    assert!(loaded.check(&record).unwrap_err().contains("/extra"));
}

#[test]
fn a_schema_that_cannot_be_used_is_an_error_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let missing = json!({ "$ref": "https://nowhere.example/a.json" });
    write(folder.path(), "schema.json", &missing);
    for wanted in [
        Wanted::File(folder.path().join("schema.json")),
        Wanted::File(folder.path().join("none.json")),
        Wanted::Inline(missing),
        Wanted::Inline(json!({ "type": "nothing" })),
    ] {
        assert!(load(&wanted, None).is_err(), "{wanted:?}");
    }
    assert!(load(&Wanted::Stac, Some(&folder.path().join("none"))).is_err());
}

#[test]
fn any_schema_can_be_given() {
    let schema = json!({ "required": ["id"], "properties": { "price": { "type": "number", "minimum": 0 } } });
    let loaded = load(&Wanted::Inline(schema), None).unwrap();
    assert_eq!(loaded.check(&json!({ "id": 1, "price": 2 })), Ok(()));
    let error = loaded.check(&json!({ "id": 1, "price": -2 })).unwrap_err();
    assert!(error.contains("/price") && error.contains("/properties/price"), "{error}");
}
