//! The kinds of pagination: how a request names a page, and how an answer names the next one.

use std::ops::Range;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::listing::Listing;
use crate::app::Call;
use crate::body::Content;
use crate::data;
use crate::reply::{JSON, Reply};

const DEFAULT_PAGE: u64 = 100;
const MAX_PAGE: u64 = 10_000;
/// Mixed into tokens, so that a made-up one is refused.
const SALT: u64 = 0x5A17_B057;

/// How pages are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Page,
    Offset,
    Cursor,
    NextUrl,
    Link,
    None,
}

impl FromStr for Kind {
    type Err = Reply;

    fn from_str(text: &str) -> Result<Self, Reply> {
        Ok(match text {
            "page" => Self::Page,
            "offset" => Self::Offset,
            "cursor" => Self::Cursor,
            "next_url" => Self::NextUrl,
            "link" => Self::Link,
            "none" => Self::None,
            _ => return Err(Reply::not_found("such kind of pagination")),
        })
    }
}

/// One page of a listing: the part asked for, cut to what is there.
struct Page {
    range: Range<u64>,
    size: u64,
    total: u64,
}

impl Page {
    fn new(start: u64, size: u64, total: u64) -> Self {
        let start = start.min(total);
        Self { range: start..start.saturating_add(size).min(total), size, total }
    }

    fn has_more(&self) -> bool {
        self.range.end < self.total
    }

    fn pages(&self) -> u64 {
        self.total.div_ceil(self.size)
    }
}

impl Kind {
    /// Answers with the page that the request names.
    pub(super) fn page(self, call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
        match self {
            Self::Page => by_page(call, listing),
            Self::Offset => by_offset(call, listing),
            Self::Cursor => by_cursor(call, listing),
            Self::NextUrl => by_next_url(call, listing),
            Self::Link => by_link(call, listing),
            Self::None => Ok(bare(listing.page(0..listing.len()))),
        }
    }
}

fn by_page(call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
    let (number, page) = numbered(call, listing)?;
    let mut fields = Map::from_iter([("page".into(), number.into()), ("per_page".into(), page.size.into())]);
    if hides_total(call) {
        fields.insert("has_more".into(), page.has_more().into());
        return Ok(envelope(listing, &page, fields));
    }
    fields.extend([("pages".to_owned(), page.pages().into()), ("total".to_owned(), page.total.into())]);
    Ok(with_totals(envelope(listing, &page, fields), &page))
}

fn by_offset(call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
    let size = size(call, "limit")?;
    let offset = call.params.number("offset")?.unwrap_or(0);
    let page = Page::new(offset, size, listing.len());
    let mut fields = Map::from_iter([("offset".into(), offset.into()), ("limit".into(), size.into())]);
    if hides_total(call) {
        fields.insert("has_more".into(), page.has_more().into());
        return Ok(envelope(listing, &page, fields));
    }
    fields.insert("total".into(), page.total.into());
    Ok(with_totals(envelope(listing, &page, fields), &page))
}

fn by_cursor(call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
    let start = match call.params.get("cursor") {
        Some(token) if !token.is_empty() => place(token)?,
        _ => 0,
    };
    let page = Page::new(start, size(call, "limit")?, listing.len());
    let next = page.has_more().then(|| token(page.range.end));
    let fields = json!({ "next_cursor": next, "has_more": page.has_more() });
    let Value::Object(fields) = fields else {
        return Err(Reply::bad_request("no such page"));
    };
    let reply = envelope(listing, &page, fields);
    Ok(match next {
        Some(next) => reply.header("x-next-cursor", next),
        None => reply,
    })
}

fn by_next_url(call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
    let (number, page) = numbered(call, listing)?;
    let next = if page.has_more() { link(call, number + 1).into() } else { Value::Null };
    Ok(envelope(listing, &page, Map::from_iter([("next".into(), next)])))
}

