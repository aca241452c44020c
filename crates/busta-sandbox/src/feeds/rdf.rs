//! RSS 1.0 (<https://web.resource.org/rss/1.0/spec>), which is RDF, with Dublin Core.

use super::Feed;
use super::entry::escape;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
"#;

pub(super) fn render(feed: &Feed) -> String {
    let home = escape(&feed.home);
    let mut out = format!(
        "{HEAD}<channel rdf:about=\"{home}\">\n<title>{}</title>\n<link>{home}</link>\n\
         <description>{}</description>\n<dc:date>{}</dc:date>\n<items><rdf:Seq>\n",
        escape(&feed.title),
        escape(&feed.description),
        feed.updated.to_rfc3339()
    );
    for entry in &feed.entries {
        out += &format!("<rdf:li rdf:resource=\"{}\"/>\n", escape(&entry.guid));
    }
    out += "</rdf:Seq></items>\n</channel>\n";
    for entry in &feed.entries {
        out += &match feed.with_ids {
            true => format!("<item rdf:about=\"{}\">\n", escape(&entry.guid)),
            false => "<item>\n".to_owned(),
        };
        out += &format!(
            "<title>{}</title>\n<link>{}</link>\n<description>{}</description>\n<dc:creator>{}</dc:creator>\n\
             <dc:date>{}</dc:date>\n<content:encoded><![CDATA[{}]]></content:encoded>\n",
            escape(&entry.title),
            escape(&entry.link),
            escape(&entry.summary),
            escape(&entry.author),
            entry.published.to_rfc3339(),
            entry.content
        );
        for category in &entry.categories {
            out += &format!("<dc:subject>{}</dc:subject>\n", escape(category));
        }
        out += "</item>\n";
    }
    out + "</rdf:RDF>\n"
}
