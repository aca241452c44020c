//! JSON Feed 1.0 and 1.1. <https://www.jsonfeed.org/version/1.1/>

use serde_json::{Map, Value};
use url::Url;

use super::entry::{Dates, Enclosure, Entry, Link, Person};
use super::item::resolve;
use super::plain::one_line;
use super::{Bad, Feed};

/// Reads a JSON Feed; `None` if the text is none. A text that breaks off keeps its complete items.
pub(super) fn read(text: &str, url: Option<&Url>) -> Option<Feed> {
    let (head, items, cut) = match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(mut head) => match head.remove("items") {
            Some(Value::Array(items)) => (head, items, false),
            _ => return None,
        },
        Err(_) => salvage(text)?,
    };
    let mut feed = Feed {
        format: "JSON Feed".to_owned(),
        title: string(&head, "title").map(|title| one_line(&title)),
        link: string(&head, "home_page_url"),
        language: string(&head, "language"),
        ..Feed::default()
    };
    let authors = people(&head);
    for (index, item) in items.iter().enumerate() {
        match item.as_object().and_then(|item| entry(item, url, &authors, feed.language.as_deref())) {
            Some(entry) => feed.entries.push(entry),
            None => feed.bad.push(Bad {
                item: index + 1,
                reason: "the item is no object with an id, a link or a text".to_owned(),
                payload: item.to_string(),
            }),
        }
    }
    if cut {
        let reason = "the feed breaks off here, or is no valid JSON from here on".to_owned();
        feed.bad.push(Bad { item: items.len() + 1, reason, payload: String::new() });
    }
    Some(feed)
}

/// The items before the place where a document breaks.
fn salvage(text: &str) -> Option<(Map<String, Value>, Vec<Value>, bool)> {
    let (before, after) = text.split_once("\"items\"")?;
    let mut rest = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('[')?;
    let head =
        serde_json::from_str(&format!("{}}}", before.trim_end().trim_end_matches(','))).unwrap_or_default();
    let mut items = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(item)) = values.next() else { break };
        items.push(item);
        rest = rest[values.byte_offset()..].trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    Some((head, items, true))
}

fn entry(
    item: &Map<String, Value>,
    url: Option<&Url>,
    authors: &[Person],
    language: Option<&str>,
) -> Option<Entry> {
    let link = |name| string(item, name).map(|link| resolve(&link, url));
    let html = string(item, "content_html");
    let text = string(item, "content_text");
    let own = people(item);
    let entry = Entry {
        id: string(item, "id").unwrap_or_default(),
        link: link("url").or_else(|| link("external_url")),
        title: string(item, "title").map(|title| one_line(&title)),
        summary_type: item.get("summary").map(|_| "text/plain".to_owned()),
        summary: string(item, "summary"),
        content_type: (html.is_none() && text.is_some()).then(|| "text/plain".to_owned()),
        content: html.or(text),
        authors: if own.is_empty() { authors.to_vec() } else { own },
        categories: strings(item, "tags"),
        language: string(item, "language").or_else(|| language.map(str::to_owned)),
        enclosures: enclosures(item, url),
        image: link("image").or_else(|| link("banner_image")),
        links: link("external_url")
            .filter(|_| item.contains_key("url"))
            .map(|href| Link { rel: "related".to_owned(), href, kind: None })
            .into_iter()
            .collect(),
        ..Entry::default()
    };
    entry.complete(&Dates {
        published: string(item, "date_published"),
        updated: string(item, "date_modified"),
        created: None,
    })
}

/// `authors`, or `author` of version 1.0.
fn people(object: &Map<String, Value>) -> Vec<Person> {
    let many = object.get("authors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let person = |value: &Value| {
        let object = value.as_object()?;
        let person = Person { name: string(object, "name"), email: None, url: string(object, "url") };
        (person != Person::default()).then_some(person)
    };
    many.iter().chain(object.get("author")).filter_map(person).collect()
}

fn enclosures(item: &Map<String, Value>, url: Option<&Url>) -> Vec<Enclosure> {
    let files = item.get("attachments").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let file = |value: &Value| {
        let file = value.as_object()?;
        Some(Enclosure {
            url: resolve(&string(file, "url")?, url),
            kind: string(file, "mime_type"),
            length: file.get("size_in_bytes").and_then(Value::as_u64),
            title: string(file, "title"),
        })
    };
    files.iter().filter_map(file).collect()
}

/// A text; a number too, since many feeds have ids of that kind.
fn string(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match object.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn strings(object: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = object.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(Value::as_str).map(one_line).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: &str = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","language":"en",
        "authors":[{"name":"Jo"}],"items":[
        {"id":1,"url":"/a","title":"A","content_html":"<p>a</p>","date_published":"2024-01-02T03:04:05+01:00",
         "tags":["x","y"],"attachments":[{"url":"/a.mp3","mime_type":"audio/mpeg","size_in_bytes":7}]},
        {"id":"b","content_text":"b","author":{"name":"Bo"}},
        7
    ]}"#;

    #[test]
    fn items_become_entries() {
        let url = "https://a.example/feed.json".parse().unwrap();
        let feed = read(FEED, Some(&url)).unwrap();
        let [a, b] = &feed.entries[..] else { panic!("{feed:?}") };
        assert_eq!((a.id.as_str(), a.link.as_deref()), ("1", Some("https://a.example/a")));
        assert_eq!(a.published.as_deref(), Some("2024-01-02T02:04:05Z"));
        assert_eq!((a.author.as_deref(), b.author.as_deref()), (Some("Jo"), Some("Bo")));
        assert_eq!(a.enclosures[0].length, Some(7));
        assert_eq!(b.content_type.as_deref(), Some("text/plain"));
        assert_eq!(feed.bad[0].item, 3);
    }

    #[test]
    fn a_cut_feed_keeps_its_complete_items() {
        let cut = &FEED[..FEED.find("\"Bo\"").unwrap()];
        let feed = read(cut, None).unwrap();
        assert_eq!(feed.entries.len(), 1);
        assert_eq!(feed.title.as_deref(), Some("t"));
        assert_eq!(feed.bad[0].item, 2);
    }

    #[test]
    fn other_json_is_no_feed() {
        assert_eq!(read(r#"{"error":"no"}"#, None), None);
        assert_eq!(read("{", None), None);
    }
}
