//! Repositories of files as exchanges publish them: `/archive/{world}/{path}`, with listings, side files, and what
//! goes wrong with them.

mod blob;
mod deflate;
mod interval;
mod klines;
mod make;
mod manifest;
mod pack;
mod pages;
mod pattern;
mod s3;
mod shelf;
mod store;
mod tree;
mod units;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode};
use md5::{Digest as _, Md5};

use crate::app::Call;
use crate::body::Content;
use crate::dataset::lock;
use crate::objects::{Stored, serve};
use crate::params::Params;
use crate::reply::Reply;
use blob::Blob;
pub(crate) use blob::Stretch;
use s3::{decoded, error};
use shelf::{Shelf, hex};
use store::{Site, Store};
use tree::{Entry, Tree};
pub use world::ArchiveWorld;
use world::Layout;

/// So many worlds are remembered with their trees.
const MAX_SITES: usize = 32;
const TEXT: &str = "text/plain; charset=utf-8";

/// All repositories, and what happened to them.
#[derive(Default)]
pub(crate) struct Archive {
    shelf: Shelf,
    sites: Mutex<HashMap<String, Arc<Site>>>,
    /// Files whose paths hold one of these were published again, once for each.
    republished: Mutex<Vec<String>>,
    /// The URL paths of files that changed when they had been asked for often enough.
    changed: Mutex<HashSet<String>>,
    /// How often late side files were asked for, by URL path.
    asked: Mutex<HashMap<String, u64>>,
    /// How many days were published since the start.
    days: AtomicU64,
}

/// What a request asks of a repository.
struct Ask {
    method: Method,
    headers: HeaderMap,
    params: Params,
    /// The URL of the repository, and the path in it.
    url: String,
    base: String,
    world: String,
    /// The path in the repository.
    path: String,
    no_ranges: bool,
    /// The file is another one by now.
    changed: bool,
}

/// Answers what lies under `/archive/{world}`.
pub(crate) async fn answer(call: &Call<'_>, world: &str) -> Result<Reply, Reply> {
    if ![Method::GET, Method::HEAD].contains(call.method) {
        let refusal = error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "use GET or HEAD", call.path);
        return Err(refusal.header("allow", "GET, HEAD"));
    }
    let root = format!("/archive/{world}");
    let base = &call.path[..call.path.find(&root).unwrap_or_default() + root.len()];
    let path = call.path[base.len()..].trim_start_matches('/');
    let url = call.url();
    let ask = Ask {
        method: call.method.clone(),
        headers: call.headers.clone(),
        params: call.params.clone(),
        url: url[..url.len() - (call.path.len() - base.len())].to_owned(),
        base: base.to_owned(),
        world: decoded(world),
        path: decoded(path),
        no_ranges: call.profile.no_ranges,
        changed: call.profile.changes.is_some_and(|after| call.attempt > u64::from(after)),
    };
    let archive = Arc::clone(&call.app.archive);
    let answered = tokio::task::spawn_blocking(move || archive.answer(&ask)).await;
    answered
        .unwrap_or_else(|_| Err(Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be made")))
}

/// What the judge counts a request as: `/archive/files`, `/archive/checksums` or `/archive/listings`.
pub(crate) fn group(path: &[&str], ends_with_slash: bool) -> &'static str {
    match path.last() {
        Some(name) if !ends_with_slash && (name.ends_with(".zip") || name.ends_with(".csv.gz")) => {
            "/archive/files"
        }
        Some(name) if [".CHECKSUM", ".sha256", ".md5", "SUMS"].iter().any(|end| name.ends_with(end)) => {
            "/archive/checksums"
        }
        _ => "/archive/listings",
    }
}

impl Archive {
    pub(crate) fn rewind(&self) {
        lock(&self.republished).clear();
        lock(&self.changed).clear();
        lock(&self.asked).clear();
        self.days.store(0, Ordering::Release);
    }

    /// Publishes new versions of the files whose paths hold `part`.
    pub(crate) fn republish(&self, part: &str) {
        lock(&self.republished).push(part.to_owned());
    }

    /// Lets all repositories end so many days later.
    pub(crate) fn advance(&self, days: u64) {
        self.days.fetch_add(days, Ordering::AcqRel);
    }

    fn site(&self, world: &str) -> Result<Arc<Site>, String> {
        let days = self.days.load(Ordering::Acquire);
        let key = format!("{world} {days}");
        if let Some(known) = lock(&self.sites).get(&key) {
            return Ok(Arc::clone(known));
        }
        let parsed: ArchiveWorld = world.parse()?;
        let site = Arc::new(Site { tree: Tree::new(&parsed, days), world: parsed });
        let mut sites = lock(&self.sites);
        if sites.len() >= MAX_SITES {
            sites.clear();
        }
        Ok(Arc::clone(sites.entry(key).or_insert(site)))
    }

    /// The how-manieth version of a file is published under a URL path, from 0.
    fn version(&self, base: &str, path: &str) -> u64 {
        let again = lock(&self.republished).iter().filter(|part| path.contains(part.as_str())).count();
        again as u64 + u64::from(lock(&self.changed).contains(&format!("{base}/{path}")))
    }

