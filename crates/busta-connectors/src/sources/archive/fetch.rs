//! Fetching one file: what vouches for it, the bytes, and whether they are right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, Result, Split, SplitId};
use chrono::TimeDelta;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::config::Missing;
use super::layout::Discover;
use super::plan::days_of;
use super::settings::{Archive, below};
use super::side::Sums;
use super::sums;
use super::version;
use super::work::{Object, RowsOf, Told, Work};
use crate::download::{Checksum, DownloadReader, Expected, Known, Task, as_left};
use crate::http::{Request, shown_url};

/// Fetches one file.
pub struct FetchReader {
    wanted: Wanted,
    split: SplitId,
    place: FetchPlace,
    download: Option<DownloadReader>,
    /// What vouches for the file has been asked for once more, since what came is not what it says.
    asked_again: bool,
    over: bool,
}

/// The file that holds the checksum of another.
struct Side {
    url: Url,
    name: String,
    /// Whether it is about other files too.
    is_shared: bool,
}

/// The file that is to be here.
struct Wanted {
    archive: Arc<Archive>,
    object: Object,
    /// Where it is.
    url: Url,
    /// Its path on this machine.
    path: String,
}

/// Where a fetch stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct FetchPlace {
    /// The file was missed, and is there now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_there: bool,
    /// What is said of the file's checksum, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Said>,
    /// Where the download stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Cursor>,
}

/// What is said of a file's checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// This is it.
    Is(Checksum),
    /// This is the ETag that its listing told.
    Etag(Checksum),
    /// This is all there is, and why that is less than there should be.
    Only(Checksum, String),
    /// Nothing of use, and why.
    Nothing(String),
}

impl FetchReader {
    /// A reader that goes on at `at`. Does no I/O.
    pub fn new(archive: Arc<Archive>, split: &Split, object: Object, at: Option<&Cursor>) -> Result<Self> {
        let place = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        let path = archive.path_of(&object.key);
        let url = archive.where_is(&object);
        let wanted = Wanted { archive, object, url, path };
        Ok(Self { wanted, split: split.id.clone(), place, download: None, asked_again: false, over: false })
    }

    async fn fetch(&mut self) -> Result<Batch> {
        if let Some(download) = self.download.take() {
            return self.go_on(download).await;
        }
        if self.place.download.is_none()
            && let Some(known) = self.wanted.is_here().await?
        {
            return self.wanted.here(Batch::last(Records::default()), &known);
        }
        if self.place == FetchPlace::default() && self.wanted.was_missed() {
            if self.wanted.archive.is_known_absent(&self.wanted.object) {
                let url = shown_url(&self.wanted.url);
                let error = Error::not_found(format!("{url} was not there when it was last asked for"));
                return self.wanted.missing(error).await;
            }
            return self.look_for().await;
        }
        let said = match self.place.side.clone() {
            Some(said) => said,
            None => {
                let (said, has_asked) = self.wanted.ask_side().await?;
                self.place.side = Some(said.clone());
                if has_asked && !self.wanted.archive.client.turn(&self.wanted.url) {
                    return Ok(Batch::new(Records::default(), Cursor::encode(&self.place)?));
                }
                said
            }
        };
        let archive = &self.wanted.archive;
        let (folder, client) = (archive.folder.clone(), archive.client.clone());
        let task = self.wanted.task(said);
        let download = DownloadReader::of(folder, client, &self.split, task, self.place.download.as_ref())?;
        self.go_on(download).await
    }

    /// Asks whether a file is there by now that was missed before: as long as it is not, nobody need ask for its
    /// checksum.
    async fn look_for(&mut self) -> Result<Batch> {
        let request = Request::get(self.wanted.url.clone()).range(0..1, None);
        match self.wanted.archive.client.open(request).await {
            Ok(_) => self.place.is_there = true,
            Err(error) if self.wanted.archive.is_absent(&error) => return self.wanted.missing(error).await,
            Err(error) => return Err(error),
        }
        Ok(Batch::new(Records::default(), Cursor::encode(&self.place)?))
    }

