//! Side files that are about many files: fetched once in a run, and not once for each of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::Result;
use tokio::sync::OnceCell;
use url::Url;

use super::side::Sums;
use crate::blocking::blocking;
use crate::http::{HttpClient, Request};

/// Files of checksums are small.
const MAX_BYTES: u64 = 16 << 20;

/// To read so many bytes takes less time than to have another thread do it.
const SMALL: usize = 32 << 10;

/// So many are kept: files are fetched folder by folder, so the next ones are about the same few.
const KEPT: usize = 8;

/// Fetches a side file and reads it.
pub async fn fetch(client: &HttpClient, url: &Url) -> Result<Sums> {
    let response = client.send(Request::get(url.clone()).max_response_bytes(MAX_BYTES)).await?;
    if response.body.len() <= SMALL {
        return Ok(Sums::read(&response.body));
    }
    blocking(move || Sums::read(&response.body)).await
}

/// A side file that somebody has asked for.
type Slot = Arc<OnceCell<Arc<Sums>>>;

/// The side files of a run that are about many files.
#[derive(Default)]
pub struct SharedSums(Mutex<HashMap<Url, Slot>>);

impl SharedSums {
    /// The side file at `url`, and whether a request was made for it. Whoever asks while another one fetches it
    /// waits for that one; if it fails, or is cancelled, the next one asks.
    pub async fn get(&self, client: &HttpClient, url: &Url) -> Result<(Arc<Sums>, bool)> {
        let slot = self.slot(url);
        let mut asked = false;
        let sums = slot
            .get_or_try_init(|| {
                asked = true;
                async { fetch(client, url).await.map(Arc::new) }
            })
            .await?;
        Ok((sums.clone(), asked))
    }

    /// Lets the next one ask again: what the file says may be out of date.
    pub fn forget(&self, url: &Url) {
        self.slots().remove(url);
    }

    /// A run begins.
    pub fn forget_all(&self) {
        self.slots().clear();
    }

    fn slot(&self, url: &Url) -> Slot {
        let mut slots = self.slots();
        if slots.len() >= KEPT && !slots.contains_key(url) {
            slots.retain(|_, slot| !slot.initialized());
        }
        slots.entry(url.clone()).or_default().clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Url, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
