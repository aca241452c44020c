//! The configuration, checked, and what all readers of a source share.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::connector::{Built, SourceContext};
use busta_core::meter::Meter;
use busta_core::units::Span;
use busta_core::{
    Checkpoint, Cursor, Error, HostKey, Position, Result, Split, StreamName, StreamSpec, WriteMode,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::check;
use super::config::{ArchiveConfig, Missing, Order, PeriodKey};
use super::layout::{DataType, Discover, Layout, Table};
use super::path::PathPattern;
use super::preset;
use super::sums::SharedSums;
use super::wanted::{Values, Wanted};
use super::work::{FilesOf, Object, Work};
use crate::download::{Folder, Rules, safe_path};
use crate::http::{Auth, AuthSettings, HttpClient};
use crate::sources::api::problems::Problems;

/// The names of the streams that are not rows.
const LISTINGS: &str = "listings";
const FILES: &str = "files";
const QUALITY: &str = "quality";

/// What stands before the path in the start cursor of a file's rows.
const ROWS: &str = "rows:";

/// A source, ready to be read.
pub struct Archive {
    /// Where the paths of files start; ends with a slash.
    pub base: Url,
    /// How it is found out which files there are.
    pub discover: Discover,
    /// Where listings are, which end with a slash: the bucket, or `base`.
    pub lists: Url,
    /// Sends requests, with credentials.
    pub client: HttpClient,
    /// Whether it has any.
    pub has_credentials: bool,
    /// Where bytes from files are counted.
    pub meter: Arc<dyn Meter>,
    /// Which files are wanted.
    pub wanted: Wanted,
    /// Files of days or of months.
    pub period: PeriodKey,
    /// Which first.
    pub order: Order,
    /// What a missing file means.
    pub missing: Missing,
    /// When a verified file is not asked about any more.
    pub recheck: Option<Span>,
    /// The paths of files, by the time they hold.
    pub patterns: BTreeMap<FilesOf, PathPattern>,
    /// The same with the values put in of which there is only one, for the names of a listing.
    pub listed: BTreeMap<FilesOf, PathPattern>,
    /// The path of the file that holds a file's checksum.
    pub checksum: Option<String>,
    /// Whether an ETag of S3 may be an MD5.
    pub etag_is_md5: bool,
    /// The rows, if they are wanted.
    pub table: Option<Arc<Table>>,
    /// The stream of listings, which has no records: what is found in it waits while there is much to fetch.
    pub listings: Option<StreamSpec>,
    /// The stream of files.
    pub files: StreamSpec,
    /// The streams of rows and of what is told about them.
    pub rows: Option<(StreamSpec, StreamSpec)>,
    /// Where files go.
    pub folder: Arc<Folder>,
    /// Files that were there, and that were not, as far as this process has looked.
    pub found: Found,
    /// Side files that are about many files.
    pub sums: SharedSums,
    /// Which rows are there, by path.
    versions: Mutex<HashMap<String, Cursor>>,
}

/// How many files were there.
#[derive(Debug, Default)]
pub struct Found {
    /// How many the plan names, if it names them all.
    pub planned: AtomicU64,
    /// How many of them were there.
    pub there: AtomicU64,
    /// How many were not.
    pub missing: AtomicU64,
    /// How many folders are still to be looked into.
    pub folders: AtomicI64,
}

impl Archive {
    /// Checks `config` and compiles it; all problems at once.
    pub fn new(config: ArchiveConfig, context: &SourceContext) -> Built<Self> {
        let mut problems = Problems::default();
        let layout = layout(&config, &mut problems);
        let Some(layout) = layout else { return Err(problems.finish()) };
        let discover = discover(&config, &layout);
        let base = base(&config, &layout, &discover, &mut problems);
        let data_type = data_type(&config, &layout, &mut problems);
        let (Some(base), Some(data_type)) = (base, data_type) else { return Err(problems.finish()) };
        let lists = lists(&base, &discover, &mut problems);
        let auth = Auth::new(&config.auth, &base);
        let auth = auth.map_err(|message| problems.add("auth", message)).unwrap_or_else(|()| Auth::none());
        let patterns = patterns(&data_type, config.period, &mut problems);
        let wanted = wanted(&config, &data_type, &patterns, &mut problems);
        let listed = listed(&patterns, &wanted);
        if discover == Discover::Template {
            check_template(&wanted, &patterns, &mut problems);
        }
        problems.take(config.ranges.problems("ranges."));
        let table = data_type.table.filter(|_| config.convert).map(Arc::new);
        check_table(&data_type.name, table.as_deref(), &patterns, &mut problems);
        let listings = (discover != Discover::Template).then(|| StreamSpec::new(LISTINGS, Vec::new()));
        let (mut files, rows) = streams(&config, &data_type.name, table.as_deref(), &mut problems);
        files.parent = listings.as_ref().map(|stream| stream.name.clone());
        let rules = Rules {
            require_checksum: config.require_checksum,
            max_size: config.max_size.map(|size| size.0),
            ranges: config.ranges,
        };
        let folder =
            config.folder.clone().unwrap_or_else(|| Path::new("archives").join(context.name.as_str()));
        let problems = problems.finish();
        let Some(lists) = lists.filter(|_| problems.is_empty()) else { return Err(problems) };
        Ok(Self {
            base,
            discover,
            lists,
            client: HttpClient::new(context).with_auth(auth),
            has_credentials: !matches!(config.auth, AuthSettings::None),
            meter: context.meter.clone(),
            wanted,
            period: config.period,
            order: config.order,
            missing: config.missing,
            recheck: config.recheck,
            listed,
            patterns,
            checksum: layout.checksum,
            etag_is_md5: config.etag_is_md5,
            table,
            listings,
            files,
            rows,
            folder: Arc::new(Folder::new(context.base_dir.join(folder), rules)),
            found: Found::default(),
            sums: SharedSums::default(),
            versions: Mutex::default(),
        })
    }

    /// Today in UTC.
    pub fn today(&self) -> NaiveDate {
        self.client.now().date_naive()
    }

    /// Whose limits requests for listings count against.
    pub fn list_host(&self) -> HostKey {
        self.client.host_key(&self.lists)
    }

    /// Where the file of that path in the repository is.
    pub fn url_of(&self, key: &str) -> Url {
        below(self.base.clone(), key)
    }

    /// Where a file is.
    pub fn where_is(&self, object: &Object) -> Url {
        object.url.clone().unwrap_or_else(|| self.url_of(&object.key))
    }

    /// The file on this machine.
    pub fn path_of(&self, key: &str) -> String {
        safe_path(key)
    }

    /// The stream of listings.
    pub fn listings_stream(&self) -> Result<StreamName> {
        self.listings.as_ref().map(|listings| listings.name.clone()).ok_or_else(|| {
            Error::config("files are not listed any more")
                .hint("start a new run instead of resuming this one")
        })
    }

    /// The stream of rows.
    pub fn rows_stream(&self) -> Result<StreamName> {
        self.rows.as_ref().map(|(rows, _)| rows.name.clone()).ok_or_else(no_rows)
    }

    /// The stream of what is told about rows.
    pub fn quality_stream(&self) -> Result<StreamName> {
        self.rows.as_ref().map(|(_, quality)| quality.name.clone()).ok_or_else(no_rows)
    }

    /// Learns from the checkpoint which files and rows are there, and which downloads are under way.
    pub fn remember(&self, from: &Checkpoint) {
        let open = from.splits.values().filter(|state| state.position != Position::Done);
        let open = open.filter_map(|state| state.found.as_ref()).filter_map(object_of);
        self.folder.keep_parts(open.map(|object| self.path_of(&object.key)));
        self.folder.begin(Some(from));
        let version =
            |(key, cursor): (&String, &Cursor)| Some((key.strip_prefix(ROWS)?.to_owned(), cursor.clone()));
        *self.versions() = from.starts.iter().filter_map(version).collect();
        for count in [&self.found.planned, &self.found.there, &self.found.missing] {
            count.store(0, Ordering::Relaxed);
        }
        self.found.folders.store(0, Ordering::Relaxed);
        self.sums.forget_all();
    }

    /// Which rows of the file at `path` are there.
    pub fn rows_there(&self, path: &str) -> Option<RowsThere> {
        self.versions().get(path)?.decode().ok()
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<String, Cursor>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The URL of what is at `path` below a folder.
pub fn below(mut folder: Url, path: &str) -> Url {
    if let Ok(mut segments) = folder.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    folder
}

/// Which rows of a file are there: the start cursor under [`RowsThere::start`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsThere {
    /// Those of this content and table: see [`super::version`].
    pub version: String,
    /// What has not been told about them yet. If a run dies before it is, the next one tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<Map<String, Value>>,
}

impl RowsThere {
    /// The start cursor for the rows of the file at `path`.
    pub fn start(&self, path: &str) -> Result<(String, Cursor)> {
        Ok((format!("{ROWS}{path}"), Cursor::encode(self)?))
    }
}

fn object_of(split: &Split) -> Option<Object> {
    match split.decode() {
        Ok(Work::Fetch(object)) => Some(*object),
        _ => None,
    }
}

fn no_rows() -> Error {
    Error::config("the rows of the files are not wanted any more")
        .hint("start a new run instead of resuming this one")
}

fn layout(config: &ArchiveConfig, problems: &mut Problems) -> Option<Layout> {
    match (&config.preset, &config.layout) {
        (Some(_), Some(_)) => problems.add("layout", "cannot go with `preset`; leave one of them out"),
        (None, None) => problems.add(
            "preset",
            format!(
                "is missing; name one of {}, or describe the repository as `layout`",
                preset::presets().collect::<Vec<_>>().join(", ")
            ),
        ),
        (None, Some(layout)) => return Some(layout.clone()),
        (Some(name), None) => match preset::preset(name) {
            Some(layout) => return Some(layout),
            None => problems.add(
                "preset",
                format!("knows no `{name}`; there are {}", preset::presets().collect::<Vec<_>>().join(", ")),
            ),
        },
    }
    None
}

fn discover(config: &ArchiveConfig, layout: &Layout) -> Discover {
    match (&config.discover, &layout.discover) {
        (Some(discover), _) => discover.clone(),
        // Another place has another bucket.
        (None, Discover::S3 { .. }) if config.base_url.is_some() => Discover::S3 { url: None },
        (None, discover) => discover.clone(),
    }
}

fn base(
    config: &ArchiveConfig,
    layout: &Layout,
    discover: &Discover,
    problems: &mut Problems,
) -> Option<Url> {
    let bucket = match discover {
        Discover::S3 { url } => url.as_ref(),
        _ => None,
    };
    let Some(text) = config.base_url.as_ref().or(layout.base_url.as_ref()).or(bucket) else {
        problems.add("base_url", "is missing");
        return None;
    };
    web("base_url", text, problems)
}

/// A URL of a folder.
fn web(key: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    match Url::parse(text) {
        Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
            url.set_fragment(None);
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            Some(url)
        }
        Ok(url) => {
            problems.add(key, format!("cannot be read by `{}`, only by http and https", url.scheme()));
            None
        }
        Err(error) => {
            problems.add(key, format!("`{text}` is no URL: {error}"));
            None
        }
    }
}

fn lists(base: &Url, discover: &Discover, problems: &mut Problems) -> Option<Url> {
    // A manifest is a file and no folder; the name of a bucket in a path has no slash behind it when it is asked for
    // its list.
    let text = match discover {
        Discover::Manifest { url } | Discover::S3 { url: Some(url) } => url,
        _ => return Some(base.clone()),
    };
    match base.join(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        Ok(url) => {
            problems.add("discover", format!("cannot be read by `{}`, only by http and https", url.scheme()));
            None
        }
        Err(error) => {
            problems.add("discover", format!("`{text}` is no URL: {error}"));
            None
        }
    }
}

fn data_type(config: &ArchiveConfig, layout: &Layout, problems: &mut Problems) -> Option<DataType> {
    let in_market = |data: &&DataType| {
        let market = config.market.as_ref();
        data.markets.is_empty() || market.is_some_and(|market| data.markets.contains(market))
    };
    let named = |data: &&DataType| config.data_type.as_ref().is_none_or(|name| *name == data.name);
    let fitting: Vec<&DataType> = layout.data_types.iter().filter(named).filter(in_market).collect();
    if let [only] = fitting.as_slice() {
        return Some((*only).clone());
    }
    let mut names: Vec<&str> =
        layout.data_types.iter().filter(in_market).map(|data| data.name.as_str()).collect();
    let mut markets: Vec<&str> =
        layout.data_types.iter().filter(named).flat_map(|data| &data.markets).map(String::as_str).collect();
    names.dedup();
    markets.sort_unstable();
    markets.dedup();
    match (&config.data_type, &config.market) {
        (Some(name), None) if !markets.is_empty() => {
            problems.add("market", format!("is missing; `{name}` is offered in {}", markets.join(", ")));
        }
        (Some(name), Some(market)) if !markets.is_empty() => {
            problems.add(
                "market",
                format!("`{market}` has no `{name}`; it is offered in {}", markets.join(", ")),
            );
        }
        (Some(name), _) => {
            let all: std::collections::BTreeSet<&str> =
                layout.data_types.iter().map(|data| data.name.as_str()).collect();
            let all: Vec<&str> = all.into_iter().collect();
            problems.add("data_type", format!("knows no `{name}`; there are {}", all.join(", ")));
        }
        (None, _) if layout.data_types.is_empty() => {
            problems.within("layout", None, |p| p.add("data_types", "is empty"))
        }
        (None, None) if names.is_empty() => {
            problems.add("market", format!("is missing; there are {}", markets.join(", ")));
        }
        (None, _) => {
            problems.add("data_type", format!("is missing; there are {}", names.join(", ")));
        }
    }
    None
}

type Patterns = BTreeMap<FilesOf, PathPattern>;

fn patterns(data: &DataType, period: PeriodKey, problems: &mut Problems) -> Patterns {
    let all = [(FilesOf::Days, &data.daily), (FilesOf::Months, &data.monthly), (FilesOf::Any, &data.files)];
    let is_asked = |of: FilesOf| match period {
        PeriodKey::Auto => true,
        PeriodKey::Daily => of != FilesOf::Months,
        PeriodKey::Monthly => of != FilesOf::Days,
    };
    let (mut patterns, mut is_broken) = (BTreeMap::new(), false);
    for (of, text) in all {
        let Some(text) = text.as_ref().filter(|_| is_asked(of)) else { continue };
        match PathPattern::parse(text) {
            Ok(pattern) if !of.has(pattern.grain()) => {
                is_broken = true;
                problems.add("layout", format!("the path `{text}` of `{}` {}", data.name, of.lacks()));
            }
            Ok(pattern) => {
                patterns.insert(of, pattern);
            }
            Err(why) => {
                is_broken = true;
                problems.add("layout", format!("the path `{text}` of `{}` {why}", data.name));
            }
        }
    }
    let has_any = data.daily.is_some() || data.monthly.is_some() || data.files.is_some();
    if has_any && patterns.is_empty() && !is_broken {
        let (is, not) = if period == PeriodKey::Daily { ("months", "daily") } else { ("days", "monthly") };
        problems.add("period", format!("cannot be {not}: `{}` comes in {is} only", data.name));
    }
    patterns
}

fn wanted(
    config: &ArchiveConfig,
    data: &DataType,
    patterns: &BTreeMap<FilesOf, PathPattern>,
    problems: &mut Problems,
) -> Wanted {
    let mut values = BTreeMap::new();
    let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    values.insert("market".to_owned(), Values::new("market", &one(&config.market), problems));
    values
        .insert("data_type".to_owned(), Values::new("data_type", std::slice::from_ref(&data.name), problems));
    values.insert("symbol".to_owned(), Values::new("symbols", &config.symbols.0, problems));
    values.insert("interval".to_owned(), Values::new("intervals", &config.intervals.0, problems));
    let is_used = |name: &str| patterns.values().any(|pattern| pattern.values().any(|value| value == name));
    for (name, texts) in &config.values {
        if !is_used(name) {
            problems.within("values", None, |p| p.add(name, "stands in no path of this data type"));
        }
        values.insert(name.clone(), Values::new("values", &texts.0, problems));
    }
    for (key, name, texts) in
        [("symbols", "symbol", &config.symbols.0), ("intervals", "interval", &config.intervals.0)]
    {
        if !texts.is_empty() && !is_used(name) {
            problems.add(key, format!("cannot choose: no path of `{}` has `{{{name}}}`", data.name));
        }
    }
    if let (Some(from), Some(to)) = (config.from, config.to)
        && from > to
    {
        problems.add("to", "is before `from`");
    }
    Wanted::new(values, (config.from, config.to), (&config.include, &config.exclude), problems)
}

/// The patterns with the values put in of which there is only one.
fn listed(patterns: &Patterns, wanted: &Wanted) -> Patterns {
    let only = |name: &str| wanted.values.get(name).and_then(Values::only);
    patterns.iter().map(|(of, pattern)| (*of, pattern.with(only))).collect()
}

/// What paths can only be made of.
fn check_template(wanted: &Wanted, patterns: &BTreeMap<FilesOf, PathPattern>, problems: &mut Problems) {
    if patterns.is_empty() {
        problems.add("discover", "is needed: the layout has no paths to make names of");
    }
    let names: std::collections::BTreeSet<&str> = patterns.values().flat_map(PathPattern::values).collect();
    for name in names {
        if wanted.values.get(name).is_some_and(Values::are_fixed) {
            continue;
        }
        match name {
            "symbol" => problems.add("symbols", "has to name them all, where files are not listed"),
            "interval" => problems.add("intervals", "has to name them all, where files are not listed"),
            "market" => problems.add("market", "is missing"),
            _ => problems
                .within("values", None, |p| p.add(name, "has to be named, where files are not listed")),
        }
    }
    let has_time = patterns.keys().any(|of| *of != FilesOf::Any);
    if has_time && wanted.from.is_none() {
        problems.add("from", "is missing: the first day");
    }
}

/// What is wrong with a table of a layout.
fn check_table(name: &str, table: Option<&Table>, patterns: &Patterns, problems: &mut Problems) {
    let Some(table) = table else { return };
    let values = patterns.values().flat_map(PathPattern::values).collect();
    for (place, clause) in check::problems(table, &values) {
        problems.add("layout", format!("the table of `{name}`: {place} {clause}"));
    }
}

fn streams(
    config: &ArchiveConfig,
    name: &str,
    table: Option<&Table>,
    problems: &mut Problems,
) -> (StreamSpec, Option<(StreamSpec, StreamSpec)>) {
    let mut files = StreamSpec::new(FILES, vec!["path".to_owned()]);
    files.table.clone_from(&config.files_table);
    let Some(table) = table else { return (files, None) };
    if [LISTINGS, FILES, QUALITY].contains(&name) {
        problems.add("data_type", format!("cannot be called `{name}`, which is a stream of its own"));
    }
    let mut rows = StreamSpec::new(name, table.primary_key.clone());
    rows.parent = Some(files.name.clone());
    if let Some(table) = &config.table {
        rows.table.clone_from(table);
    }
    match config.write_mode {
        Some(WriteMode::Merge) if rows.primary_key.is_empty() => {
            problems.add("write_mode", "cannot be `merge`: the table has no primary key");
        }
        Some(WriteMode::Replace) => {
            problems.add("write_mode", "cannot be `replace`: files that have not changed are not read again");
        }
        Some(mode) => rows.write_mode = mode,
        None => {}
    }
    let mut quality = StreamSpec::new(QUALITY, vec!["path".to_owned()]);
    quality.table.clone_from(&config.quality_table);
    quality.parent = Some(rows.name.clone());
    let tables = [&files.table, &rows.table, &quality.table];
    if tables[0] == tables[1] || tables[1] == tables[2] || tables[0] == tables[2] {
        problems.add("table", "is that of other records: rows, files and quality need a table each");
    }
    (files, Some((rows, quality)))
}
