use std::path::Path;

use super::Duplicates;
use super::side::Side;
use crate::formats::json::RecordsPath;

fn side(folder: &Path, name: &str, text: &str) -> Side {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    Side {
        file,
        on: "id".to_owned(),
        fields: None,
        prefix: String::new(),
        records: RecordsPath::Auto,
        duplicates: Duplicates::Fail,
    }
}

#[test]
fn rows_come_from_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, records) in [
        ("a.csv", "id,name,n\n1,one,1.50\n2,\"t, wo\",\n", "$"),
        ("a.ndjson", "{\"id\":1,\"name\":\"one\",\"n\":1.50}\n{\"id\":\"2\",\"name\":\"t, wo\"}\n", "$"),
        (
            "a.json",
            "{\"meta\":{},\"data\":{\"rows\":[{\"id\":1,\"name\":\"one\",\"n\":1.50},{\"id\":2,\"name\":\"t, wo\"}]}}",
            "$.data.rows",
        ),
    ] {
        let mut side = side(folder.path(), name, text);
        if records != "$" {
            side.records = records.parse().unwrap();
        }
        let table = side.load().unwrap();
        assert_eq!(table.rows(), 2, "{name}");
        assert_eq!(table.get("1"), Some("{\"name\":\"one\",\"n\":1.50}"), "{name}");
        assert!(table.get("2").unwrap().contains("t, wo"), "{name}");
        assert!(table.get("3").is_none());
        assert!(table.bytes() > 30);
    }
}

#[test]
fn fields_are_chosen_and_prefixed() {
    let folder = tempfile::tempdir().unwrap();
    let mut side = side(folder.path(), "a.csv", "id,name,n\n1,one,1\n");
    (side.fields, side.prefix) = (Some(vec!["n".to_owned(), "id".to_owned()]), "st_".to_owned());
    assert_eq!(side.load().unwrap().get("1"), Some("{\"st_id\":1,\"st_n\":1}"));
}

#[test]
fn a_field_that_no_row_has_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut side = side(folder.path(), "a.ndjson", "{\"id\":1,\"n\":1}\n{\"id\":2,\"height\":3}\n");
    side.fields = Some(vec!["height".to_owned()]);
    assert_eq!(side.load().unwrap().get("2"), Some("{\"height\":3}"));
    side.fields = Some(vec!["height".to_owned(), "hieght".to_owned()]);
    let error = side.load().unwrap_err().to_string();
    assert!(error.contains("none of its 2 rows has the field `hieght`"), "{error}");
}

#[test]
fn duplicates_are_an_error_unless_one_of_them_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut side = side(folder.path(), "a.csv", "id,n\n1,a\n2,b\n1,c\n");
    let error = side.load().unwrap_err().to_string();
    assert!(
        error.contains("row 3: there is a row with id = 1 already") && error.contains("a.csv"),
        "{error}"
    );
    side.duplicates = Duplicates::First;
    assert_eq!(side.load().unwrap().get("1"), Some("{\"n\":\"a\"}"));
    side.duplicates = Duplicates::Last;
    assert_eq!(side.load().unwrap().get("1"), Some("{\"n\":\"c\"}"));
}

#[test]
fn half_a_table_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, said) in [
        ("a.ndjson", "{\"id\":1}\n{broken\n", "valid JSON"),
        ("b.csv", "key,n\n1,a\n", "`id` is missing, or no text or number (it has key, n)"),
        ("c.csv", "id,n\n", "no rows"),
        ("d.json", "[{\"id\":{}}]", "`id` is missing"),
    ] {
        let error = side(folder.path(), name, text).load().unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(name), "{name}: {error}");
    }
    let mut missing = side(folder.path(), "e.csv", "");
    missing.file = folder.path().join("none.csv");
    assert!(missing.load().unwrap_err().to_string().contains("none.csv"));
}

#[cfg(feature = "parquet")]
#[test]
fn rows_come_from_parquet() {
    use busta_parquet::{ParquetWriter, Shape, WriteOptions};

    let folder = tempfile::tempdir().unwrap();
    let side = side(folder.path(), "a.parquet", "");
    let rows = ["{\"id\":1,\"name\":\"one\"}", "{\"id\":2,\"name\":\"two\"}"].into_iter().collect();
    let file = std::fs::File::create(&side.file).unwrap();
    let mut writer = ParquetWriter::create(file, &Shape::of(&rows), &WriteOptions::default()).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    assert_eq!(side.load().unwrap().get("2"), Some("{\"name\":\"two\"}"));
}
