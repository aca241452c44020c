//! Looking into a folder of the repository, page by page.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, Failure, Reader, Records, Result, Split, Stage};
use serde::{Deserialize, Serialize};
use url::Url;

use super::config::PeriodKey;
use super::layout::Discover;
use super::listing::{self, Entry, Next, Page};
use super::path::{Captured, PathPattern};
use super::period::{Month, Period};
use super::plan::{folder_of, sort};
use super::series::Series;
use super::settings::Archive;
use super::wanted::Wanted;
use super::work::{FilesOf, Listed, Listing, Object, Work};
use crate::blocking::trying;
use crate::download::as_left;
use crate::http::{Request, excerpt, shown_url};

/// So many names are told of a folder without what is wanted.
const SHOWN: usize = 5;

/// Looks into one folder.
pub struct ListReader {
    archive: Arc<Archive>,
    listing: Listing,
    place: ListPlace,
    months: Option<Months>,
    /// How many folders were found in it.
    folders: usize,
    /// The first names that it has.
    first: Vec<String>,
    over: bool,
}

/// Where a listing stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ListPlace {
    /// The next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    /// How many pages were looked at.
    pages: u64,
    /// The days that they have named of the series which they tell of.
    #[serde(skip_serializing_if = "Series::is_empty")]
    series: Series,
}

/// The files of months that are there, whose days need not be fetched.
#[derive(Default)]
struct Months {
    known: HashSet<(BTreeMap<String, String>, Month)>,
    next: Option<Next>,
    complete: bool,
}

impl Months {
    /// Learns which files of months a page names.
    fn learn(&mut self, pattern: &PathPattern, page: &Page, wanted: &Wanted) {
        // A month that is not wanted has days that may be.
        let files = page.files.iter().filter(|entry| wanted.has_path(&entry.key));
        for captured in files.filter_map(|entry| pattern.matches(&entry.key)) {
            if let Some(Period::Month(month)) = captured.period {
                self.known.insert((captured.values, month));
            }
        }
    }
}