    async fn go_on(&mut self, mut download: DownloadReader) -> Result<Batch> {
        let mut batch = match download.next().await {
            Ok(batch) => batch.unwrap_or_else(|| Batch::last(Records::default())),
            Err(error) if self.may_be_missing(&error) => return self.wanted.missing(error).await,
            Err(error) => return Err(error),
        };
        if batch.done {
            return match self.wanted.known(&batch)? {
                Some(known) => self.wanted.here(batch, &known),
                None => Ok(batch),
            };
        }
        self.place.download = Some(batch.cursor.clone());
        if let Some(refused) = download.refused() {
            // Whoever tries it again asks again what vouches for it.
            self.place.side = None;
            self.wanted.refused(&refused.because(), &mut batch).await?;
        }
        if download.comes_again() && !self.asked_again {
            // The file may have been published anew, and what vouches for it with it.
            self.asked_again = true;
            self.place.side = None;
            self.wanted.archive.forget_side_of(&self.wanted.object);
        } else {
            self.download = Some(download);
        }
        Ok(Batch { cursor: Cursor::encode(&self.place)?, ..batch })
    }

    /// Whether an error says that the file is not there. What a listing has named is, and so is what something
    /// vouches for, or of which bytes have come.
    fn may_be_missing(&self, error: &Error) -> bool {
        let is_known = self.wanted.object.listed.is
            || self.place.download.is_some()
            || matches!(self.place.side, Some(Said::Is(_) | Said::Etag(_) | Said::Only(..)));
        !is_known && self.wanted.archive.is_absent(error)
    }
}

impl Wanted {
    /// Whether the file is here and nobody needs to be asked about it.
    async fn is_here(&self) -> Result<Option<Known>> {
        let known = as_left(&self.archive.folder, &self.path).await?;
        Ok(known.filter(|known| self.archive.is_unchanged(&self.object, known) || self.is_settled(known)))
    }

    /// Whether earlier runs have asked for it in vain.
    fn was_missed(&self) -> bool {
        !self.object.listed.is && self.archive.missed.asked(&self.path).is_some()
    }

    /// What is known of the file that a download has ended with.
    fn known(&self, batch: &Batch) -> Result<Option<Known>> {
        match batch.starts.first() {
            Some((_, cursor)) => cursor.decode().map(Some),
            None => Ok(self.archive.folder.known(&self.path)),
        }
    }

    /// Whether it was verified, and its days are so long ago that it is not asked about again.
    fn is_settled(&self, known: &Known) -> bool {
        let (Some(recheck), Some(period)) = (self.archive.recheck, self.object.period) else { return false };
        let age = TimeDelta::from_std(recheck.0).unwrap_or(TimeDelta::MAX);
        let last = self.archive.client.now().checked_sub_signed(age);
        known.checksum.is_some()
            && !known.doubted
            && last.is_some_and(|last| period.end() <= last.date_naive())
    }

    /// What is said of the file's checksum, and whether a request was made for it.
    async fn ask_side(&self) -> Result<(Said, bool)> {
        if let Some(checksum) = &self.object.listed.checksum {
            return Ok((Said::Is(checksum.clone()), false));
        }
        let Some(side) = self.archive.side_of(&self.object) else {
            let why = || Said::Nothing("no checksum is given".to_owned());
            return Ok((self.etag().map_or_else(why, Said::Etag), false));
        };
        let Side { url, name, .. } = &side;
        let mut has_asked = true;
        let said = match self.archive.sums_at(&side).await {
            Ok((sums, asked)) => {
                has_asked = asked;
                match sums.checksum(&self.object.key, name) {
                    Ok(checksum) => Said::Is(checksum),
                    Err(error) => self.instead(format!("{}: {}", shown_url(url), error.message())),
                }
            }
            Err(error) if self.archive.is_absent(&error) => {
                self.instead(format!("its checksum file {} is not there", shown_url(url)))
            }
            Err(error) => return Err(error),
        };
        Ok((said, has_asked))
    }

