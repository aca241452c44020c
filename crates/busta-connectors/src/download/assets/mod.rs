//! Assets of STAC items: a stream of downloads below a stream of items.
//!
//! A source that reads items makes one [`Assets`] from its `assets:` section, lists [`Assets::spec`]
//! among its streams, wraps its readers of items in [`WithAssets`], which gives the downloads of each
//! item with its batch, and opens those with [`Assets::open`]. It calls [`Assets::remember`] when it
//! plans.

mod config;
mod item;
mod reader;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_core::connector::{ConfigProblem, SourceContext};
use busta_core::{
    Checkpoint, Cursor, Error, Failure, Position, Reader, Result, Split, Stage, StreamName, StreamSpec,
    WriteMode,
};
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Map, Value};
use url::Url;

use self::item::{Asset, Item, address, ending, name};
use super::folder::{Folder, Rules};
use super::kept::is_recorded;
use super::reach::Reach;
use super::reader::DownloadReader;
use super::task::Task;
use super::template::Template;
use crate::http::{HttpClient, shown_url};
pub use config::AssetsConfig;
pub use reader::WithAssets;

/// What a path may be made of.
const VALUES: &[&str] = &["collection", "id", "asset", "name", "ext", "year", "month", "day"];

/// The stream's name.
const STREAM: &str = "assets";

/// The stream of a source's assets.
pub struct Assets {
    spec: StreamSpec,
    include: GlobSet,
    exclude: GlobSet,
    roles: Vec<String>,
    path: Template,
    rewrite: BTreeMap<String, String>,
    /// Where relative paths of files start.
    base_dir: PathBuf,
    folder: Arc<Folder>,
    client: HttpClient,
}

impl Assets {
    /// The stream that `config` describes, of the items of stream `items`; or everything that is wrong,
    /// with paths below the section's own. `client` is the source's: its credentials go to their own
    /// origin only, wherever assets lie. `homes` are the files and folders of this machine that the items are read
    /// from: what lies there may be copied, and nothing if there are none. Does no I/O.
    pub fn new(
        config: &AssetsConfig,
        context: &SourceContext,
        items: &StreamName,
        client: HttpClient,
        homes: &[PathBuf],
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let include = globs("include", &config.include, &mut problems);
        let exclude = globs("exclude", &config.exclude, &mut problems);
        let path = Template::parse(&config.path, VALUES)
            .map_err(|why| problems.push(ConfigProblem::new("path", format!("`{}` {why}", config.path))));
        if config.include.is_empty() {
            problems.push(ConfigProblem::new("include", "names no asset; leave it out to have all"));
        }
        if config.rewrite.contains_key("") {
            problems.push(ConfigProblem::new("rewrite", "an empty beginning is that of every link"));
        }
        if homes.is_empty() && !config.copy_from.is_empty() {
            let why = "needs `path`: a catalogue on the web is never given files of this machine";
            problems.push(ConfigProblem::new("copy_from", why));
        }
        problems.extend(config.ranges.problems("ranges."));
        let (Some(include), Some(exclude), Ok(path), []) = (include, exclude, path, problems.as_slice())
        else {
            return Err(problems);
        };
        let mut spec = StreamSpec::new(STREAM, vec!["path".to_owned()]);
        spec.table = config.table.clone();
        spec.parent = Some(items.clone());
        let rules = Rules {
            require_checksum: config.require_checksum,
            max_size: config.max_size.map(|size| size.0),
            ranges: config.ranges,
        };
        // An empty path is no folder, but `.` is.
        let base_dir = Path::new(".").join(&context.base_dir);
        let reach =
            Reach::new(homes.iter().chain(&config.copy_from).map(|path| base_dir.join(path)).collect());
        let folder = Folder::new(context.base_dir.join(&config.folder), rules).reaching(reach);
        Ok(Self {
            spec,
            include,
            exclude,
            roles: config.roles.clone(),
            path,
            rewrite: config.rewrite.clone(),
            base_dir,
            folder: Arc::new(folder),
            client,
        })
    }

    /// The stream.
    pub fn spec(&self) -> &StreamSpec {
        &self.spec
    }

    /// The folder that they go to.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// Has the stream replaced by each run, as that of its items is: then every file gives its record,
    /// also if it need not be fetched. Without this, a file's record replaces its older self.
    #[must_use]
    pub fn replaced(mut self) -> Self {
        self.spec.write_mode = WriteMode::Replace;
        self
    }

    /// Learns from the checkpoint which files need no request, and which are still under way.
    pub fn remember(&self, from: &Checkpoint) {
        let states = from.splits.values().filter(|state| state.position != Position::Done);
        let open = states.filter_map(|state| state.found.as_ref());
        let open = open.filter(|split| split.stream == self.spec.name);
        self.folder.keep_parts(open.filter_map(|split| Some(split.decode::<Task>().ok()?.path)));
        self.folder.begin((self.spec.write_mode != WriteMode::Replace).then_some(from));
    }

