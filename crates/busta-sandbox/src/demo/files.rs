//! Files for the demo: JSON, NDJSON and CSV, plain, gzip and zstd.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use busta_core::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::data::{self, Version};

/// Records in each file.
const RECORDS: u64 = 50;

/// Writes 60 files, always the same, into the folders `drops`, `exports` and `sheets` below `dir`, and
/// returns the items of `sources:` that collect them, with paths that start at `dir`. Blocks.
pub fn write_demo_files(dir: &Path) -> Result<String> {
    for (folder, write) in FOLDERS {
        let path = dir.join(folder);
        fs::create_dir_all(&path).map_err(|error| cannot_write(&path, error))?;
        for file in 0..20 {
            write(&path, file)?;
        }
    }
    Ok(SOURCES.to_owned())
}

type WriteFile = fn(&Path, u64) -> Result<()>;

const FOLDERS: [(&str, WriteFile); 3] = [("drops", json), ("exports", ndjson), ("sheets", csv)];

const SOURCES: &str = "\
  - name: drops
    type: files
    paths: [\"drops/**/*.json\"]
    format: json
    primary_key: id
  - name: exports
    type: files
    paths: [exports]
    primary_key: id
  - name: sheets
    type: files
    paths: [sheets]
    primary_key: id
";

fn records(file: u64, folder: &str) -> impl Iterator<Item = Vec<u8>> {
    let stream = data::hash(folder.as_bytes());
    (file * RECORDS..(file + 1) * RECORDS).map(move |index| {
        let mut out = Vec::new();
        data::write_record(&mut out, 42, stream, index, Version { slot: index, revision: 0 });
        out
    })
}

/// One array.
fn json(folder: &Path, file: u64) -> Result<()> {
    let all: Vec<Vec<u8>> = records(file, "drops").collect();
    let text = [b"[".as_slice(), &all.join(b",\n".as_slice()), b"]\n"].concat();
    save(&folder.join(format!("drop-{file:02}.json")), &text)
}

/// One record a line; every second file is compressed.
fn ndjson(folder: &Path, file: u64) -> Result<()> {
    let text: Vec<u8> =
        records(file, "exports").flat_map(|record| [record, b"\n".to_vec()].concat()).collect();
    let path = folder.join(format!("export-{file:02}.ndjson"));
    if file.is_multiple_of(2) { save(&path, &text) } else { save_gzip(&path, &text) }
}

/// Some of the fields; every fourth file is compressed.
fn csv(folder: &Path, file: u64) -> Result<()> {
    const COLUMNS: [&str; 6] = ["id", "name", "amount", "paid", "note", "created_at"];
    let mut text = COLUMNS.join(",") + "\n";
    for record in records(file, "sheets") {
        let record: Value = serde_json::from_slice(&record).unwrap_or_default();
        let cell = |column: &&str| match &record[*column] {
            Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
            other => other.to_string(),
        };
        text += &(COLUMNS.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    let path = folder.join(format!("sheet-{file:02}.csv"));
    if file.is_multiple_of(4) { save_zstd(&path, text.as_bytes()) } else { save(&path, text.as_bytes()) }
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| cannot_write(path, error))
}

fn save_gzip(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    save(&with_suffix(path, "gz"), &packed.map_err(|error| cannot_write(path, error))?)
}

fn save_zstd(path: &Path, bytes: &[u8]) -> Result<()> {
    let packed = zstd::encode_all(bytes, 3).map_err(|error| cannot_write(path, error))?;
    save(&with_suffix(path, "zst"), &packed)
}

fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("{} cannot be written: {error}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }

    #[test]
    fn files_hold_records_and_are_the_same_each_time() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_demo_files(one.path()).unwrap();
        write_demo_files(two.path()).unwrap();
        let mut files = 0;
        for (folder, _) in FOLDERS {
            for entry in fs::read_dir(one.path().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let other = two.path().join(folder).join(path.file_name().unwrap());
                assert_eq!(read(&path), read(&other), "{}", path.display());
                files += 1;
            }
        }
        assert_eq!(files, 60);
        let json: Vec<Value> = serde_json::from_slice(&read(&one.path().join("drops/drop-03.json"))).unwrap();
        assert_eq!((json.len() as u64, &json[0]["id"]), (RECORDS, &(3 * RECORDS + 1).into()));
        let packed = read(&one.path().join("exports/export-01.ndjson.gz"));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text).unwrap();
        assert_eq!(text.lines().count() as u64, RECORDS);
        let sheet = zstd::decode_all(&read(&one.path().join("sheets/sheet-04.csv.zst"))[..]).unwrap();
        assert!(sheet.starts_with(b"id,name,amount,paid,note,created_at\n201,\""));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("drops"), "a file").unwrap();
        assert!(write_demo_files(dir.path()).unwrap_err().to_string().contains("drops"));
    }
}
