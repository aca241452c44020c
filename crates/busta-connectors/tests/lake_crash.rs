//! A lake after a crash at any byte.
//!
//! A history of random commits, finishes and runs is played on one folder. Around every act the
//! folder is copied as a crash in the middle of it could have left it: either the act's line of the
//! manifest is not whole, and of the files that it wrote any part may be there, or the line is there,
//! and of the renames and removals after it any part may be missing. Opened again, the copy must show
//! what was there before the act, or after it; and the act, played again, must lead to the same end.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::{Clock, SystemClock};
use busta_core::columns::{Cell, Column, Columns, Texts, Values};
use busta_core::connector::DestinationContext;
use busta_core::destination::Purge;
use busta_core::{
    Chunk, Cursor, Destination, Error, Failure, Finish, Position, Records, Stage, Step, StreamFinish,
    StreamSpec, WriteMode,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const STREAMS: [(&str, WriteMode); 3] =
    [("append", WriteMode::Append), ("merge", WriteMode::Merge), ("replace", WriteMode::Replace)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Lines,
    Zstd,
    #[cfg(feature = "parquet")]
    Parquet,
    #[cfg(feature = "parquet")]
    Folders,
    #[cfg(feature = "parquet")]
    Items,
}

impl Kind {
    /// Complete files are moved to their places by the commit that completes them. Parquet files are
    /// made meanwhile, and moved by a later one.
    fn seals_at_once(self) -> bool {
        matches!(self, Self::Lines | Self::Zstd)
    }
}

fn open(folder: &Path, kind: Kind) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    let (name, keys) = match kind {
        Kind::Lines => ("ndjson", json!({"path": "lake", "file_size": 400})),
        Kind::Zstd => ("ndjson", json!({"path": "lake", "file_size": 400, "compression": "zstd"})),
        #[cfg(feature = "parquet")]
        Kind::Parquet => ("parquet", json!({"path": "lake", "file_size": 25})),
        #[cfg(feature = "parquet")]
        Kind::Folders => ("parquet", json!({"path": "lake", "file_size": 25, "partition_by": ["v"]})),
        #[cfg(feature = "parquet")]
        Kind::Items => (
            "parquet",
            json!({"path": "lake", "file_size": 25, "layout": "stac-geoparquet", "partition_by": ["v"]}),
        ),
    };
    (registry::destination(name).unwrap().build)(keys, context).unwrap()
}

fn specs() -> Vec<StreamSpec> {
    let spec = |(name, write_mode): (&str, WriteMode)| StreamSpec {
        write_mode,
        cursor_field: Some("at".into()),
        ..StreamSpec::new(name, if write_mode == WriteMode::Append { vec![] } else { vec!["id".into()] })
    };
    STREAMS.map(spec).to_vec()
}

/// So many failures a failing page has: a few of them, and it is worth writing the log of failures anew.
const FAILURES: usize = 24;

/// Something that is done to a destination.
#[derive(Clone, Debug)]
enum Act {
    Commit(Vec<Page>),
    Finish(&'static str),
    Begin,
    /// Of everything that may go.
    Purge,
    /// Of the failures.
    PurgeFailures,
}

#[derive(Clone, Debug)]
struct Page {
    stream: &'static str,
    split: String,
    from: Position,
    to: Position,
    records: Vec<String>,
    /// Whether the records come as columns.
    typed: bool,
    fails: bool,
}

impl Page {
    fn records(&self) -> Records {
        if self.typed { self.columns() } else { self.records.iter().map(String::as_str).collect() }
    }