impl ListReader {
    /// A reader that goes on at `at`. Does no I/O.
    pub fn new(archive: Arc<Archive>, listing: Listing, at: Option<&Cursor>) -> Result<Self> {
        let place = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { archive, listing, place, months: None, folders: 0, first: Vec::new(), over: false })
    }

    async fn page(&self, folder: &str, next: Option<&Next>) -> Result<Page> {
        let (archive, list) = (&self.archive, &self.archive.lists);
        let url = match &archive.discover {
            Discover::S3 { .. } => {
                let mut url = list.clone();
                url.query_pairs_mut().extend_pairs(listing::s3::request(folder, Some("/"), next));
                url
            }
            Discover::Manifest { .. } => list.clone(),
            Discover::Html | Discover::Template => archive.url_of(folder),
        };
        let response =
            archive.client.send(Request::get(url)).await.map_err(|error| archive.refused(error))?;
        let shown = shown_url(&response.url);
        let (archive, folder, next) = (archive.clone(), folder.to_owned(), next.cloned());
        let read = move || match &archive.discover {
            Discover::S3 { .. } => listing::s3::parse(&response.body, next.as_ref()),
            Discover::Manifest { .. } => listing::manifest::parse(&response.body, &archive.base),
            Discover::Html | Discover::Template => {
                listing::html::parse(&response.body, &response.url).map(|page| page.below(&folder))
            }
        };
        trying(read).await.map_err(|error| error.at(shown))
    }

    /// Whether it has to be known which files of months there are.
    fn needs_months(&self) -> bool {
        self.listing.files_of == FilesOf::Days
            && self.archive.period == PeriodKey::Auto
            && self.archive.patterns.contains_key(&FilesOf::Months)
            && self.values_here().is_some()
            && self.months.as_ref().is_none_or(|months| !months.complete)
    }

    /// Asks for a page of the files of months that belong to this folder.
    async fn look_at_months(&mut self) -> Result<()> {
        let mut months = self.months.take().unwrap_or_default();
        let of_months =
            self.archive.patterns.get(&FilesOf::Months).zip(self.archive.listed.get(&FilesOf::Months));
        let (Some((named, listed)), Some(values)) = (of_months, self.values_here()) else { return Ok(()) };
        let folder = folder_of(named, &values);
        match self.page(&folder, months.next.as_ref()).await {
            Ok(page) => {
                months.learn(listed, &page, &self.archive.wanted);
                months.complete = page.next.is_none();
                months.next = page.next;
            }
            Err(error) if error.kind() == busta_core::ErrorKind::NotFound => months.complete = true,
            Err(error) => return Err(error),
        }
        self.months = Some(months);
        Ok(())
    }

    /// What the path of this folder says, if it tells files of one kind from all others.
    fn values_here(&self) -> Option<BTreeMap<String, String>> {
        let pattern = self.archive.listed.get(&self.listing.files_of)?;
        let values = pattern.matches_folder(&self.listing.folder)?.values;
        pattern.values().all(|name| values.contains_key(name)).then_some(values)
    }

    /// The splits that a page leads to.
    async fn found(&mut self, page: &Page) -> Result<(Vec<Split>, Vec<Failure>)> {
        let (mut splits, mut failures) = (Vec::new(), Vec::new());
        for folder in page.folders.iter().filter(|folder| self.wants_folder(folder)) {
            let listing = Listing { folder: folder.clone(), files_of: self.listing.files_of };
            splits.push(Work::List(listing).split(&self.archive)?);
        }
        self.folders += splits.len();
        let names = page.files.iter().map(|entry| &entry.key).chain(&page.folders);
        self.first.extend(names.take(SHOWN.saturating_sub(self.first.len())).cloned());
        let mut objects = Vec::new();
        for entry in &page.files {
            match self.object(entry) {
                Ok(object) => objects.extend(object),
                Err(error) => failures.push(Failure::item(Stage::Parse, entry.key.clone(), &error, None)),
            }
        }
        self.archive.found.there.fetch_add(objects.len() as u64, Ordering::Relaxed);
        sort(&mut objects, self.archive.order);
        for object in objects {
            if !self.is_here(&object).await? {
                splits.push(Work::Fetch(Box::new(object)).split(&self.archive)?);
            }
        }
        Ok((splits, failures))
    }

    fn wants_folder(&self, folder: &str) -> bool {
        let Some(pattern) = self.archive.listed.get(&self.listing.files_of) else {
            return folder.len() > self.listing.folder.len();
        };
        let captured = pattern.matches_folder(folder);
        captured.is_some_and(|captured| self.archive.wanted.has_values(&captured.values))
    }

    /// The file of an entry, if it is wanted.
    fn object(&self, entry: &Entry) -> Result<Option<Object>> {
        let archive = &self.archive;
        let Some(Captured { values, period }) = self.captured(&entry.key) else { return Ok(None) };
        if !archive.wanted.has_path(&entry.key) || !archive.wanted.has_values(&values) {
            return Ok(None);
        }
        if let Some(period) = period {
            // Where files of days are had as well, a month that is asked for in part is had by its days.
            let in_part =
                archive.period == PeriodKey::Monthly || !archive.patterns.contains_key(&FilesOf::Days);
            if !archive.wanted.has_period(period, archive.today(), in_part) || self.has_month(&values, period)
            {
                return Ok(None);
            }
        }
        let url = entry
            .url
            .as_ref()
            .map(|url| Url::parse(url).map_err(|error| Error::data(format!("`{url}` is no URL: {error}"))));
        let url = url.transpose()?.filter(|url| *url != archive.url_of(&entry.key));
        let listed = Listed {
            is: true,
            size: entry.size,
            etag: entry.etag.clone(),
            md5: entry.etag_md5(),
            checksum: entry.checksum.clone(),
        };
        Ok(Some(Object { url, key: entry.key.clone(), values, period, listed, or_days: false }))
    }

    /// What a path says, if it is one of those that are looked for.
    fn captured(&self, key: &str) -> Option<Captured> {
        let patterns = &self.archive.listed;
        if patterns.is_empty() {
            return (!self.archive.is_side(key)).then(Captured::default);
        }
        if self.archive.tells_all() {
            return patterns.values().find_map(|pattern| pattern.matches(key));
        }
        patterns.get(&self.listing.files_of)?.matches(key)
    }

    /// The months that a manifest names, which tells of all files at once.
    fn months_of(&self, page: &Page) -> Option<Months> {
        let of_months = self.archive.listed.get(&FilesOf::Months).filter(|_| self.archive.tells_all())?;
        let mut months = Months { complete: true, ..Months::default() };
        months.learn(of_months, page, &self.archive.wanted);
        Some(months)
    }

    /// The splits that see to what the listing, which is complete, does not name.
    fn missing(&mut self) -> Result<Vec<Split>> {
        let mut series = std::mem::take(&mut self.place.series);
        for (values, month) in self.months.iter().flat_map(|months| &months.known) {
            series.learn_month(&self.archive, values, *month);
        }
        series.missing(&self.archive, &self.listing)
    }

    /// Whether a day lies in a month whose file is fetched.
    fn has_month(&self, values: &BTreeMap<String, String>, period: Period) -> bool {
        let (Period::Day(day), Some(months)) = (period, &self.months) else { return false };
        let month = Month::of(day);
        self.archive.wanted.has_period(Period::Month(month), self.archive.today(), false)
            && months.known.contains(&(values.clone(), month))
    }

    /// Whether the file is here already, with its rows, as the listing says it is.
    async fn is_here(&self, object: &Object) -> Result<bool> {
        let path = self.archive.path_of(&object.key);
        let Some(known) = as_left(&self.archive.folder, &path).await? else { return Ok(false) };
        Ok(self.archive.is_unchanged(object, &known) && self.archive.left_of(object, &known)?.is_none())
    }

    /// A folder has been looked into that led to so many others. If it was the last one, some file must have been
    /// found that is wanted.
    fn ended(&self, folders: usize) -> Result<()> {
        let found = &self.archive.found;
        let more = folders as i64 - 1;
        // In a run that was resumed some are not counted: then nothing is said.
        let left = found.folders.fetch_add(more, Ordering::Relaxed) + more;
        if left != 0 || found.there.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let folder = &self.listing.folder;
        let there = match self.first.as_slice() {
            [] => format!("`{folder}` is empty"),
            names => format!("`{folder}` begins with {}", excerpt(names.join(", ").as_bytes())),
        };
        Err(Error::not_found(format!("not one file is listed that is wanted; {there}")).hint(
            "look at `symbols`, `intervals`, `from`, `to`, `include` and `exclude`, and whether `base_url` is where \
             these names begin",
        ))
    }
}

