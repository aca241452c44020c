//! A work bench: a folder to download to, and an engine of a few lines.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use busta_connectors::download::{Algorithm, Checksum, DownloadReader, Expected, Folder, Rules, Task};
use busta_connectors::http::HttpClient;
use busta_core::clock::SystemClock;
use busta_core::connector::SourceContext;
use busta_core::meter::{Meter, Request, Spare};
use busta_core::{Checkpoint, Cursor, Error, ErrorKind, HostKey, Reader, Split};
use busta_sandbox::{Object, Sandbox, SandboxConfig};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;

/// Counts what the engine's meter would count, and grants what it is told to.
#[derive(Default)]
pub struct Count(pub Mutex<(u64, u64)>, pub Arc<AtomicUsize>);

/// Gives a place back.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Meter for Count {
    fn request(&self, seen: &Request<'_>) {
        let mut count = self.0.lock().unwrap();
        count.0 += 1;
        count.1 += seen.bytes;
    }

    fn bytes(&self, bytes: u64) {
        self.0.lock().unwrap().1 += bytes;
    }

    fn waited(&self, _: Duration) {}

    fn spare(&self, _: &HostKey) -> Option<Spare> {
        let take = |left: usize| left.checked_sub(1);
        self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Spare::new(Held(self.1.clone())))
    }

    fn turn(&self, _: &HostKey) -> bool {
        self.1.load(Ordering::Relaxed) > 0
    }
}

/// What a download came to.
#[derive(Debug, Default)]
pub struct End {
    pub record: Option<Value>,
    pub error: Option<Error>,
    /// The cursors of all batches but the last, in order.
    pub cursors: Vec<Cursor>,
    pub starts: Vec<(String, Cursor)>,
    /// Errors after which it was tried again.
    pub retries: Vec<String>,
}

impl End {
    pub fn record(&self) -> &Value {
        self.record.as_ref().unwrap_or_else(|| panic!("no record: {self:?}"))
    }

    pub fn failed(&self, kind: ErrorKind) -> String {
        let error = self.error.as_ref().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert_eq!(error.kind(), kind, "{error}");
        error.to_string()
    }
}

pub struct Bench {
    pub sandbox: Sandbox,
    home: TempDir,
    pub count: Arc<Count>,
    pub rules: Rules,
    pub timeout: Duration,
    pub starts: Checkpoint,
}

impl Bench {
    pub async fn new() -> Self {
        Self {
            sandbox: Sandbox::start(SandboxConfig::default()).await.unwrap(),
            home: TempDir::new().unwrap(),
            count: Arc::default(),
            rules: Rules::default(),
            timeout: Duration::from_secs(5),
            starts: Checkpoint::default(),
        }
    }

    pub fn context(&self) -> SourceContext {
        SourceContext {
            name: "test".into(),
            base_dir: self.home.path().to_owned(),
            meter: self.count.clone(),
            clock: Arc::new(SystemClock),
            request_timeout: self.timeout,
            readers: 8,
        }
    }

    /// A folder as a new process would have it.
    pub fn folder(&self) -> Arc<Folder> {
        let folder = Folder::new(self.home.path().to_owned(), self.rules);
        folder.begin(Some(&self.starts));
        Arc::new(folder)
    }

    pub fn client(&self) -> HttpClient {
        HttpClient::new(&self.context())
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// All files below the folder but those that are under way.
    pub fn files(&self) -> Vec<String> {
        let home = self.home.path();
        let mut files: Vec<_> =
            walk(home).iter().map(|f| f.strip_prefix(home).unwrap().display().to_string()).collect();
        files.retain(|file| !file.starts_with("_busta"));
        files.sort();
        files
    }

    pub fn parts(&self) -> usize {
        walk(&self.file("_busta/parts")).len()
    }

    /// The task of an object of the sandbox.
    pub fn task(&self, profile: &str, name: &str, size: u64) -> Task {
        let url = format!("{}{profile}/objects/{name}?size={size}", self.sandbox.url());
        task(&url, name)
    }

    /// Reads to the end as the engine does: up to three retries in a row, each at the last cursor.
    pub async fn fetch(&self, task: &Task) -> End {
        self.fetch_from(&self.folder(), task, None).await
    }

    pub async fn fetch_from(&self, folder: &Arc<Folder>, task: &Task, at: Option<Cursor>) -> End {
        let split = split(task);
        let (mut end, mut at, mut retries) = (End::default(), at, 0);
        loop {
            let mut reader = DownloadReader::new(folder.clone(), self.client(), &split, at.as_ref()).unwrap();
            let error = loop {
                match reader.next().await {
                    Ok(Some(batch)) => {
                        retries = 0;
                        end.record = batch.records.iter().next().map(|r| serde_json::from_slice(r).unwrap());
                        end.starts.extend(batch.starts);
                        if batch.done {
                            return end;
                        }
                        end.cursors.push(batch.cursor.clone());
                        at = Some(batch.cursor);
                    }
                    Ok(None) => return end,
                    Err(error) => break error,
                }
            };
            retries += 1;
            if error.kind() != ErrorKind::Unavailable || retries > 3 {
                end.error = Some(error);
                return end;
            }
            end.retries.push(error.to_string());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

pub fn task(url: &str, path: &str) -> Task {
    Task {
        url: Url::parse(url).unwrap(),
        path: path.to_owned(),
        expected: Expected::default(),
        about: Map::new(),
    }
}

pub fn split(task: &Task) -> Split {
    Split::new(format!("assets/{}", task.url), "assets".into(), None, task).unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn bytes(object: Object) -> Vec<u8> {
    object.bytes(0..object.size).to_vec()
}

/// The task with the right checksum of `object`.
pub fn expecting(mut task: Task, object: Object) -> Task {
    task.expected.checksum = Checksum::from_hex(Algorithm::Sha256, &sha256(&bytes(object)));
    task
}
