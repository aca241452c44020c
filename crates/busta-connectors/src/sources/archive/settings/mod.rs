//! The configuration, checked, and what all readers of a source share.
//!
//! `offer` chooses what of a layout is meant, `place` says where it is, `paths` which files are wanted, `streams` what
//! comes of them.

mod offer;
mod paths;
mod place;
mod streams;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::connector::{Built, SourceContext};
use busta_core::meter::Meter;
use busta_core::units::Span;
use busta_core::{Checkpoint, Cursors, Error, HostKey, Position, Result, Split, StreamName, StreamSpec};
use chrono::NaiveDate;
use url::Url;

use super::config::{ArchiveConfig, Missing, Order, PeriodKey};
use super::layout::{Discover, Table};
use super::member;
use super::missing::Missed;
use super::path::PathPattern;
use super::sums::SharedSums;
use super::version::{ROWS, RowsThere};
use super::wanted::Wanted;
use super::work::{FilesOf, Object, Work};
use crate::download::{Folder, Rules, safe_path};
use crate::http::{Auth, AuthSettings, HttpClient};
use crate::sources::api::problems::Problems;
use offer::{data_type, layout};
use paths::{check_periods, check_table, check_template, listed, patterns, wanted};
use place::{base, discover, headers, lists, may_be_credentials};
use streams::{listings, replaces, streams};

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
    /// How members of archives are called, if their names say something.
    pub members: Option<PathPattern>,
    /// The rows, if they are wanted.
    pub table: Option<Arc<Table>>,
    /// The stream of listings, which has no records: what is found in it waits while there is much to fetch.
    pub listings: Option<StreamSpec>,
    /// The stream of files.
    pub files: StreamSpec,
    /// The streams of rows and of what is told about them.
    pub rows: Option<(StreamSpec, StreamSpec)>,
    /// Whether rows of a file that has changed may join the table in which its older rows are: they replace them by
    /// their key, or the operator wants both.
    pub replaces: bool,
    /// Where files go.
    pub folder: Arc<Folder>,
    /// Files that were there, and that were not, as far as this process has looked.
    pub found: Found,
    /// Side files that are about many files.
    pub sums: SharedSums,
    /// Files that are not there.
    pub missed: Missed,
    /// What earlier runs have left.
    starts: Mutex<Cursors>,
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
        let headers = headers(&config.headers, &mut problems);
        let has_credentials =
            !matches!(config.auth, AuthSettings::None) || headers.iter().any(may_be_credentials);
        let patterns = patterns(&data_type, config.period, &mut problems);
        let member =
            data_type.table.as_ref().filter(|_| config.convert).and_then(|table| table.member.as_deref());
        // What is wrong with it is told with the table.
        let members = member.and_then(|text| member::pattern(text).ok());
        let wanted = wanted(&config, &data_type, (&patterns, members.as_ref()), &mut problems);
        let listed = listed(&patterns, &wanted);
        if discover == Discover::Template {
            check_template(&wanted, &patterns, &mut problems);
        }
        problems.take(config.ranges.problems("ranges."));
        let table = data_type.table.filter(|_| config.convert);
        let table = table.map(|table| Arc::new(member::chosen(table, members.as_ref(), &config)));
        check_table(&data_type.name, table.as_deref(), &patterns, &mut problems);
        let listings = (discover != Discover::Template).then(listings);
        let replaces = replaces(&config, table.as_deref());
        check_periods(&config, &patterns, table.as_deref(), &mut problems);
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
            client: HttpClient::new(context).with_auth(auth.with_headers(&base, headers)),
            has_credentials,
            base,
            discover,
            lists,
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
            members,
            table,
            listings,
            files,
            rows,
            replaces,
            folder: Arc::new(Folder::new(context.base_dir.join(folder), rules)),
            found: Found::default(),
            sums: SharedSums::default(),
            missed: Missed::default(),
            starts: Mutex::default(),
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
        *self.starts() = from.starts.clone();
        for count in [&self.found.planned, &self.found.there, &self.found.missing] {
            count.store(0, Ordering::Relaxed);
        }
        self.found.folders.store(0, Ordering::Relaxed);
        self.sums.forget_all();
        self.missed.begin(from);
    }

    /// Which rows of the file at `path` are there.
    pub fn rows_there(&self, path: &str) -> Option<RowsThere> {
        let there: RowsThere = self.starts().get(&format!("{ROWS}{path}"))?.decode().ok()?;
        Some(if self.replaces { there.unrefused() } else { there })
    }

    fn starts(&self) -> MutexGuard<'_, Cursors> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The URL of what is at `path` below a folder.
pub fn below(mut folder: Url, path: &str) -> Url {
    if let Ok(mut segments) = folder.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    folder
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
