//! Links, as landing pages, catalogues and pages of items have them.

use busta_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::http::excerpt;

/// A link. What STAC adds to those of the web: a method, a body and headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to: `next`, `search`, `child`, `item`.
    pub rel: String,
    /// Where, absolute or relative to the document that it stands in.
    pub href: String,
    /// The media type of what is there.
    #[serde(default, rename = "type")]
    pub media_type: Option<String>,
    /// GET if not given.
    #[serde(default)]
    pub method: Option<String>,
    /// The body to send, or to add to that of the first request.
    #[serde(default)]
    pub body: Option<Value>,
    /// Whether `body` and `headers` are added to the first request's own.
    #[serde(default)]
    pub merge: Option<bool>,
    /// Headers to send.
    #[serde(default)]
    pub headers: Option<Map<String, Value>>,
}

/// The links in the JSON text of a `links` field. What is no link is passed over, as one bad link
/// does not make the others wrong.
pub fn links(raw: &str) -> Vec<Link> {
    let values: Vec<Value> = serde_json::from_str(raw).unwrap_or_default();
    values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}

impl Link {
    /// Whether it asks for POST.
    pub fn is_post(&self) -> bool {
        self.method.as_deref().is_some_and(|method| method.eq_ignore_ascii_case("POST"))
    }

    /// Where it leads, from the document at `base`.
    pub fn target(&self, base: &Url) -> Result<Url> {
        let wrong = |why: &str| {
            Error::data(format!("the {} link `{}` {why}", self.rel, excerpt(self.href.as_bytes())))
        };
        let url = base.join(&self.href).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            "file" if base.scheme() == "file" => Ok(url),
            _ => Err(wrong("is neither http nor https")),
        }
    }
}