    /// The MD5 that an ETag of S3 is, for objects that were not uploaded in parts.
    fn etag(&self) -> Option<Checksum> {
        let may_be = matches!(self.archive.discover, Discover::S3 { .. }) && self.archive.etag_is_md5;
        self.object.listed.md5.clone().filter(|_| may_be)
    }

    /// What there is in the place of a checksum file that is of no use: its bytes are compared with an ETag, which
    /// does not make it verified.
    fn instead(&self, why: String) -> Said {
        match self.etag() {
            Some(md5) => Said::Only(md5, why),
            None => Said::Nothing(why),
        }
    }

    fn task(&self, said: Said) -> Task {
        let mut about = fields(&self.object.values);
        about.insert("key".to_owned(), Value::from(self.object.key.clone()));
        about.insert("missing".to_owned(), Value::from(false));
        if let Some(period) = &self.object.period {
            about.insert("period".to_owned(), Value::from(period.to_string()));
        }
        let (checksum, is_etag, unverifiable) = match said {
            Said::Is(checksum) => (Some(checksum), false, None),
            Said::Etag(checksum) => (Some(checksum), true, None),
            Said::Only(checksum, why) => (Some(checksum), true, Some(why)),
            Said::Nothing(why) => (None, false, Some(why)),
        };
        let size = self.object.listed.size;
        let expected = Expected { size, checksum, is_etag, etag: None, unverifiable };
        Task { url: self.url.clone(), path: self.path.clone(), expected, about }
    }

    /// The batch that ends the split with a file that is here.
    fn here(&self, mut batch: Batch, known: &Known) -> Result<Batch> {
        self.archive.found.there.fetch_add(1, Ordering::Relaxed);
        self.archive.arrived(&self.object, &mut batch)?;
        if let Some(work) = self.archive.left_of(&self.object, known)? {
            batch.found.push(work.split(&self.archive)?);
        }
        Ok(batch)
    }

    /// What a file means that has come and is not what it should be; its split fails behind this batch. The one that
    /// was there before stays.
    async fn refused(&self, because: &str, batch: &mut Batch) -> Result<()> {
        if as_left(&self.archive.folder, &self.path).await?.is_some() {
            return Ok(());
        }
        let days = if self.object.url.is_none() { days_of(&self.archive, &self.object) } else { Vec::new() };
        if days.is_empty() {
            if let Some((records, start)) = self.archive.absent(&self.object, Some(because))? {
                batch.records = records;
                batch.starts.push(start);
            }
            return Ok(());
        }
        self.days_instead(days, batch)
    }

    /// The files of the days of a month that cannot be had.
    fn days_instead(&self, days: Vec<Object>, batch: &mut Batch) -> Result<()> {
        self.archive.found.planned.fetch_add(days.len() as u64, Ordering::Relaxed);
        for object in days {
            batch.found.push(Work::Fetch(Box::new(object)).split(&self.archive)?);
        }
        Ok(())
    }

    /// What a file means that is not there.
    async fn missing(&self, error: Error) -> Result<Batch> {
        if let Some(known) = as_left(&self.archive.folder, &self.path).await? {
            // It was there when it was fetched.
            return self.here(Batch::last(Records::default()), &known);
        }
        let found = &self.archive.found;
        let mut batch = Batch::last(Records::default());
        let missing = found.missing.fetch_add(1, Ordering::Relaxed) + 1;
        if self.object.or_days {
            self.days_instead(days_of(&self.archive, &self.object), &mut batch)?;
            return Ok(batch);
        }
        let absent = self.archive.absent(&self.object, None)?;
        if self.archive.missing == Missing::Fail {
            return Err(error.hint("`missing: ignore` takes it for a time without data"));
        }
        if let Some((records, start)) = absent {
            batch.records = records;
            batch.starts.push(start);
        }
        let planned = found.planned.load(Ordering::Relaxed);
        if planned > 0 && missing == planned && found.there.load(Ordering::Relaxed) == 0 {
            let all = format!("none of {planned} files is there; the last: {}", error.message());
            return Err(
                Error::not_found(all).hint("look at `base_url`, `symbols`, `intervals`, `from` and `to`")
            );
        }
        Ok(batch)
    }
}

