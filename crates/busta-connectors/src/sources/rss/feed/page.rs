//! What to say about an answer that is no feed.

use busta_core::Error;
use url::Url;

use super::item::resolve;
use super::plain::one_line;
use crate::formats::markup::token::{Token, Tokens, attributes};

/// The error for a document without a feed, with the feed that an HTML page names as a hint.
pub(super) fn refusal(text: &str, root: Option<&str>, url: Option<&Url>) -> Error {
    let head = text.get(..200).unwrap_or(text).to_ascii_lowercase();
    if root == Some("html") || head.contains("<!doctype html") {
        let error = Error::data("the answer is an HTML page, not a feed");
        return match alternate(text) {
            Some(link) => error.hint(format!("the page names its feed: {}", resolve(&link, url))),
            None => error.hint("open the URL in a browser and look for the feed's address"),
        };
    }
    let begins: String = one_line(text.get(..400).unwrap_or(text)).chars().take(60).collect();
    let error = match root {
        Some(root) if text.starts_with('<') => {
            Error::data(format!("the answer is no feed: its root element is <{root}>"))
        }
        _ => Error::data(format!("the answer is no feed: it begins with {begins:?}")),
    };
    error.hint("RSS, RDF, Atom and JSON Feed can be read")
}

/// The feed that a page links to: `<link rel="alternate" type="application/rss+xml" href="…">`.
fn alternate(text: &str) -> Option<String> {
    Tokens::new(text).find_map(|token| {
        let Token::Start { name, attributes: text, .. } = token else { return None };
        if !name.eq_ignore_ascii_case("link") {
            return None;
        }
        let value =
            |name: &str| attributes(text).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        let kind = value("type")?.to_ascii_lowercase();
        let feed = ["rss+xml", "atom+xml", "feed+json", "rdf+xml"].iter().any(|feed| kind.contains(feed));
        let alternate = value("rel")?.to_ascii_lowercase().contains("alternate");
        (feed && alternate).then(|| value("href")).flatten().map(|href| href.replace("&amp;", "&"))
    })
}