/// RFC 8288; the body is a bare array, as GitHub's is.
fn by_link(call: &Call<'_>, listing: &Listing<'_>) -> Result<Reply, Reply> {
    let (number, page) = numbered(call, listing)?;
    let last = page.pages().max(1);
    let mut links = Vec::new();
    let mut add = |page: u64, rel: &str| links.push(format!("<{}>; rel=\"{rel}\"", link(call, page)));
    if number > 1 {
        add(number - 1, "prev");
    }
    if page.has_more() {
        add(number + 1, "next");
    }
    if !hides_total(call) {
        add(1, "first");
        add(last, "last");
    }
    let reply = bare(listing.page(page.range.clone()));
    Ok(if links.is_empty() { reply } else { reply.header("link", links.join(", ")) })
}

/// The page that `page` and `per_page` name, and its number, which starts at 1 or at `first`.
fn numbered(call: &Call<'_>, listing: &Listing<'_>) -> Result<(u64, Page), Reply> {
    let first = call.params.number("first")?.unwrap_or(1);
    let number = call.params.number("page")?.unwrap_or(first);
    let size = size(call, "per_page")?;
    let before = number
        .checked_sub(first)
        .ok_or_else(|| Reply::bad_request(&format!("pages start at {first}, there is no page {number}")))?;
    Ok((number, Page::new(before.saturating_mul(size), size, listing.len())))
}

/// The size of a page: `name`, or `per_page`, or `limit`, never more than a server would allow.
fn size(call: &Call<'_>, name: &str) -> Result<u64, Reply> {
    for name in [name, "per_page", "limit"] {
        match call.params.number(name)? {
            Some(0) => return Err(Reply::bad_request(&format!("`{name}` must be at least 1"))),
            Some(size) => return Ok(size.min(MAX_PAGE)),
            None => {}
        }
    }
    Ok(DEFAULT_PAGE)
}

fn hides_total(call: &Call<'_>) -> bool {
    call.params.get("total") == Some("hide")
}

/// The URL of another page, absolute unless the request asks for `form=relative`.
fn link(call: &Call<'_>, page: u64) -> String {
    let query = call.params.query_with("page", &page.to_string());
    match call.params.get("form") {
        Some("relative") => format!("{}?{query}", call.path),
        _ => format!("{}?{query}", call.url()),
    }
}

/// `{"items":[...],` and the fields; the array is shared with other answers.
fn envelope(listing: &Listing<'_>, page: &Page, fields: Map<String, Value>) -> Reply {
    let mut tail = Value::Object(fields).to_string();
    tail.replace_range(..1, ",");
    let parts = [Bytes::from_static(br#"{"items":"#), listing.page(page.range.clone()), tail.into()];
    Reply::ok(JSON, Content::parts(parts))
}

fn bare(array: Bytes) -> Reply {
    Reply::ok(JSON, Content::whole(array))
}

fn with_totals(reply: Reply, page: &Page) -> Reply {
    reply.header("x-total-count", page.total.to_string()).header("x-total-pages", page.pages().to_string())
}

fn token(place: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{place}.{:08x}", data::mix(place ^ SALT) as u32))
}

fn place(token_text: &str) -> Result<u64, Reply> {
    let decoded = URL_SAFE_NO_PAD.decode(token_text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = decoded.as_deref().and_then(|text| text.split_once('.')?.0.parse().ok());
    place
        .filter(|place| token(*place) == token_text)
        .ok_or_else(|| Reply::bad_request("the cursor is not one that this server gave"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_again_and_others_refused() {
        for at in [0, 1, 100, u64::MAX] {
            assert_eq!(place(&token(at)).ok(), Some(at));
        }
        for wrong in ["", "100", "MTAw", "!!!", "MTAwLjAwMDAwMDAw"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_are_cut_to_what_is_there() {
        let page = Page::new(200, 100, 250);
        assert_eq!((page.range.clone(), page.has_more(), page.pages()), (200..250, false, 3));
        assert_eq!(Page::new(900, 100, 250).range, 250..250);
        assert_eq!(Page::new(u64::MAX, u64::MAX, 250).range, 250..250);
        assert!(Page::new(0, 100, 250).has_more());
    }
}
