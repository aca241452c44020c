//! A STAC API that nobody here wrote: stac-fastapi over pgstac, with real items that are made many.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use busta_testkit::judges;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The collections of [`items`].
pub const COLLECTIONS: [&str; 3] = ["naip", "naip-west", "naip-spans"];
/// The moment that a tenth of the items have.
pub const PILE: &str = "2012-06-01T00:00:00Z";

/// The server. It stops when its input ends, at the latest with this process.
pub struct Pgstac {
    pub url: String,
    pub dsn: String,
    /// What is in it.
    pub items: Vec<Value>,
    python: PathBuf,
    files: TempDir,
    input: Option<ChildStdin>,
    server: Child,
}

impl Pgstac {
    /// `None` if it cannot be had here.
    pub fn start() -> Option<Self> {
        let (items, collections) = (items()?, collections()?);
        let (python, _) = (judges::python()?, judges::postgis()?);
        let files = TempDir::new().unwrap();
        let write = |name: &str, documents: &[Value]| {
            let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
            std::fs::write(files.path().join(name), lines.join("\n")).unwrap();
        };
        write("items.ndjson", &items);
        write("collections.ndjson", &collections);
        let mut server = Command::new(&python)
            .arg(judges::script("pgstac"))
            .args(["--collections", "collections.ndjson", "--items", "items.ndjson"])
            .current_dir(files.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let place: Value = serde_json::from_str(&line).expect("pgstac did not start; see above");
        let text = |name: &str| place[name].as_str().unwrap().to_owned();
        let (url, dsn, input) = (text("url"), text("dsn"), server.stdin.take());
        Some(Self { url, dsn, items, python, files, input, server })
    }

    /// Asks `tests/judges/pgstac.py`.
    pub fn ask(&self, what: &str, task: &Value) -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/pgstac.py");
        let mut judge = Command::new(&self.python)
            .args([script, what])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        judge.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
        let output = judge.wait_with_output().unwrap();
        assert!(output.status.success(), "the judge could not judge; see above");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The file with the collections.
    pub fn collections(&self) -> PathBuf {
        self.files.path().join("collections.ndjson")
    }
}

impl Drop for Pgstac {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.server.wait();
    }
}

fn documents(name: &str) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(judges::real_data(name)?).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn collections() -> Option<Vec<Value>> {
    let first = documents("stac/pgstac-collections.ndjson")?.remove(0);
    let named = |id: &str| {
        let mut collection = first.clone();
        collection["id"] = json!(id);
        collection["type"] = json!("Collection");
        collection["stac_version"] = json!("1.0.0");
        // Most items lie outside of what the last one says of itself.
        if id == COLLECTIONS[2] {
            collection["extent"]["temporal"]["interval"] =
                json!([["2012-01-01T00:00:00Z", "2012-02-01T00:00:00Z"]]);
        }
        collection
    };
    Some(COLLECTIONS.map(named).to_vec())
}

/// 2,000 items: 100 real ones, each twenty times with other times.
pub fn items() -> Option<Vec<Value>> {
    let real = documents("stac/pgstac-100-items.ndjson")?;
    Some((0..2_000).map(|n| item(&real[n % 100], n)).collect())
}

fn item(real: &Value, n: usize) -> Value {
    let mut item = real.clone();
    let copy = n / 100;
    item["id"] = json!(format!("{}-{copy}", real["id"].as_str().unwrap()));
    item["collection"] = json!(COLLECTIONS[n % 3]);
    item["stac_version"] = json!("1.0.0");
    item["stac_extensions"] = json!([]);
    item["links"] = json!([{ "rel": "collection", "href": "./collection.json" }]);
    let properties = item["properties"].as_object_mut().unwrap();
    let real_time = DateTime::parse_from_rfc3339(properties["datetime"].as_str().unwrap()).unwrap();
    let at = real_time.to_utc() + Duration::days(37 * copy as i64) + Duration::hours(n as i64 % 7);
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("eo:cloud_cover", json!(n * 37 % 101));
    match n % 10 {
        0..=4 => set("datetime", json!(text(at))),
        5 => set("datetime", json!(PILE)),
        6 => set("datetime", json!(format!("2012-{:02}-01T00:00:00Z", n / 10 % 12 + 1))),
        7 => set("datetime", json!(["2012-06-01T00:00:00.000001Z", "2012-05-31T23:59:59.999999Z"][copy % 2])),
        kind => {
            let days = (n as i64 / 10 % 50) * 10;
            set("start_datetime", json!(text(at)));
            set("end_datetime", json!(text(at + Duration::days(days))));
            let middle = json!(text(at + Duration::days(days / 2)));
            set("datetime", if kind == 8 { Value::Null } else { middle })
        }
    };
    item
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
