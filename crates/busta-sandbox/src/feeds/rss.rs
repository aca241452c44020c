//! RSS 0.91, 0.92 and 2.0. What a version does not have is left out: the first two have neither
//! dates nor identities.

use super::Feed;
use super::entry::{FeedEntry, escape};

/// The members of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V091,
    V092,
    V2,
}

/// Renders a channel (<https://www.rssboard.org/rss-specification> and its older versions).
pub(super) fn render(feed: &Feed, version: Version) -> String {
    let (number, namespaces) = match version {
        Version::V091 => ("0.91", ""),
        Version::V092 => ("0.92", ""),
        Version::V2 => (
            "2.0",
            r#" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/""#,
        ),
    };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"{number}\"{namespaces}>\n<channel>\n\
         <title>{}</title>\n<link>{}</link>\n<description>{}</description>\n<language>en</language>\n",
        escape(&feed.title),
        escape(&feed.home),
        escape(&feed.description)
    );
    if version == Version::V2 {
        out += &format!("<ttl>60</ttl>\n<lastBuildDate>{}</lastBuildDate>\n", feed.updated.to_rfc2822());
    }
    for entry in &feed.entries {
        item(&mut out, feed, entry, version);
    }
    out + "</channel>\n</rss>\n"
}

fn item(out: &mut String, feed: &Feed, entry: &FeedEntry, version: Version) {
    *out += &format!(
        "<item>\n<title>{}</title>\n<link>{}</link>\n<description>{}</description>\n",
        escape(&entry.title),
        escape(&entry.link),
        escape(&entry.summary)
    );
    if version >= Version::V092 {
        for category in &entry.categories {
            *out += &format!("<category>{}</category>\n", escape(category));
        }
        if let Some((url, size)) = &entry.enclosure {
            *out += &format!("<enclosure url=\"{}\" length=\"{size}\" type=\"audio/mpeg\"/>\n", escape(url));
        }
    }
    if version == Version::V2 {
        if feed.with_ids {
            *out += &format!("<guid isPermaLink=\"false\">{}</guid>\n", escape(&entry.guid));
        }
        *out += &format!(
            "<pubDate>{}</pubDate>\n<dc:creator>{}</dc:creator>\n<content:encoded><![CDATA[{}]]></content:encoded>\n",
            entry.published.to_rfc2822(),
            escape(&entry.author),
            entry.content
        );
    }
    *out += "</item>\n";
}
