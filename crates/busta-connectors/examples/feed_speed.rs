//! How fast feeds are parsed, on one core: `cargo run --release -p busta-connectors --example feed_speed`.

use std::time::{Duration, Instant};

use busta_connectors::sources::rss::feed::parse;

const ENTRIES: usize = 20;

fn rss() -> String {
    let item = |n: usize| {
        format!(
            "<item><title>Ferries &amp; trains no. {n}</title><link>https://a.example/{n}</link>\
             <description>A sentence of plain text about the ferries &amp;#8212; and the trains.</description>\
             <category>travel</category><guid isPermaLink=\"false\">urn:{n}</guid>\
             <pubDate>Tue, 02 Jan 2024 03:04:05 +0100</pubDate><dc:creator>Zoë Müller</dc:creator>\
             <content:encoded><![CDATA[{}]]></content:encoded></item>",
            "<p>Text of a paragraph with <a href=\"/x\">a link</a> &amp; more.</p>".repeat(10)
        )
    };
    let items: String = (0..ENTRIES).map(item).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" \
         xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
         <channel><title>T</title>{items}</channel></rss>"
    )
}

fn atom() -> String {
    let entry = |n: usize| {
        format!(
            "<entry><id>urn:{n}</id><title>Ferries &amp; trains no. {n}</title><link href=\"https://a.example/{n}\"/>\
             <updated>2024-01-02T03:04:05Z</updated><author><name>Zoë Müller</name></author>\
             <category term=\"travel\"/><content type=\"html\">{}</content></entry>",
            "&lt;p&gt;Text of a paragraph with &lt;a href=\"/x\"&gt;a link&lt;/a&gt; &amp;amp; more.&lt;/p&gt;".repeat(10)
        )
    };
    let entries: String = (0..ENTRIES).map(entry).collect();
    format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>T</title>{entries}</feed>")
}

#[allow(clippy::print_stdout, reason = "this is a program for the terminal")]
fn main() {
    for (name, feed) in [("RSS 2.0", rss()), ("Atom 1.0", atom())] {
        let started = Instant::now();
        let mut feeds = 0;
        while started.elapsed() < Duration::from_secs(2) {
            feeds += usize::from(
                parse(feed.as_bytes(), None, None).is_ok_and(|feed| feed.entries.len() == ENTRIES),
            );
        }
        let seconds = started.elapsed().as_secs_f64();
        let entries = (feeds * ENTRIES) as f64 / seconds;
        let megabytes = (feeds * feed.len()) as f64 / seconds / 1e6;
        let five_hundred = 500.0 * seconds / feeds as f64 * 1000.0;
        println!(
            "{name}: {entries:.0} entries/s, {megabytes:.0} MB/s ({} bytes a feed; 500 feeds cost {five_hundred:.1} ms)",
            feed.len()
        );
    }
}
