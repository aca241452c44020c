//! Every feed of feedparser's test suite (2,277, of which 2,092 say what to expect) through our parser:
//! none may panic or take long, and what the expectations say about fields that we store must hold.
//!
//! The suite comes from PyPI (`scripts/fetch_feedparser_corpus.py`) into `target/tmp`, and is fetched by
//! this test. Without a network the test says that it was skipped, except under `CI=true`, where it fails.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests may")]

mod expectation;
mod fields;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use busta_connectors::sources::rss::feed::{charset, parse};
use url::Url;

/// What the share of kept expectations must not fall below, in percent.
const FLOOR: f64 = 95.0;

/// The expectations that do not hold, and why; none of them is about decoding. Everything else must.
const KNOWN: &[(&str, &str)] = &[
    ("encoding/bozo_linenoise.xml", "bytes without any meaning; ours is as good a guess"),
    ("encoding/demoronize-3.xml", "references inside HTML are stored as they are given"),
    ("wellformed/sgml/charref_uppercase_x.xml", "references inside HTML are stored as they are given"),
    ("wellformed/rss/item_description_not_a_doctype.xml", "HTML is stored as it is given"),
    ("wellformed/atom/entry_published_parsed_date_overwriting.xml", "of two dates the first is taken"),
    ("wellformed/atom/entry_updated_multiple_values.xml", "of two dates the first is taken"),
    ("wellformed/base/http_entry_id_base", "an id is no link: it is stored as it is given"),
    ("wellformed/http/headers_content_location", "the header Content-Location is not heeded (RFC 7231, B)"),
    ("wellformed/lang/http_content_language.xml", "the header Content-Language is not heeded"),
    ("wellformed/lang/item_dc_language.xml", "an entry with nothing but a language is none"),
    ("wellformed/node_precedence", "two entries with the same id are one"),
];

/// For all feeds together, in an unoptimized build.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The suite's own server: where feeds are served from, expectations about links name it.
const SERVER: &str = "http://127.0.0.1:8097/tests/";

#[test]
fn feeds_are_read_as_the_suite_expects() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus);
    assert!(files.len() > 2000, "only {} feeds in {}", files.len(), corpus.display());
    let started = Instant::now();
    let mut tally = Tally::default();
    for file in &files {
        let name = file.strip_prefix(&corpus).unwrap().to_string_lossy().replace('\\', "/");
        tally.feed(&name, &fs::read(file).unwrap());
    }
    let took = started.elapsed();
    let report = tally.report(files.len(), took);
    println!("{report}");
    fs::write(misses_file(), format!("{report}\n{}", tally.misses.join("\n"))).unwrap();
    assert!(took < TIME_LIMIT, "the suite took {took:?}");
    let total = tally.total();
    assert!(
        total.share() >= FLOOR,
        "{:.1} % of {} hold; see {}",
        total.share(),
        total.all,
        misses_file().display()
    );
    let known = |miss: &&String| !KNOWN.iter().any(|(feed, _)| miss.starts_with(feed));
    let new: Vec<_> = tally.misses.iter().filter(known).collect();
    assert!(new.is_empty(), "these expectations hold no longer: {new:#?}");
}

/// The suite's folder, fetched if need be; `None` if it cannot be had.
fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("feedparser-6.0.14");
    if folder.is_dir() {
        return Some(folder);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch_feedparser_corpus.py");
    let result = Command::new("python3").arg(script).arg(&folder).status();
    if result.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "feedparser's test suite cannot be fetched: {result:?}");
    println!(
        "SKIPPED: feedparser's test suite cannot be fetched ({result:?}); it needs Python, pip and PyPI"
    );
    None
}

fn misses_file() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("feedparser-misses.txt")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
    let entries = walk.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    entries
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|e| e != "py"))
        .collect()
}

#[derive(Clone, Copy, Default)]
struct Share {
    held: usize,
    all: usize,
}

impl Share {
    fn count(&mut self, holds: bool) {
        self.all += 1;
        self.held += usize::from(holds);
    }

    fn share(self) -> f64 {
        100.0 * self.held as f64 / self.all.max(1) as f64
    }
}

#[derive(Default)]
struct Tally {
    folders: BTreeMap<String, Share>,
    fields: BTreeMap<String, Share>,
    misses: Vec<String>,
    entries: usize,
}

impl Tally {
    /// Reads a feed and checks its expectation.
    fn feed(&mut self, name: &str, bytes: &[u8]) {
        let text = readable(bytes);
        let header = |name: &str| {
            let line =
                text.lines().find_map(|line| line.trim().strip_prefix("Header:")?.trim().strip_prefix(name));
            line.map(|value| value.trim_start_matches(':').trim().to_owned())
        };
        let served = name.rsplit('/').next().is_some_and(|file| file.starts_with("http"));
        let place = header("Content-Location").or_else(|| served.then(|| format!("{SERVER}{name}")));
        let charset = header("Content-type").and_then(|kind| Some(kind.split_once("charset=")?.1.to_owned()));
        let url = place.and_then(|place| Url::parse(&place).ok());
        let feed = parse(bytes, charset.as_deref(), url.as_ref());
        self.entries += feed.as_ref().map_or(0, |feed| feed.entries.len());
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(expectation) = expectation::find(&text).filter(|_| applies(folder, &text, bytes)) else {
            return;
        };
        let feed = feed.unwrap_or_default();
        for comparison in expectation::comparisons(expectation) {
            let Some(result) = fields::holds(&comparison, &feed, bytes) else { continue };
            self.folders.entry(folder.to_owned()).or_default().count(result.is_ok());
            let field = comparison.path.replace(char::is_numeric, "").replace("..", ".");
            self.fields.entry(field).or_default().count(result.is_ok());
            if let Err(found) = result {
                self.misses
                    .push(format!("{name}: {} is {found}, not {:?}", comparison.path, comparison.value));
            }
        }
    }

    fn total(&self) -> Share {
        let add = |sum: Share, next: &Share| Share { held: sum.held + next.held, all: sum.all + next.all };
        self.folders.values().fold(Share::default(), add)
    }

    fn report(&self, files: usize, took: Duration) -> String {
        let total = self.total();
        let mut out = format!(
            "{files} feeds, {} entries in {took:?}; {} of {} expectations about stored fields hold ({:.1} %)\n",
            self.entries,
            total.held,
            total.all,
            total.share()
        );
        for (name, share) in self.folders.iter().chain(&self.fields) {
            let _ =
                writeln!(out, "  {:>5} of {:>5}  {:>5.1} %  {name}", share.held, share.all, share.share());
        }
        out
    }
}

/// Whether a feed's expectation is about what we do. The folder `sanitize` is about removing markup from
/// texts, which are stored here as they are given; and some encodings (DOS code pages) no one reads.
fn applies(folder: &str, text: &str, bytes: &[u8]) -> bool {
    let declared = text.split_once("encoding=").and_then(|(_, rest)| rest[1..].split(['"', '\'']).next());
    let decodable = bytes.contains(&0) || declared.is_none_or(|label| charset::known(label).is_some());
    !folder.ends_with("sanitize") && decodable
}

/// The ASCII in a feed of any encoding.
fn readable(bytes: &[u8]) -> String {
    let plain: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&plain).into_owned()
}
