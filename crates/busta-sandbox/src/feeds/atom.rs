//! Atom (RFC 4287).

use super::Feed;
use super::entry::{FeedEntry, escape};

pub(super) fn render(feed: &Feed) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n\
         <id>{}</id>\n<title>{}</title>\n<subtitle>{}</subtitle>\n<updated>{}</updated>\n\
         <link rel=\"alternate\" href=\"{}\"/>\n",
        escape(&feed.id),
        escape(&feed.title),
        escape(&feed.description),
        feed.updated.to_rfc3339(),
        escape(&feed.home)
    );
    for entry in &feed.entries {
        item(&mut out, feed, entry);
    }
    out + "</feed>\n"
}

fn item(out: &mut String, feed: &Feed, entry: &FeedEntry) {
    *out += "<entry>\n";
    if feed.with_ids {
        *out += &format!("<id>{}</id>\n", escape(&entry.guid));
    }
    let at = entry.published.to_rfc3339();
    *out += &format!(
        "<title type=\"text\">{}</title>\n<link rel=\"alternate\" href=\"{}\"/>\n<published>{at}</published>\n\
         <updated>{at}</updated>\n<author><name>{}</name></author>\n",
        escape(&entry.title),
        escape(&entry.link),
        escape(&entry.author)
    );
    for category in &entry.categories {
        *out += &format!("<category term=\"{}\"/>\n", escape(category));
    }
    if let Some((url, size)) = &entry.enclosure {
        *out += &format!(
            "<link rel=\"enclosure\" type=\"audio/mpeg\" length=\"{size}\" href=\"{}\"/>\n",
            escape(url)
        );
    }
    *out += &format!(
        "<summary type=\"text\">{}</summary>\n<content type=\"html\">{}</content>\n</entry>\n",
        escape(&entry.summary),
        escape(&entry.content)
    );
}
