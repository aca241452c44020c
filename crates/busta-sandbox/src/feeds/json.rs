//! JSON Feed 1.1 (<https://www.jsonfeed.org/version/1.1/>).

use serde_json::{Value, json};

use super::Feed;
use super::entry::FeedEntry;

pub(super) fn render(feed: &Feed) -> String {
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home,
        "items": feed.entries.iter().map(|entry| item(feed, entry)).collect::<Vec<_>>(),
    })
    .to_string()
}

fn item(feed: &Feed, entry: &FeedEntry) -> Value {
    let mut item = json!({
        "url": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.content,
        "date_published": entry.published.to_rfc3339(),
        "authors": [{ "name": entry.author }],
        "tags": entry.categories,
    });
    if feed.with_ids {
        item["id"] = entry.guid.clone().into();
    }
    if let Some((url, size)) = &entry.enclosure {
        item["attachments"] = json!([{ "url": url, "mime_type": "audio/mpeg", "size_in_bytes": size }]);
    }
    item
}