    fn answer(&self, ask: &Ask) -> Result<Reply, Reply> {
        let site = self
            .site(&ask.world)
            .map_err(|problem| error(StatusCode::BAD_REQUEST, "InvalidBucketName", &problem, &ask.base))?;
        if ask.changed && matches!(site.tree.get(&ask.path), Some(Entry::Data(_))) {
            lock(&self.changed).insert(format!("{}/{}", ask.base, ask.path));
        }
        let version = Box::new(|path: &str| self.version(&ask.base, path));
        let store = Store { site, shelf: &self.shelf, version };
        match store.site.tree.get(&ask.path) {
            Some(Entry::Data(file)) => {
                let object = store.object(&ask.path, file);
                let media_type = match file.layout {
                    Layout::Binance => "application/zip",
                    Layout::Bybit => "application/gzip",
                };
                let etag = store.etag(&object);
                send(ask, media_type, object.blob(), etag, store.modified(&ask.path, file))
            }
            Some(Entry::Side(of)) => {
                let wrong =
                    store.site.world.wrong_checksum.hit(of) || self.is_late(ask, &store.site.world, of);
                text(ask, TEXT, store.side(of, wrong))
            }
            Some(Entry::Sums(folder)) => text(ask, TEXT, store.sums(folder)),
            None => place(ask, &store),
        }
    }

    /// Whether a side file is still the wrong one; counts the request.
    fn is_late(&self, ask: &Ask, world: &ArchiveWorld, of: &str) -> bool {
        if !world.late_checksum.hit(of) {
            return false;
        }
        let mut asked = lock(&self.asked);
        let count = asked.entry(format!("{}/{}", ask.base, ask.path)).or_default();
        *count += u64::from(ask.method == Method::GET);
        *count <= world.late
    }
}

/// What is no file: a listing, an index page, a manifest, or nothing.
fn place(ask: &Ask, store: &Store<'_>) -> Result<Reply, Reply> {
    let (world, path) = (&store.site.world, ask.path.as_str());
    let is_folder = path.is_empty() || path.ends_with('/');
    if let Some(style) = world.index {
        if is_folder && let Some(page) = pages::page(store, style, &format!("{}/", ask.base), path) {
            return Ok(page);
        }
        if !store.site.tree.under(&format!("{path}/")).is_empty() {
            let reply = Reply::ok("text/html", Content::whole("")).status(StatusCode::MOVED_PERMANENTLY);
            return Ok(reply.header("location", format!("{}/{}/", ask.url, s3::encoded(path))));
        }
    } else if path.is_empty() {
        return match world.listing {
            true => s3::list(store, &ask.world, &ask.params),
            false => Err(error(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied", &ask.base)),
        };
    }
    match manifest::write(store, &ask.url, path) {
        Some((media_type, out)) => Ok(Reply::ok(media_type, Content::whole(out))),
        None => Err(missing(ask, world)),
    }
}

fn missing(ask: &Ask, world: &ArchiveWorld) -> Reply {
    match (world.index, world.missing) {
        (Some(_), 404) => {
            let page = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<h1>Not Found</h1></body></html>";
            Reply::ok("text/html", Content::whole(page)).status(StatusCode::NOT_FOUND)
        }
        (None, 404) => {
            error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.", &ask.path)
        }
        _ => error(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied", &ask.path),
    }
}

/// A file, or what is asked of it.
fn send(
    ask: &Ask,
    media_type: &'static str,
    blob: Arc<Blob>,
    etag: Option<String>,
    modified: SystemTime,
) -> Result<Reply, Reply> {
    let etag = etag.map(|tag| format!("\"{tag}\""));
    let stored = Stored { media_type, size: blob.len(), etag, modified, no_ranges: ask.no_ranges };
    serve(&ask.headers, stored, |range| Content::blob(Stretch::new(Arc::clone(&blob), range)))
}

/// A small file of text.
fn text(ask: &Ask, media_type: &'static str, made: Option<(String, SystemTime)>) -> Result<Reply, Reply> {
    let (text, modified) = made.unwrap_or((String::new(), SystemTime::UNIX_EPOCH));
    let etag = hex(&Md5::digest(&text));
    let blob = Arc::new(std::iter::once(bytes::Bytes::from(text)).collect());
    send(ask, media_type, blob, Some(etag), modified)
}

/// What a repository holds, for tests and benches that want to know what is right. All of these compute.
impl ArchiveWorld {
    /// The paths of all files in the order of their bytes, side files included.
    pub fn paths(&self) -> Vec<String> {
        Tree::new(self, 0).under("").iter().map(|(path, _)| path.clone()).collect()
    }

    /// The bytes of a file as it was first published; side files are not files here.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.look(path, |object| object.blob().pieces().concat())
    }

    /// The rows of a file as it was first published: what its members hold, one after another.
    pub fn text(&self, path: &str) -> Option<Vec<u8>> {
        self.look(path, |object| object.text())
    }

    /// The SHA-256 of a file as it was first published, in hexadecimal digits.
    pub fn sha256(&self, path: &str) -> Option<String> {
        self.look(path, |object| hex(&object.sha256()))
    }

    fn look<T>(&self, path: &str, then: impl FnOnce(&shelf::Object<'_>) -> T) -> Option<T> {
        let site = Arc::new(Site { world: self.clone(), tree: Tree::new(self, 0) });
        let shelf = Shelf::default();
        let store = Store { site: Arc::clone(&site), shelf: &shelf, version: Box::new(|_| 0) };
        match site.tree.get(path)? {
            Entry::Data(file) => Some(then(&store.object(path, file))),
            Entry::Side(_) | Entry::Sums(_) => None,
        }
    }
}
