//! Items into stac-geoparquet and back.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use std::fs::File;
use std::path::{Path, PathBuf};

use busta_core::Records;
use busta_parquet::{ItemShape, ParquetReader, StacWriter, WriteOptions};
use busta_testkit::judges;
use serde_json::{Value, json};

fn records(items: &[Value]) -> Records {
    let texts: Vec<String> = items.iter().map(Value::to_string).collect();
    texts.iter().map(String::as_str).collect()
}

fn write(items: &[Value], file: &File) {
    let items = records(items);
    let mut options = WriteOptions::default();
    options.row_group_bytes = 200 << 10;
    let mut writer = StacWriter::create(file, &ItemShape::of(&items).unwrap(), &options).unwrap();
    writer.collection(r#"{"id":"c","type":"Collection"}"#).unwrap();
    writer.write(&items).unwrap();
    writer.close().unwrap();
}

fn read(file: File) -> Vec<Value> {
    let reader = ParquetReader::open(file).unwrap();
    assert!(reader.is_stac());
    let batches: Vec<Records> = reader.as_items().map(Result::unwrap).collect();
    batches
        .iter()
        .flat_map(|b| b.iter().map(|r| serde_json::from_slice(r).unwrap()).collect::<Vec<_>>())
        .collect()
}

fn there_and_back(items: &[Value]) -> Vec<Value> {
    let file = tempfile::tempfile().unwrap();
    write(items, &file);
    read(file)
}

/// Numbers by value, nulls left out but for those that STAC wants, times as instants.
fn normal(value: &Value, path: &str) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(|item| normal(item, path)).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, value)| !value.is_null() || matches!(&***name, "geometry" | "datetime"))
            .map(|(name, value)| (name.clone(), normal(value, name)))
            .collect(),
        Value::String(text) if matches!(path, "datetime" | "created" | "updated") => {
            let text = text.replace("+00:00", "Z");
            let (whole, fraction) =
                text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
            json!(format!("{whole}.{}", fraction.trim_end_matches('0')))
        }
        other => other.clone(),
    }
}

fn assert_equal(found: &[Value], expected: &[Value]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (normal(found, ""), normal(expected, ""));
        assert_eq!(found, expected, "\n{found}\n{expected}");
    }
}

fn item(id: &str, fields: Value, properties: Value) -> Value {
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id,
        "geometry": {"type": "Point", "coordinates": [1.5, 2.5]}, "bbox": [1.5, 2.5, 1.5, 2.5],
        "links": [{"rel": "self", "href": "https://x/a"}], "assets": {"a.b": {"href": "y", "roles": ["data"]}},
        "collection": "c", "properties": {"datetime": "2024-01-01T00:00:00Z"}
    });
    for (name, value) in fields.as_object().unwrap() {
        item[name] = value.clone();
    }
    for (name, value) in properties.as_object().unwrap() {
        item["properties"][name] = value.clone();
    }
    item
}

