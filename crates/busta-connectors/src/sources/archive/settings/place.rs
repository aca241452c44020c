//! Where a repository is, where its listings are, and what requests say of who asks.

use std::collections::BTreeMap;

use http::header::{self, HeaderName, HeaderValue};
use url::Url;

use super::super::config::ArchiveConfig;
use super::super::layout::{Discover, Layout};
use crate::sources::api::problems::Problems;

/// How it is found out which files there are.
pub(super) fn discover(config: &ArchiveConfig, layout: &Layout) -> Discover {
    match (&config.discover, &layout.discover) {
        (Some(discover), _) => discover.clone(),
        // Another place has another bucket.
        (None, Discover::S3 { .. }) if config.base_url.is_some() => Discover::S3 { url: None },
        (None, discover) => discover.clone(),
    }
}

/// Where the paths of files start.
pub(super) fn base(
    config: &ArchiveConfig,
    layout: &Layout,
    discover: &Discover,
    problems: &mut Problems,
) -> Option<Url> {
    let bucket = match discover {
        Discover::S3 { url } => url.as_ref(),
        _ => None,
    };
    let Some(text) = config.base_url.as_ref().or(layout.base_url.as_ref()).or(bucket) else {
        problems.add("base_url", "is missing");
        return None;
    };
    web("base_url", text, problems)
}

/// A URL of a folder.
fn web(key: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    match Url::parse(text) {
        Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
            url.set_fragment(None);
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            Some(url)
        }
        Ok(url) => {
            problems.add(key, format!("cannot be read by `{}`, only by http and https", url.scheme()));
            None
        }
        Err(error) => {
            problems.add(key, format!("`{text}` is no URL: {error}"));
            None
        }
    }
}

/// Where listings are.
pub(super) fn lists(base: &Url, discover: &Discover, problems: &mut Problems) -> Option<Url> {
    // A manifest is a file and no folder; the name of a bucket in a path has no slash behind it when it is asked for
    // its list.
    let text = match discover {
        Discover::Manifest { url } | Discover::S3 { url: Some(url) } => url,
        _ => return Some(base.clone()),
    };
    match base.join(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        Ok(url) => {
            problems.add("discover", format!("cannot be read by `{}`, only by http and https", url.scheme()));
            None
        }
        Err(error) => {
            problems.add("discover", format!("`{text}` is no URL: {error}"));
            None
        }
    }
}

/// Headers that a download sets itself: with others of the kind, what comes is not what was asked for.
const OWN: [HeaderName; 8] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::ACCEPT_ENCODING,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::HOST,
];

/// The headers of every request.
pub(super) fn headers(
    given: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Vec<(HeaderName, HeaderValue)> {
    let headers = crate::sources::api::headers(given, problems);
    for (name, _) in headers.iter().filter(|(name, _)| OWN.contains(name)) {
        problems.within("headers", None, |p| p.add(name.as_str(), "is set by busta itself"));
    }
    headers
}

/// Whether a header may be what makes a server answer.
pub(super) fn may_be_credentials((name, _): &(HeaderName, HeaderValue)) -> bool {
    ![header::USER_AGENT, header::ACCEPT, header::ACCEPT_LANGUAGE, header::REFERER].contains(name)
}
