//! Fetching single documents, from the web or from this machine.

use std::path::PathBuf;

use busta_core::{Cursor, Error, ErrorKind, Result};
use bytes::Bytes;
use url::Url;

use super::settings::Stac;
use crate::http::{Request, shown_url};

/// A document as it was found.
#[derive(Debug)]
pub struct Found {
    /// Where it was in the end, after redirects.
    pub url: Url,
    /// Its text.
    pub body: Bytes,
}

/// Fetches the document at `url`.
pub async fn fetch(stac: &Stac, url: &Url) -> Result<Found> {
    if url.scheme() == "file" {
        return read(stac, url).await;
    }
    let response = stac.send(Request::get(url.clone())).await?;
    Ok(Found { url: response.url, body: response.body })
}

/// Fetches the item at `url`, with the start cursor that it leaves; `None` if it has not changed since an earlier run.
pub async fn fetch_changed(stac: &Stac, url: &Url) -> Result<Option<(Found, Option<(String, Cursor)>)>> {
    if url.scheme() == "file" {
        return Ok(Some((read(stac, url).await?, None)));
    }
    let (request, is_conditional) = stac.known.request(url);
    let response = stac.send(request).await?;
    match response.not_modified {
        true if is_conditional => return Ok(None),
        true => return Err(Error::data("the server answered 304 without being asked")),
        false => {}
    }
    let start = stac.known.start(url, &response)?;
    Ok(Some((Found { url: response.url, body: response.body }, start)))
}

async fn read(stac: &Stac, url: &Url) -> Result<Found> {
    let path = url.to_file_path().map_err(|()| Error::data(format!("{url} names no file")))?;
    let shown = path.display().to_string();
    stac.meter.asking(&shown);
    let body = tokio::task::spawn_blocking(move || std::fs::read(path))
        .await
        .map_err(|e| Error::bug(format!("reading a file: {e}")))?
        .map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Auth,
                _ => ErrorKind::Data,
            };
            Error::new(kind, format!("{shown} cannot be read: {error}"))
        })?;
    stac.meter.bytes(body.len() as u64);
    Ok(Found { url: url.clone(), body: body.into() })
}

/// The URL of a file; relative paths start at `base_dir`.
pub fn file_url(base_dir: &std::path::Path, path: &str) -> Result<Url> {
    let path: PathBuf = std::path::absolute(base_dir.join(path))
        .map_err(|e| Error::config(format!("`{path}` is no path: {e}")))?;
    Url::from_file_path(&path).map_err(|()| Error::config(format!("`{}` is no path", path.display())))
}

/// A document's place, for failures.
pub fn shown(url: &Url) -> String {
    match url.to_file_path() {
        Ok(path) if url.scheme() == "file" => path.display().to_string(),
        _ => shown_url(url),
    }
}