    fn columns(&self) -> Records {
        let list = vec![
            Column::new("id", Values::Texts(Texts::default())),
            Column::new("at", Values::Ints(vec![])),
            Column::new("v", Values::Ints(vec![])),
        ];
        let mut columns = Columns::new(list);
        for (name, raw) in ITEM {
            columns = columns.with(name, raw);
        }
        for record in &self.records {
            let record: Value = serde_json::from_str(record).unwrap();
            columns.column_mut(0).push(Cell::Text(record["id"].as_str().unwrap()));
            columns.column_mut(1).push(Cell::Int(record["at"].as_i64().unwrap()));
            columns.column_mut(2).push(Cell::Int(record["v"].as_i64().unwrap()));
            columns.end_row();
        }
        Records::of_columns(columns)
    }
}

/// What all records say besides: that they are STAC Items, so that every kind takes them.
const ITEM: [(&str, &str); 5] = [
    ("type", r#""Feature""#),
    ("geometry", r#"{"type":"Point","coordinates":[1.5,2.5]}"#),
    ("links", "[]"),
    ("assets", "{}"),
    ("properties", r#"{"datetime":"2024-01-01T00:00:00Z"}"#),
];

/// Values of a column that gets ever wider types, the narrow ones more often.
const MIXED: [&str; 9] = ["1", "2", "3", "4", "null", "5", "1.5", "true", "\"x\""];

/// Xorshift: any spread will do.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

#[derive(Default)]
struct History {
    /// Whether `v` is of any type.
    mixed: bool,
    run: u32,
    pages: BTreeMap<String, u32>,
}

impl History {
    fn draw(&mut self, chance: &mut Chance) -> Act {
        match chance.below(14) {
            0 => {
                self.run += 1;
                self.pages.clear();
                Act::Begin
            }
            1 | 2 => {
                let stream = STREAMS[chance.below(3) as usize].0;
                self.pages.retain(|split, _| !split.starts_with(stream));
                Act::Finish(stream)
            }
            3 => Act::Purge,
            4 => Act::PurgeFailures,
            _ => Act::Commit((0..=chance.below(3)).map(|_| self.page(chance)).collect()),
        }
    }

    fn page(&mut self, chance: &mut Chance) -> Page {
        let stream = STREAMS[chance.below(3) as usize].0;
        let split = format!("{stream} {}", chance.below(2));
        let page = self.pages.entry(split.clone()).or_default();
        let at = |n: u32| if n == 0 { Position::Start } else { Position::At(Cursor::encode(&n).unwrap()) };
        *page += 1;
        let mixed = self.mixed;
        let record = |chance: &mut Chance| {
            let (id, at, v) = (chance.below(8), chance.below(4), chance.below(9));
            let v = if mixed { MIXED[v as usize].to_owned() } else { v.to_string() };
            let item = ITEM.map(|(name, raw)| format!("\"{name}\":{raw}")).join(",");
            format!("{{\"id\":\"{id}\",\"at\":{at},\n\"v\":{v},{item}}}")
        };
        let records = (0..chance.below(6)).map(|_| record(chance)).collect();
        let (typed, fails) = (chance.below(3) > 0 && !mixed, chance.below(5) == 0);
        Page { stream, split, from: at(*page - 1), to: at(*page), records, typed, fails }
    }
}

/// Whether the act was all done; a chunk that came too late is not.
async fn play(destination: &dyn Destination, run: u32, act: &Act) -> bool {
    let (run, source) = (format!("R{run}").into(), "shop".into());
    match act {
        Act::Begin => {
            destination.prepare(&run, &source, &specs()).await.unwrap();
            // A finish of nothing, so that the run takes the source over in an act of its own.
            destination.finish(&Finish::completed(run, source, vec![])).await.unwrap();
        }
        Act::Finish(stream) => {
            let streams = vec![StreamFinish {
                stream: (*stream).into(),
                starts: vec![((*stream).to_owned(), Cursor::from_stored("1"))],
            }];
            destination.finish(&Finish::completed(run, source, streams)).await.unwrap();
        }
        Act::Purge | Act::PurgeFailures => {
            let older_than = SystemClock.now() + chrono::Duration::days(1);
            let after = matches!(act, Act::PurgeFailures).then(|| "failures".to_owned());
            let purge = Purge { source, older_than, batch: usize::MAX, after };
            destination.purge(&purge).await.unwrap();
        }
        Act::Commit(pages) => {
            let chunk = |page: &Page| {
                let records = page.records();
                let (stream, split) = (page.stream.into(), page.split.clone().into());
                let failure = |n: usize| {
                    Failure::item(Stage::Read, format!("{:?} {n}", page.to), &Error::data("no"), None)
                };
                let now = SystemClock.now();
                Chunk {
                    staged: Some(destination.stage(&run, &source, &stream, &records)),
                    failures: (0..if page.fails { FAILURES } else { 0 })
                        .map(|n| failure(n).place(&run, &source, &stream, &split, now))
                        .collect(),
                    step: Some(Step { split, from: page.from.clone(), to: page.to.clone() }),
                    run: run.clone(),
                    source: source.clone(),
                    stream,
                    high: None,
                    found: Vec::new(),
                    starts: Vec::new(),
                }
            };
            let chunks: Vec<Chunk> = pages.iter().map(chunk).collect();
            let outcomes = destination.commit(&chunks).await.unwrap();
            return outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already));
        }
    }
    true
}

/// All that can be seen of a destination.
#[derive(Debug, PartialEq)]
struct Sight {
    rows: BTreeMap<String, Vec<Value>>,
    /// What a reader that globs the tables' folders sees.
    files: BTreeMap<String, Vec<Value>>,
    positions: BTreeMap<String, Position>,
    failures: Vec<String>,
}

async fn look(destination: &dyn Destination, folder: &Path, run: u32, kind: Kind) -> Sight {
    let checkpoint = destination.prepare(&format!("R{run}").into(), &"shop".into(), &specs()).await.unwrap();
    let positions = checkpoint.splits.into_iter().map(|(id, s)| (id.to_string(), s.position)).collect();
    let readable = destination.readable();
    let (mut rows, mut files) = (BTreeMap::new(), BTreeMap::new());
    for table in readable.tables().await.unwrap() {
        let mut scan = readable.scan(&table.name).await.unwrap();
        let mut list = Vec::new();
        while let Some(page) = scan.next().await.unwrap() {
            list.extend(page.iter().map(row));
        }
        assert_eq!(list.len() as u64, table.rows, "{}", table.name);
        list.sort_by_key(Value::to_string);
        let globbed = globbed(&folder.join("lake").join(&table.name));
        if table.name != "append" || kind.seals_at_once() {
            files.insert(table.name.clone(), globbed);
        } else {
            assert!(is_part(&globbed, &list), "{globbed:?} of {list:?}");
        }
        rows.insert(table.name.clone(), list);
    }
    let mut failures: Vec<_> =
        readable.failures(None, 10_000).await.unwrap().into_iter().map(|f| f.id).collect();
    failures.sort();
    Sight { rows, files, positions, failures }
}

/// Whether each of the `rows` is one of `all`; both are sorted.
fn is_part(rows: &[Value], all: &[Value]) -> bool {
    let mut all = all.iter();
    rows.iter().all(|row| all.any(|other| other == row))
}

/// A row without the time at which it was loaded.
fn row(text: &[u8]) -> Value {
    let mut row: Value = serde_json::from_slice(text).unwrap();
    row.as_object_mut().unwrap().remove("_busta_loaded_at").unwrap();
    row
}

fn globbed(table: &Path) -> Vec<Value> {
    let mut rows: Vec<Value> =
        snapshot(table).into_iter().flat_map(|(path, bytes)| rows_of(&path, bytes)).collect();
    rows.sort_by_key(Value::to_string);
    rows
}

fn rows_of(path: &Path, bytes: Vec<u8>) -> Vec<Value> {
    #[cfg(feature = "parquet")]
    if path.extension().is_some_and(|e| e == "parquet") {
        return parquet_rows(path, &bytes);
    }
    let zstd = path.extension().is_some_and(|e| e == "zst");
    let text = if zstd { zstd::decode_all(&bytes[..]).unwrap() } else { bytes };
    assert_eq!(text.last(), Some(&b'\n'), "{} ends with a whole line", path.display());
    text[..text.len() - 1].split(|b| *b == b'\n').map(row).collect()
}

#[cfg(feature = "parquet")]
fn parquet_rows(path: &Path, bytes: &[u8]) -> Vec<Value> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let mut rows = Vec::new();
    let reader = busta_parquet::ParquetReader::open(file).unwrap();
    let is_stac = reader.is_stac();
    for page in if is_stac { reader.as_stamped_items() } else { reader } {
        rows.extend(page.unwrap().iter().map(row));
    }
    let folder = path.parent().and_then(Path::to_str).and_then(|folder| folder.strip_prefix("v="));
    if let Some(value) = folder {
        rows.iter_mut().for_each(|row| row["v"] = value.parse::<u64>().unwrap().into());
    }
    rows
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn snapshot(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Threads write there, and what they write counts for nothing after a crash.
                if !path.ends_with("_busta/ahead") {
                    folders.push(path);
                }
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn restore(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

const MANIFEST: &str = "lake/_busta/manifest.ndjson";

/// The number of the segment that a file holds.
fn number(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?.split('.').next()?;
    name.rsplit('-').next().filter(|n| n.parse::<u64>().is_ok())
}

/// Where the file of a segment is before it is moved into its table's folder.
fn staged(path: &Path, number: &str) -> PathBuf {
    let name = path.file_name().unwrap().to_str().unwrap();
    let extension = name.split_once('.').unwrap().1;
    PathBuf::from(format!("lake/_busta/staging/{number}.{extension}"))
}

/// A crash before the line of the act was whole.
fn crash_before(before: &Files, after: &Files, chance: &mut Chance) -> Files {
    let mut files = before.clone();
    for (path, bytes) in after {
        let manifest = path == Path::new(MANIFEST);
        let is_key = path.starts_with("lake/_busta/keys");
        // Where the file was while the act wrote it: sealed ones came from staging.
        let place = match number(path).filter(|_| !is_key && !path.starts_with("lake/_busta/trash")) {
            Some(n) => staged(path, n),
            None => path.clone(),
        };
        if before.get(path) == Some(bytes) || path.starts_with("lake/_busta/trash") {
            continue;
        }
        let old = before.get(&place).map_or(0, Vec::len);
        assert!(before.get(&place).is_none_or(|old| bytes.starts_with(old)), "{}", place.display());
        let new = (bytes.len() - old) as u64;
        // The manifest's last byte is its line break, without which the line is not whole.
        let kept = old + chance.below(new + u64::from(!manifest)) as usize;
        if kept > 0 || chance.below(2) == 0 {
            files.insert(place, bytes[..kept].to_vec());
        }
    }
    files
}

/// A crash after the line of the act, and before some of the renames and removals.
fn crash_after(before: &Files, after: &Files, chance: &mut Chance) -> Files {
    let mut files = Files::new();
    for (path, bytes) in after {
        if path.starts_with("lake/_busta/keys") {
            // Never synced: anything may be left of it.
            let kept = chance.below(bytes.len() as u64 * 2 + 1).min(bytes.len() as u64) as usize;
            files.insert(path.clone(), bytes[..kept].to_vec());
            continue;
        }
        let sealed_now =
            number(path).is_some() && !before.contains_key(path) && !path.starts_with("lake/_busta");
        let place = match number(path) {
            Some(n) if sealed_now && chance.below(2) == 0 => staged(path, n),
            _ => path.clone(),
        };
        files.insert(place, bytes.clone());
    }
    let here: Vec<String> = files.keys().filter_map(|p| number(p)).map(str::to_owned).collect();
    for (path, bytes) in before {
        let dropped = number(path).is_some_and(|n| !here.iter().any(|h| h == n));
        if dropped && chance.below(2) == 0 {
            files.insert(path.clone(), bytes.clone());
        }
    }
    files
}

async fn check(seed: u64, kind: Kind) {
    let mut chance = Chance(seed | 1);
    let live_folder = tempfile::tempdir().unwrap();
    let live = open(live_folder.path(), kind);
    let mut history = History::default();
    play(&*live, 0, &Act::Begin).await;
    let mut seen = look(&*live, live_folder.path(), 0, kind).await;
    for _ in 0..14 {
        let (run, before) = (history.run, snapshot(live_folder.path()));
        let act = history.draw(&mut chance);
        assert!(play(&*live, history.run, &act).await);
        let after = snapshot(live_folder.path());
        let now = look(&*live, live_folder.path(), history.run, kind).await;

        let folder = restore(&crash_before(&before, &after, &mut chance));
        let again = open(folder.path(), kind);
        assert_eq!(look(&*again, folder.path(), run, kind).await, seen, "crash before {act:?}");
        assert!(play(&*again, history.run, &act).await);
        assert_eq!(
            look(&*again, folder.path(), history.run, kind).await,
            now,
            "{act:?} after a crash before it"
        );

        let folder = restore(&crash_after(&before, &after, &mut chance));
        let again = open(folder.path(), kind);
        assert_eq!(look(&*again, folder.path(), history.run, kind).await, now, "crash after {act:?}");
        if !matches!(act, Act::Finish(_)) {
            let taken = play(&*again, history.run, &act).await;
            let may = matches!(act, Act::Begin | Act::Purge | Act::PurgeFailures);
            assert_eq!(taken, may, "{act:?}");
            assert_eq!(look(&*again, folder.path(), history.run, kind).await, now, "{act:?} again");
        }
        seen = now;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_crash_at_any_byte_leaves_all_or_nothing(seed: u64, zstd: bool) {
        let kind = if zstd { Kind::Zstd } else { Kind::Lines };
        tokio::runtime::Runtime::new().unwrap().block_on(check(seed, kind));
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn nor_does_it_with_parquet(
        seed: u64,
        kind in prop_oneof![Just(Kind::Parquet), Just(Kind::Folders), Just(Kind::Items)],
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(check(seed, kind));
    }
}

/// A row as it is in a table with columns of text, and without the run that brought it: where it says what it said, but
/// as a text, the new one counts.
#[cfg(feature = "parquet")]
fn as_text(mut row: Value) -> String {
    let fields = row.as_object_mut().unwrap();
    fields.remove("_busta_run");
    if let Some(v) = fields.remove("v").filter(|v| !v.is_null()) {
        let text = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        fields.insert("v".into(), text.trim_end_matches(".0").into());
    }
    row.to_string()
}

/// Whether older files are written anew with the types of newer ones makes no difference to what is there.
#[cfg(feature = "parquet")]
async fn widen(seed: u64) {
    let mut chance = Chance(seed | 1);
    let build = |folder: &Path, rewrite: bool| {
        let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
        let keys = json!({"path": "lake", "file_size": 25, "rewrite_widened": rewrite});
        (registry::destination("parquet").unwrap().build)(keys, context).unwrap()
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let lakes = [build(folders[0].path(), true), build(folders[1].path(), false)];
    let mut history = History { mixed: true, ..History::default() };
    let mut acts = vec![Act::Begin];
    acts.extend((0..20).map(|_| history.draw(&mut chance)));
    let mut run = 0;
    for act in acts.into_iter().filter(|act| !matches!(act, Act::Purge)) {
        run += u32::from(matches!(act, Act::Begin));
        let mut sights = Vec::new();
        for (lake, folder) in lakes.iter().zip(&folders) {
            assert!(play(&**lake, run, &act).await);
            let sight = look(&**lake, folder.path(), run, Kind::Parquet).await;
            let rows = sight.rows.into_values().flatten().map(as_text);
            let files = sight.files.into_values().flatten().map(as_text);
            let [mut rows, mut files] = [rows.collect::<Vec<_>>(), files.collect()];
            rows.sort();
            files.sort();
            sights.push((rows, files, sight.positions));
        }
        assert_eq!(sights[0], sights[1], "{act:?}");
        if let Act::Finish(stream) = act {
            let types = types_of(&folders[0].path().join("lake").join(stream));
            assert!(types.len() <= 1, "{stream}: {types:?}");
        }
    }
}

/// What `v` is in the files of a table, but where it is not there.
#[cfg(feature = "parquet")]
fn types_of(table: &Path) -> std::collections::BTreeSet<String> {
    let files = snapshot(table).into_keys().map(|path| fs::File::open(table.join(path)).unwrap());
    let kind = |file| {
        let shape = busta_parquet::ParquetReader::open(file).unwrap().shape().unwrap();
        shape.columns().iter().find(|column| column.name() == "v").map(|column| column.kind().to_string())
    };
    files.filter_map(kind).collect()
}

#[cfg(feature = "parquet")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn wider_types_change_nothing_but_types(seed: u64) {
        tokio::runtime::Runtime::new().unwrap().block_on(widen(seed));
    }
}

/// A row that came back unchanged after its sidecar was lost took the old one's place: read from Parquet, its
/// text is another.
#[cfg(feature = "parquet")]
#[test]
fn an_unchanged_row_is_known_without_its_sidecar() {
    tokio::runtime::Runtime::new().unwrap().block_on(check(13_667_799_786_415_495_853, Kind::Folders));
}
