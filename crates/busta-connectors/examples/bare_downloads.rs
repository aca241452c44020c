//! The least that fetching and verifying files takes: requests, hashes, files, and nothing else. What busta is
//! measured by in `benches/archive.py`.
//!
//! `bare_downloads URLS TASKS [synced]` fetches the URLs that stand in a file, each with its `.CHECKSUM`, into the
//! current folder. `synced`, each is on the disk before it gets its name, as those of busta are.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn fetch(client: &reqwest::Client, url: &str, synced: bool) -> Fallible<()> {
    let side = client.get(format!("{url}.CHECKSUM")).send().await?.error_for_status()?.text().await?;
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let name = url.rsplit('/').next().unwrap_or("file");
    let part = if synced { format!("{name}.part") } else { name.to_owned() };
    let mut file = File::create(&part)?;
    let mut digest = Sha256::new();
    while let Some(bytes) = answer.chunk().await? {
        digest.update(&bytes);
        file.write_all(&bytes)?;
    }
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if !side.starts_with(&found) {
        return Err(format!("{url} is not what its checksum says").into());
    }
    if synced {
        let name = name.to_owned();
        tokio::task::spawn_blocking(move || publish(&file, &part, &name)).await??;
    }
    Ok(())
}

fn publish(file: &File, part: &str, name: &str) -> std::io::Result<()> {
    file.sync_all()?;
    std::fs::rename(part, name)?;
    File::open(".")?.sync_all()
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(list), Some(tasks)) = (arguments.next(), arguments.next()) else {
        return Err("bare_downloads URLS TASKS [synced]".into());
    };
    let synced = arguments.next().is_some();
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
                fetch(&client, url, synced).await?;
            }
            Fallible::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}