#[async_trait]
impl Reader for ListReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.over {
            return Ok(None);
        }
        if self.needs_months() {
            self.look_at_months().await?;
            self.place.pages += 1;
            return Ok(Some(Batch::new(Records::default(), Cursor::encode(&self.place)?)));
        }
        let page = match self.page(&self.listing.folder, self.place.next.as_ref()).await {
            // Where there are files of days and of months, there may be a folder for one kind only.
            Err(error) if self.archive.listed.len() > 1 && self.archive.is_absent(&error) => Page::default(),
            other => other?,
        };
        if let Some(months) = self.months_of(&page) {
            self.months = Some(months);
        }
        let (mut found, failures) = self.found(&page).await?;
        self.over = page.next.is_none();
        self.place.series.learn(&self.archive, &self.listing, &page);
        if self.over {
            found.extend(self.missing()?);
        }
        if self.over && failures.is_empty() {
            self.ended(self.folders)?;
        }
        (self.place.next, self.place.pages) = (page.next, self.place.pages + 1);
        let batch = Batch::new(Records::default(), Cursor::encode(&self.place)?);
        Ok(Some(Batch { found, failures, done: self.over, ..batch }))
    }
}

impl Archive {
    /// What helps where listings are refused to whoever has no credentials: paths need none.
    fn refused(&self, error: Error) -> Error {
        if self.has_credentials || self.tells_all() || error.http_status() != Some(403) {
            return error;
        }
        error.hint("`discover: { type: template }` needs no listing; or give credentials under `auth`")
    }

    /// Whether a file is one that holds the checksums of others.
    fn is_side(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or("");
        let own = self.checksum.as_deref().and_then(|pattern| pattern.rsplit(['}', '/']).next());
        own.is_some_and(|ending| !ending.is_empty() && name.ends_with(ending))
    }
}