/// Items that differ in everything in which Items may differ.
fn odd_items() -> Vec<Value> {
    vec![
        item("plain", json!({}), json!({"gsd": 10, "created": "2024-01-01T00:00:00.123456Z", "mixed": 1})),
        item(
            "solid",
            json!({"geometry": {"type": "Polygon", "coordinates": [[[0.0, 0.0, 5.0], [1.0, 0.0, 5.0], [1.0, 1.0, 5.0], [0.0, 0.0, 5.0]]]},
                   "bbox": [0, 0, 5, 1, 1, 5], "assets": {}}),
            json!({"gsd": 0.5, "mixed": "text", "updated": "yesterday"}),
        ),
        item(
            "nowhere",
            json!({"geometry": null, "bbox": null, "links": [], "stac_extensions": ["https://e/v1/schema.json"]}),
            json!({"datetime": null, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-01-02T00:00:00Z", "mixed": {"a": [1]}}),
        ),
        item(
            "many",
            json!({"geometry": {"type": "GeometryCollection", "geometries": [{"type": "MultiPoint", "coordinates": [[1.0, 2.0]]}]},
                   "assets": {"a.b": {"href": "z", "raster:bands": [{"nodata": "nan", "n": 1}, {"nodata": 0}]}, "other": {"href": "w", "nested": {"x": [], "y": {}}}}}),
            json!({"big": 9007199254740993_i64, "deep": [[1, 2], [], [3]], "updated": "2024-01-01T00:00:00Z"}),
        ),
    ]
}

#[test]
fn odd_items_come_back_equal() {
    let items = odd_items();
    assert_equal(&there_and_back(&items), &items);
}

#[test]
fn empty_assets_and_links_come_back() {
    let items = [item("a", json!({"assets": {}, "links": []}), json!({}))];
    assert_equal(&there_and_back(&items), &items);
}

#[test]
fn fields_unknown_to_stac_stay_where_they_were() {
    let items = [
        item("a", json!({"foreign": {"x": 1}}), json!({})),
        item("b", json!({"gsd": "x", "_gsd": [1]}), json!({"gsd": 1})),
        item("c", json!({}), json!({"foreign": 2})),
    ];
    assert_equal(&there_and_back(&items), &items);
}

/// What a row says about where it came from is no part of the Item, and the last that other readers meet.
#[test]
fn stamps_are_kept_apart() {
    let plain = item("a", json!({}), json!({}));
    let stamped = item("a", json!({"_busta_run": "R"}), json!({}));
    let file = tempfile::tempfile().unwrap();
    write(std::slice::from_ref(&stamped), &file);
    let reader = ParquetReader::open(file.try_clone().unwrap()).unwrap();
    assert_eq!(reader.columns().last().unwrap().name, "_busta_run");
    let rows: Vec<Value> = reader
        .as_stamped_items()
        .flat_map(|page| {
            page.unwrap().iter().map(|row| serde_json::from_slice(row).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    assert_equal(&rows, &[stamped]);
    assert_equal(&read(file), &[plain]);
}

/// Names that are data, such as ids, do not become columns without end.
#[test]
fn objects_of_many_fields_are_kept_as_text() {
    let items: Vec<Value> = (0..1100)
        .map(|n| item("a", json!({"assets": {(format!("asset {n}")): {"href": "x"}}}), json!({})))
        .collect();
    let file = tempfile::tempfile().unwrap();
    write(&items, &file);
    let columns = ParquetReader::open(file.try_clone().unwrap()).unwrap().columns().to_vec();
    assert_eq!(columns.iter().find(|column| column.name == "assets").unwrap().data_type, "Utf8");
    assert_equal(&read(file), &items);
}

#[test]
fn a_shape_keeps_in_a_manifest() {
    let shape = ItemShape::of(&records(&odd_items())).unwrap();
    let text = serde_json::to_string(&shape).unwrap();
    assert!(text.starts_with(r#"{"items":[{"name":"#), "{text}");
    assert_eq!(serde_json::from_str::<ItemShape>(&text).unwrap(), shape);
    let one = ItemShape::of(&records(&odd_items()[..1])).unwrap();
    assert!(shape.holds(&one) && shape.holds(&shape) && !one.holds(&shape));
}

/// Every record that passes is taken by every file; every one that would fail a file is found.
#[test]
fn what_passes_the_check_never_fails_a_file() {
    let good = item("a", json!({}), json!({}));
    let with = |name: &str, value: Value| {
        let mut item = good.clone();
        item[name] = value;
        item
    };
    let without = |name: &str| {
        let mut item = good.clone();
        item.as_object_mut().unwrap().remove(name);
        item
    };
    let fine = [
        good.clone(),
        with("geometry", Value::Null),
        with("bbox", Value::Null),
        with("bbox", json!([0, 0, 0, 1, 1, 1])),
        without("bbox"),
        without("collection"),
        without("type"),
        with("_busta_x", json!({"y": [1, "z"]})),
        with("properties", json!({})),
    ];
    for item in odd_items().iter().chain(&fine) {
        busta_parquet::check_item(item.to_string().as_bytes()).unwrap();
    }
    assert_eq!(there_and_back(&fine).len(), fine.len());
    let wrong = [
        json!({}),
        json!([]),
        without("id"),
        with("id", json!(1)),
        with("id", json!("")),
        without("geometry"),
        without("properties"),
        with("properties", json!([1])),
        with("properties", json!({"id": "b"})),
        with("type", json!("Collection")),
        with("geometry", json!({"type": "Circle", "coordinates": [1, 2]})),
        with("geometry", json!({"type": "Point", "coordinates": [1]})),
        with("geometry", json!("POINT (1 2)")),
        with("bbox", json!([1, 2, 3])),
        with("bbox", json!([1, 2, 3, "4"])),
        with("links", json!({})),
        with("assets", json!([])),
        with("collection", json!(7)),
    ];
    for item in wrong {
        let error = busta_parquet::check_item(item.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Data, "{item}");
    }
}

#[test]
fn what_cannot_be_an_item_is_refused() {
    for (wrong, word) in
        [(json!({"id": "a"}), "no `properties`"), (item("a", json!({}), json!({"bbox": 1})), "`bbox`")]
    {
        let error = ItemShape::of(&records(&[wrong])).unwrap_err();
        assert!(error.message().contains(word), "{error}");
    }
    let items = records(&[item("bad", json!({"geometry": {"type": "Circle"}}), json!({}))]);
    let shape = ItemShape::of(&items).unwrap();
    let mut writer = StacWriter::create(Vec::new(), &shape, &WriteOptions::default()).unwrap();
    let error = writer.write(&items).unwrap_err();
    assert!(error.message().contains("bad") && error.message().contains("Circle"), "{error}");
}

#[test]
fn joined_shapes_hold_both_sides() {
    let items = odd_items();
    let mut shape = ItemShape::default();
    for item in items.iter().rev() {
        shape.widen(&ItemShape::of(&records(std::slice::from_ref(item))).unwrap());
    }
    let file = tempfile::tempfile().unwrap();
    let mut writer = StacWriter::create(&file, &shape, &WriteOptions::default()).unwrap();
    writer.write(&records(&items)).unwrap();
    writer.close().unwrap();
    assert_equal(&read(file), &items);
}

/// Real data that lies beside the repository on the machine of its authors.
fn shared(name: &str) -> Option<PathBuf> {
    judges::real_data(&format!("stac/{name}"))
}

#[test]
fn real_items_come_back_equal() {
    let Some(path) = shared("pgstac-100-items.ndjson") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let items: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items.len(), 100);
    assert_equal(&there_and_back(&items), &items);
}

#[test]
fn files_of_others_are_items_and_stay_them() {
    for (name, collection) in
        [("100-landsat-items.parquet", "landsat-c2-l2"), ("100-sentinel-2-items.parquet", "sentinel-2-l2a")]
    {
        let Some(path) = shared(name) else { return };
        let items = read(File::open(path).unwrap());
        assert_eq!(items.len(), 100);
        for item in &items {
            assert_eq!(item["collection"], collection);
            assert_eq!(item["geometry"]["type"], "Polygon");
            assert_eq!(item["bbox"].as_array().unwrap().len(), 4);
            assert!(item["properties"]["datetime"].as_str().unwrap().ends_with('Z'));
            assert!(item["properties"]["proj:epsg"].is_i64());
        }
        assert_equal(&there_and_back(&items), &items);
    }
}

/// What other readers say about our files: pyarrow, duckdb, polars, stac-geoparquet and rustac.
#[test]
fn others_read_our_items() {
    let Some(python) = judges::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [plain, mut solid, nowhere, many] = odd_items().try_into().unwrap();
    // A column of times that are not all times is text, which stac-geoparquet does not expect.
    solid["properties"]["updated"] = json!("2024-01-01T00:00:00Z");
    let lines = json!({"geometry": {"type": "MultiLineString", "coordinates": [[[0.0, 0.0], [1.0, 1.0]]]}});
    let mut sets = vec![
        ("mixed", vec![plain.clone(), item("lines", lines, json!({"gsd": 7}))]),
        ("collection", vec![many]),
        ("solid", vec![solid]),
        ("nowhere", vec![plain, nowhere]),
    ];
    if let Some(path) = shared("pgstac-100-items.ndjson") {
        let text = std::fs::read_to_string(path).unwrap();
        sets.push(("real", text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()));
    }
    for (name, items) in sets {
        write(&items, &File::create(folder.path().join(format!("{name}.parquet"))).unwrap());
        let lines: Vec<String> = items.iter().map(Value::to_string).collect();
        std::fs::write(folder.path().join(format!("{name}.ndjson")), lines.join("\n")).unwrap();
    }
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge.py");
    let output = std::process::Command::new(python).arg(judge).arg(folder.path()).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "a judge has found something; see above");
}
