//! Files of this machine, answered for as a good server would: so whoever downloads needs one way only.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use busta_core::{Error, Result};
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};

use super::client::HttpClient;
use super::incoming::{Body, Incoming};
use super::request::Request;
use crate::blocking::trying;
use crate::formats::unreadable;

/// So much is read at once: the work of a fraction of a millisecond.
const CHUNK: usize = 1 << 20;

impl HttpClient {
    /// Answers `request` with the file at `path`, whether the address that it asks for is that of the file or not: who
    /// may read it was found out before. Its `ETag` is made of its size and mtime; a range to its end is given if
    /// `If-Range` is that, and 304 if `If-None-Match` is. No request is counted, only bytes.
    pub async fn open_file(&self, request: Request, path: PathBuf) -> Result<Incoming> {
        self.meter.asking(&path.display().to_string());
        let (url, headers) = (request.url, request.headers);
        let (status, headers, body) = trying(move || answer(&path, &headers)).await?;
        let (body, status) = (body.map(Body::Disk), status.as_u16());
        Ok(Incoming { status, headers, url, body, meter: self.meter.clone(), stall: self.timeout })
    }
}

/// What is left to read of a file.
pub(super) struct FileBody {
    /// Absent while a thread reads it, and after that was given up.
    file: Option<File>,
    left: u64,
    /// The file as it was when it was opened.
    tag: HeaderValue,
}

impl FileBody {
    /// The next bytes, or `None` at the end of what was promised or of the file. It is `Unavailable` if the file was
    /// written to meanwhile.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(mut file) = self.file.take().filter(|_| self.left > 0) else { return Ok(None) };
        // No more than `CHUNK`.
        let most = self.left.min(CHUNK as u64);
        let tag = self.tag.clone();
        let (file, bytes) = trying(move || {
            let mut bytes = Vec::with_capacity(most as usize);
            let failed = |error| unreadable(&error);
            (&mut file).take(most).read_to_end(&mut bytes).map_err(failed)?;
            if tag_of(&file.metadata().map_err(failed)?) != tag {
                return Err(Error::unavailable("the file was written to while it was read"));
            }
            Ok((file, bytes))
        })
        .await?;
        self.left -= bytes.len() as u64;
        self.file = Some(file);
        Ok(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

/// The answer to a request with `asked` among its headers (RFC 9110, 13.2.2 and 14.2, as far as downloads need it).
fn answer(path: &Path, asked: &HeaderMap) -> Result<(StatusCode, HeaderMap, Option<FileBody>)> {
    let failed = |error| unreadable(&error).at(path.display());
    // A pipe would keep us waiting when it is opened.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::data(format!("{} is no file", path.display())));
    }
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let (length, tag) = (metadata.len(), tag_of(&metadata));
    let mut headers = HeaderMap::from_iter([(ETAG, tag.clone())]);
    if asked.get(IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers, None));
    }
    let first = first_byte(asked).filter(|_| asked.get(IF_RANGE).is_none_or(|known| *known == tag));
    let first = match first {
        Some(first) if first >= length => {
            headers.extend(text(CONTENT_RANGE, format!("bytes */{length}")));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers, None));
        }
        Some(first) => {
            headers.extend(text(CONTENT_RANGE, format!("bytes {first}-{}/{length}", length - 1)));
            file.seek(SeekFrom::Start(first)).map_err(failed)?;
            Some(first)
        }
        None => None,
    };
    let left = length - first.unwrap_or(0);
    headers.extend(text(CONTENT_LENGTH, left.to_string()));
    let status = if first.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    Ok((status, headers, Some(FileBody { file: Some(file), left, tag })))
}

/// Where a range to the end begins; any other is passed over, as a server may.
fn first_byte(asked: &HeaderMap) -> Option<u64> {
    asked.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn tag_of(metadata: &Metadata) -> HeaderValue {
    let since = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let tag = format!("\"{:x}-{:x}\"", metadata.len(), since.unwrap_or_default().as_nanos());
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

fn text(name: HeaderName, value: String) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::try_from(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn said<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
        headers[name].to_str().unwrap()
    }

    async fn all(body: Option<FileBody>) -> Result<Vec<u8>> {
        let (mut body, mut all) = (body.unwrap(), Vec::new());
        while let Some(bytes) = body.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_file_is_answered_for_as_by_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let bytes: Vec<u8> = (0..CHUNK + 7).map(|n| n as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let (status, headers, body) = answer(&path, &HeaderMap::new()).unwrap();
        assert_eq!((status, said(&headers, &CONTENT_LENGTH)), (StatusCode::OK, "1048583"));
        assert!(all(body).await.unwrap() == bytes);
        let tag = headers[ETAG].to_str().unwrap();

        let (status, headers, body) =
            answer(&path, &asked(&[(RANGE, "bytes=1048576-"), (IF_RANGE, tag)])).unwrap();
        assert_eq!(
            (status, said(&headers, &CONTENT_RANGE)),
            (StatusCode::PARTIAL_CONTENT, "bytes 1048576-1048582/1048583")
        );
        assert!(all(body).await.unwrap() == bytes[CHUNK..]);
        let status = |headers: &[(HeaderName, &str)]| answer(&path, &asked(headers)).unwrap().0;
        assert_eq!(status(&[(RANGE, "bytes=5-"), (IF_RANGE, "\"other\"")]), StatusCode::OK);
        assert_eq!(status(&[(RANGE, "bytes=1048583-")]), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(status(&[(IF_NONE_MATCH, tag)]), StatusCode::NOT_MODIFIED);
        assert!(answer(folder.path(), &HeaderMap::new()).err().unwrap().to_string().contains("is no file"));
    }

    #[tokio::test]
    async fn a_file_that_is_written_to_meanwhile_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, vec![0; 2 * CHUNK]).unwrap();
        let mut body = answer(&path, &HeaderMap::new()).unwrap().2.unwrap();
        assert_eq!(body.chunk().await.unwrap().unwrap().len(), CHUNK);
        std::fs::write(&path, vec![1; 2 * CHUNK + 1]).unwrap();
        let error = body.chunk().await.unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Unavailable, "{error}");
    }
}
