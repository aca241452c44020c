//! Which of feedparser's fields are stored here, and whether a stored one is as expected.

use busta_connectors::sources::rss::feed::{Entry, Feed, Person};

use crate::expectation::{Comparison, Literal};

/// Whether a comparison holds; `None` if it concerns nothing that is stored.
pub fn holds(comparison: &Comparison, feed: &Feed, bytes: &[u8]) -> Option<Result<(), String>> {
    let parts: Vec<&str> = comparison.path.split('.').collect();
    match (&parts[..], &comparison.value) {
        (["entries", "len"], Literal::Number(count)) => {
            Some(check(feed.entries.len() as i64 == *count, feed.entries.len()))
        }
        (["entries", index, field @ ..], value) => {
            let entry = feed.entries.get(index.parse::<usize>().ok()?);
            let empty = Entry::default();
            entry_field(entry.unwrap_or(&empty), field, value)
        }
        (["feed", field @ ..], Literal::Text(text)) => feed_field(feed, field, text),
        (["encoding"], Literal::Text(label)) => encoding(feed, label, bytes),
        _ => None,
    }
}

fn check(holds: bool, found: impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{found:?}")) }
}

fn feed_field(feed: &Feed, field: &[&str], text: &str) -> Option<Result<(), String>> {
    Some(match field {
        ["title"] | ["title_detail", "value"] => plain(feed.title.as_deref(), text),
        ["link"] => same(feed.link.as_deref(), text),
        ["language"] => same(feed.language.as_deref(), text),
        _ => return None,
    })
}

fn entry_field(entry: &Entry, field: &[&str], value: &Literal) -> Option<Result<(), String>> {
    let text = match value {
        Literal::Text(text) => text.as_str(),
        Literal::Numbers(numbers) => return time(entry, field, numbers),
        Literal::Number(_) => return None,
    };
    let either = entry.summary.as_deref().or(entry.content.as_deref());
    Some(match field {
        ["title"] | ["title_detail", "value"] => plain(entry.title.as_deref(), text),
        ["subtitle"] => plain(entry.subtitle.as_deref(), text),
        ["rights"] | ["rights_detail", "value"] => plain(entry.rights.as_deref(), text),
        // feedparser gives the content as summary where there is no summary.
        ["description" | "summary"] | ["summary_detail", "value"] => markup(either, text)?,
        ["content", "0", "value"] => markup(entry.content.as_deref().or(entry.summary.as_deref()), text)?,
        ["link"] => same(entry.link.as_deref(), text),
        ["id" | "guid"] => same(Some(&entry.id), text),
        ["comments"] => same(entry.comments.as_deref(), text),
        ["language"] => same(entry.language.as_deref(), text),
        ["author"] => author(entry, text),
        ["author_detail", field] => person(entry.authors.last(), field, text)?,
        ["authors", index, field] => person(entry.authors.get(index.parse::<usize>().ok()?), field, text)?,
        ["contributors", index, field] => {
            person(entry.contributors.get(index.parse::<usize>().ok()?), field, text)?
        }
        ["tags", index, "term"] => same(nth(&entry.categories, index), text),
        ["category"] => same(entry.categories.first().map(String::as_str), text),
        ["enclosures", index, field] => {
            let file = entry.enclosures.get(index.parse::<usize>().ok()?);
            match *field {
                "url" | "href" => same(file.map(|file| file.url.as_str()), text),
                "type" => same(file.and_then(|file| file.kind.as_deref()), text),
                "length" => {
                    same(file.and_then(|file| file.length).map(|length| length.to_string()).as_deref(), text)
                }
                _ => return None,
            }
        }
        ["image", "href"] => same(entry.image.as_deref(), text),
        ["source", "title"] => plain(entry.source.as_ref().and_then(|source| source.title.as_deref()), text),
        ["source", "link"] => same(entry.source.as_ref().and_then(|source| source.url.as_deref()), text),
        ["itunes_duration"] => same(entry.duration.as_deref(), text),
        _ => return None,
    })
}

fn nth<'e>(texts: &'e [String], index: &str) -> Option<&'e str> {
    texts.get(index.parse::<usize>().ok()?).map(String::as_str)
}

fn same(found: Option<&str>, expected: &str) -> Result<(), String> {
    check(found.unwrap_or_default() == expected, found)
}

/// Titles are stored as plain text, where feedparser leaves markup.
fn plain(found: Option<&str>, expected: &str) -> Result<(), String> {
    let found = found.unwrap_or_default();
    let spaced = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    check(found == spaced(expected) || found == spaced(&stripped(expected)), found)
}

/// A simple way to plain text, other than the one that is tested.
fn stripped(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    let mut text = out;
    for (reference, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#38;", "&"),
        ("&#x26;", "&"),
        ("&amp;", "&"),
    ] {
        text = text.replace(reference, character);
    }
    text
}

/// Markup is stored as it is given. What feedparser makes of the links in it does not concern us; how
/// it writes the same tags does not either.
fn markup(found: Option<&str>, expected: &str) -> Option<Result<(), String>> {
    if expected.contains("=\"http://") {
        return None;
    }
    let found = found.unwrap_or_default();
    let written = |text: &str| {
        text.replace(" />", "/>")
            .replace('\'', "\"")
            .replace("&quot;", "\"")
            .replace("&apos;", "\"")
            .replace("&#39;", "\"")
    };
    Some(check(written(found) == written(expected), found))
}

fn author(entry: &Entry, expected: &str) -> Result<(), String> {
    let last = entry.authors.last().map(|person| match (&person.name, &person.email) {
        (Some(name), Some(email)) => format!("{name} ({email})"),
        (name, email) => name.clone().or(email.clone()).unwrap_or_default(),
    });
    let found = last.clone().unwrap_or_default();
    check(found == expected || entry.author.as_deref() == Some(expected), last)
}

fn person(person: Option<&Person>, field: &str, expected: &str) -> Option<Result<(), String>> {
    Some(match field {
        "name" => same(person.and_then(|person| person.name.as_deref()), expected),
        "email" => same(person.and_then(|person| person.email.as_deref()), expected),
        "url" | "href" => same(person.and_then(|person| person.url.as_deref()), expected),
        _ => return None,
    })
}

fn time(entry: &Entry, field: &[&str], numbers: &[i64]) -> Option<Result<(), String>> {
    let found = match field {
        ["published_parsed"] => entry.published.as_deref(),
        ["updated_parsed"] => entry.updated.as_deref(),
        _ => return None,
    };
    let [year, month, day, hour, minute, second, ..] = numbers else { return None };
    let expected = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Some(check(found.is_some_and(|found| found.starts_with(&expected)), found))
}

/// Encodings have many names and include one another; what counts is that the bytes mean the same text
/// in both. `None` for encodings that we cannot decode.
fn encoding(feed: &Feed, expected: &str, bytes: &[u8]) -> Option<Result<(), String>> {
    let expected = expected.to_ascii_lowercase();
    if expected.starts_with("utf-32") {
        return Some(check(feed.encoding == "utf-32", feed.encoding));
    }
    let known = encoding_rs::Encoding::for_label(expected.as_bytes())?;
    let read_as = encoding_rs::Encoding::for_label(feed.encoding.as_bytes());
    let same = read_as.is_some_and(|read_as| read_as.decode(bytes).0 == known.decode(bytes).0);
    Some(check(same, feed.encoding))
}
