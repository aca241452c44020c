//! The least that fetching and verifying files takes: requests, hashes, files, and nothing else. What busta is
//! measured by in `benches/archive.py`.
//!
//! `bare_downloads URLS TASKS` fetches the URLs that stand in a file, each with its `.CHECKSUM`, into the current
//! folder.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn fetch(client: &reqwest::Client, url: &str) -> Fallible<()> {
    let side = client.get(format!("{url}.CHECKSUM")).send().await?.error_for_status()?.text().await?;
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut file = File::create(url.rsplit('/').next().unwrap_or("file"))?;
    let mut digest = Sha256::new();
    while let Some(bytes) = answer.chunk().await? {
        digest.update(&bytes);
        file.write_all(&bytes)?;
    }
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    match side.starts_with(&found) {
        true => Ok(()),
        false => Err(format!("{url} is not what its checksum says").into()),
    }
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(list), Some(tasks)) = (arguments.next(), arguments.next()) else {
        return Err("bare_downloads URLS TASKS".into());
    };
    let text = std::fs::read_to_string(list)?;
    let urls: Arc<Vec<String>> = Arc::new(text.lines().map(str::to_owned).collect());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks.parse::<usize>()? {
        let (urls, client, next) = (Arc::clone(&urls), client.clone(), Arc::clone(&next));
        running.spawn(async move {
            while let Some(url) = urls.get(next.fetch_add(1, Ordering::Relaxed)) {
                fetch(&client, url).await?;
            }
            Fallible::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}