/// Fields of a record.
pub fn fields(values: &BTreeMap<String, String>) -> Map<String, Value> {
    values.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
}

#[async_trait]
impl Reader for FetchReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.over {
            return Ok(None);
        }
        let batch = self.fetch().await?;
        self.over = batch.done;
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        self.download.as_ref().is_none_or(Reader::asks)
    }
}

impl Archive {
    /// What is left to do with the rows of a file that is here: to read them, to tell about them, or nothing.
    pub fn left_of(&self, object: &Object, known: &Known) -> Result<Option<Work>> {
        let Some(table) = &self.table else { return Ok(None) };
        let (path, version) = (self.path_of(&object.key), version::of(known, table)?);
        let there = self.rows_there(&path).filter(|there| there.version == version);
        Ok(match there {
            Some(there) => there.untold.map(|record| Work::Quality(Told { path, version, record })),
            None => Some(Work::Rows(RowsOf { path, version, values: object.values.clone() })),
        })
    }

    /// What the side file says, and whether a request was made for it.
    async fn sums_at(&self, side: &Side) -> Result<(Arc<Sums>, bool)> {
        if side.is_shared {
            return self.sums.get(&self.client, &side.url).await;
        }
        Ok((Arc::new(sums::fetch(&self.client, &side.url).await?), true))
    }

    fn forget_side_of(&self, object: &Object) {
        if let Some(side) = self.side_of(object) {
            self.sums.forget(&side.url);
        }
    }

    /// The file that holds an object's checksum.
    fn side_of(&self, object: &Object) -> Option<Side> {
        let pattern = self.checksum.as_ref()?;
        let elsewhere = object.url.as_ref();
        let path = match elsewhere {
            None => object.key.clone(),
            Some(url) => {
                percent_decode_str(url.path()).decode_utf8_lossy().trim_start_matches('/').to_owned()
            }
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let key = pattern.replace("{path}", &path).replace("{folder}", folder).replace("{name}", name);
        let key = key.trim_start_matches('/');
        let url = match elsewhere {
            None => self.url_of(key),
            Some(url) => below(url.join("/").ok()?, key),
        };
        let name = key.rsplit('/').next().unwrap_or("").to_owned();
        Some(Side { url, name, is_shared: !pattern.contains("{path}") && !pattern.contains("{name}") })
    }

    /// Whether an error says that something is not there. S3 answers 403 to whoever may not list a bucket; whoever
    /// has credentials may.
    pub fn is_absent(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::NotFound => true,
            ErrorKind::Auth => !self.has_credentials && error.http_status() == Some(403),
            _ => false,
        }
    }

    /// Whether a listing says that the object is still the one that was fetched, and nothing has to be asked about it
    /// that could not be told then.
    pub fn is_unchanged(&self, object: &Object, known: &Known) -> bool {
        let plain = |etag: &str| etag.trim_start_matches("W/").trim_matches('"').to_owned();
        let listed = &object.listed;
        let same_tag =
            listed.etag.as_deref().zip(known.etag.as_deref()).is_some_and(|(a, b)| plain(a) == plain(b));
        let same_sum = listed.checksum.is_some() && listed.checksum == known.checksum;
        let may_be_vouched_for = self.checksum.is_some() || self.folder.rules().require_checksum;
        (same_tag || same_sum)
            && listed.size.is_none_or(|size| size == known.bytes)
            && ((known.checksum.is_some() && !known.doubted) || !may_be_vouched_for)
    }
}