    /// The address of a file that items are read from, for [`find`](Self::find).
    pub fn file(&self, path: &str) -> Option<Url> {
        Url::from_file_path(std::path::absolute(self.base_dir.join(path)).ok()?).ok()
    }

    /// The downloads of an item, a JSON text that was found on `page`, and what cannot be downloaded. What an earlier run
    /// has left and recorded, and what is still wanted, is not named. Looks at the disk.
    pub fn find(&self, item: &[u8], page: Option<&Url>) -> (Vec<Split>, Vec<Failure>) {
        let item: Item = match serde_json::from_slice(item) {
            Ok(item) => item,
            Err(error) => {
                let error = Error::data(format!("the assets of an item cannot be read: {error}"));
                return (Vec::new(), vec![Failure::item(Stage::Parse, "assets", &error, Some(item))]);
            }
        };
        let (mut splits, mut failures) = (Vec::new(), Vec::new());
        for (key, asset) in item.assets.iter().filter(|(key, asset)| self.wants(key, asset)) {
            match self.split(&item, key, asset, page) {
                Ok(split) => splits.extend(split),
                Err(error) => {
                    let place = format!("item {}, asset {key}", item.id);
                    // Signed links are secrets.
                    let link =
                        Url::parse(&asset.href).map_or_else(|_| asset.href.clone(), |url| shown_url(&url));
                    failures.push(Failure::item(Stage::Parse, place, &error, Some(link.as_bytes())));
                }
            }
        }
        (splits, failures)
    }

    /// A reader of one of these splits.
    pub fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(DownloadReader::new(self.folder.clone(), self.client.clone(), split, at)?))
    }

    fn wants(&self, key: &str, asset: &Asset) -> bool {
        let has_role = || asset.roles.iter().any(|role| self.roles.contains(role));
        self.include.is_match(key) && !self.exclude.is_match(key) && (self.roles.is_empty() || has_role())
    }

    /// Where an asset of an item on `page` is. On this machine only if the item is too: then its file, or else its place
    /// beside the item's address on the web.
    fn place(&self, item: &Item, asset: &Asset, page: Option<&Url>) -> Result<Url> {
        // Of two that fit, the longer comes later.
        let beginning = self.rewrite.iter().rev().find(|(old, _)| asset.href.starts_with(*old));
        let href = match beginning {
            Some((old, new)) => Cow::Owned(format!("{new}{}", &asset.href[old.len()..])),
            None => Cow::Borrowed(&*asset.href),
        };
        let base = item.base(page);
        let file = page.filter(|page| page.scheme() == "file").and_then(|page| page.join(&href).ok());
        match file.filter(|url| url.scheme() == "file") {
            Some(file) => match self.folder.reach().find(&file) {
                Ok(_) => Ok(file),
                Err(error) => address(&href, base.as_ref()).map_err(|_| error),
            },
            None => address(&href, base.as_ref()),
        }
    }

    fn split(&self, item: &Item, key: &str, asset: &Asset, page: Option<&Url>) -> Result<Option<Split>> {
        let place = self.place(item, asset, page);
        let url = place.map_err(|error| error.at(format_args!("asset {key} of item {}", item.id)))?;
        let collection = item.collection.as_deref().unwrap_or("_");
        let path = self.path.path(|value| match value {
            "collection" => collection.to_owned(),
            "id" => item.id.clone(),
            "asset" => key.to_owned(),
            "name" => name(&url).to_owned(),
            "ext" => ending(&url, asset.media_type.as_deref()),
            date => item.date_part(date),
        });
        let text = |value: &str| Value::String(value.to_owned());
        let about = Map::from_iter([
            ("collection".to_owned(), item.collection.as_deref().map_or(Value::Null, text)),
            ("item".to_owned(), text(&item.id)),
            ("asset".to_owned(), text(key)),
        ]);
        let host = (url.scheme() != "file").then(|| self.client.host_key(&url));
        let task = Task { url, path, expected: asset.expected(), about };
        let id = [STREAM, collection, &item.id, key].map(escaped).join("/");
        // What is wrong with it is told by its own reader.
        if is_recorded(&self.folder, &task) && self.folder.admit(&task, &id).is_ok() {
            return Ok(None);
        }
        Split::new(id, self.spec.name.clone(), host, &task).map(Some)
    }
}

fn globs(key: &str, patterns: &[String], problems: &mut Vec<ConfigProblem>) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        match Glob::new(pattern) {
            Ok(glob) => {
                set.add(glob);
            }
            Err(error) => problems.push(ConfigProblem::new(&format!("{key}.{index}"), error.to_string())),
        }
    }
    set.build().map_err(|error| problems.push(ConfigProblem::new(key, error.to_string()))).ok()
}

/// A part of a split's id: `a/b` and `c` are not `a` and `b/c`.
fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace('/', "%2F")
}
