//! Feeds of all formats and everything that is commonly wrong with them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests may")]

use busta_connectors::sources::rss::feed::{Entry, Feed, parse};
use busta_core::ErrorKind;
use proptest::prelude::*;
use url::Url;

fn read(text: &str) -> Feed {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Feed {
    let url = Url::parse("https://a.example/blog/feed.xml").unwrap();
    parse(bytes, None, Some(&url)).unwrap()
}

fn only(feed: &Feed) -> &Entry {
    assert_eq!(feed.entries.len(), 1, "{feed:?}");
    &feed.entries[0]
}

fn rss(items: &str) -> String {
    format!(
        "<rss version='2.0'><channel><title>T</title><link>https://a.example/</link>{items}</channel></rss>"
    )
}

#[test]
fn rss_2_with_its_extensions() {
    let feed = read(
        r#"<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
          xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
          xmlns:media="http://search.yahoo.com/mrss/"><channel><title>A &amp; B</title><link>https://a.example/</link>
          <language>en-gb</language><image><title>no</title><url>x</url></image>
          <item><title>One</title><link>/1</link><guid isPermaLink="false">g1</guid>
          <description>short</description><content:encoded><![CDATA[<p>long</p>]]></content:encoded>
          <dc:creator>Jo</dc:creator><category>x</category><category domain="d">y</category>
          <pubDate>Tue, 02 Jan 2024 03:04:05 +0100</pubDate><comments>/1#c</comments>
          <enclosure url="/1.mp3" length="7" type="audio/mpeg"/><itunes:duration>1:02</itunes:duration>
          <itunes:author>no</itunes:author><media:thumbnail url="/1.png"/><source url="https://o.example/">O</source>
          </item></channel></rss>"#,
    );
    assert_eq!((feed.format.as_str(), feed.title.as_deref()), ("RSS 2.0", Some("A & B")));
    let entry = serde_json::to_value(only(&feed)).unwrap();
    let expected = serde_json::json!({
        "id": "g1", "link": "https://a.example/1", "title": "One", "summary": "short", "content": "<p>long</p>",
        "author": "Jo", "authors": [{"name": "Jo"}], "categories": ["x", "y"],
        "published": "2024-01-02T02:04:05Z", "updated": "2024-01-02T02:04:05Z", "language": "en-gb",
        "enclosures": [{"url": "https://a.example/1.mp3", "type": "audio/mpeg", "length": 7}],
        "comments": "https://a.example/1#c", "image": "https://a.example/1.png", "duration": "1:02",
        "source": {"title": "O", "url": "https://o.example/"},
    });
    assert_eq!(entry, expected);
}

#[test]
fn rss_1_and_0_90() {
    for (space, format) in
        [("http://purl.org/rss/1.0/", "RSS 1.0"), ("http://my.netscape.com/rdf/simple/0.9/", "RSS 0.90")]
    {
        let feed = read(&format!(
            r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="{space}">
               <channel rdf:about="https://a.example/"><title>T</title><items><rdf:Seq><rdf:li resource="x"/></rdf:Seq>
               </items></channel><item rdf:about="https://a.example/1"><title>One</title>
               <link>https://a.example/1</link></item></rdf:RDF>"#
        ));
        assert_eq!((feed.format.as_str(), feed.title.as_deref()), (format, Some("T")));
        assert_eq!(only(&feed).id, "https://a.example/1");
    }
}

#[test]
fn atom_1_and_0_3() {
    let feed = read(
        r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://b.example/x/"><title type="html">A &amp;amp; &lt;b>B&lt;/b></title>
           <author><name>Jo</name></author><link rel="self" href="feed"/><link href="../"/>
           <entry><id>urn:1</id><title>a &lt;b></title><link rel="alternate" href="1"/><link rel="enclosure" href="1.mp3" length="7"/>
           <link rel="via" href="https://v.example/"/><updated>2024-01-02T03:04:05Z</updated>
           <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x &amp; y</p></div></content></entry></feed>"#,
    );
    assert_eq!((feed.title.as_deref(), feed.link.as_deref()), (Some("A & B"), Some("https://b.example/")));
    let entry = only(&feed);
    assert_eq!(entry.title.as_deref(), Some("a <b>"), "Atom titles without a type are plain text");
    assert_eq!(entry.link.as_deref(), Some("https://b.example/x/1"));
    assert_eq!(entry.content.as_deref(), Some("<p>x &amp; y</p>"));
    assert_eq!((entry.author.as_deref(), entry.language.as_deref()), (Some("Jo"), Some("de")));
    assert_eq!(entry.enclosures[0].url, "https://b.example/x/1.mp3");
    assert_eq!(entry.links[0].rel, "via");
    let old = read(
        r#"<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><id>1</id><issued>2004-01-02</issued>
           <modified>2004-01-03</modified><content type="text/html" mode="escaped">&lt;p>x&lt;/p></content></entry></feed>"#,
    );
    assert_eq!(only(&old).content.as_deref(), Some("<p>x</p>"));
    assert_eq!(only(&old).updated.as_deref(), Some("2004-01-03T00:00:00Z"));
}

#[test]
fn stray_ampersands_and_html_entities() {
    let feed = read(&rss(
        "<item><title>AT&T &nbsp;&eacute; &bogus;</title><link>https://a.example/?a=1&b=2</link></item>",
    ));
    assert_eq!(only(&feed).title.as_deref(), Some("AT&T \u{a0}é &bogus;"));
    assert_eq!(only(&feed).link.as_deref(), Some("https://a.example/?a=1&b=2"));
}

#[test]
fn raw_html_in_texts() {
    let feed = read(&rss(
        "<item><guid>1</guid><title>a <b>b</b><br> c</title><description><p>x<br>y & <a href=/z>z</a></description></item>\
         <item><guid>2</guid></item>",
    ));
    assert_eq!(feed.entries.len(), 2);
    assert_eq!(feed.entries[0].title.as_deref(), Some("a b c"));
    assert_eq!(feed.entries[0].summary.as_deref(), Some("<p>x<br>y &amp; <a href=/z>z</a>"));
}

#[test]
fn one_broken_item_among_good_ones() {
    let feed = read(&rss(
        "<item><guid>1</guid></item><item><title>x<guid>2</guid></description></wrong></item><item></item>\
         <item><guid>4</guid></item>",
    ));
    assert_eq!(feed.entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["1", "2", "4"]);
    assert_eq!(feed.bad[0].item, 3);
    assert_eq!(feed.bad[0].payload, "<item>");
}

#[test]
fn a_cut_document_keeps_its_complete_items() {
    let feed = read("<rss><channel><item><guid>1</guid></item><item><guid>2</guid><description>half of");
    assert_eq!(only(&feed).id, "1");
    assert_eq!(feed.bad[0].item, 2);
    assert!(feed.bad[0].payload.contains("half of"));
}

#[test]
fn junk_before_the_document() {
    let feed = rss("<item><guid>1</guid></item>");
    for junk in
        ["\n\n  ", "\u{FEFF}\u{FEFF}", "<br />\n<b>Warning</b>: mysql() in <b>x.php</b> on line 3<br />\n"]
    {
        assert_eq!(only(&read(&format!("{junk}<?xml version='1.0'?>{feed}"))).id, "1", "{junk:?}");
    }
}

#[test]
fn encodings_that_are_declared_wrongly() {
    let latin1 = [rss("").as_bytes(), b"<item><guid>1</guid><title>caf\xE9 cr\xE8me</title></item>"].concat();
    let declared = [&b"<?xml version='1.0' encoding='utf-8'?>"[..], &latin1].concat();
    for bytes in [&latin1, &declared] {
        assert_eq!(only(&read_bytes(bytes)).title.as_deref(), Some("café crème"));
    }
    let utf16: Vec<u8> = rss("<item><guid>1</guid><title>é</title></item>")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(only(&read_bytes(&utf16)).title.as_deref(), Some("é"));
}

#[test]
fn entries_without_an_id_get_the_same_one_every_time() {
    let text = rss("<item><title>a</title></item><item><description>b</description></item>");
    let ids = |feed: &Feed| feed.entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&read(&text)), ids(&read(&text)));
    assert_ne!(ids(&read(&text))[0], ids(&read(&text))[1]);
    assert_eq!(only(&read(&rss("<item><link>/x</link></item>"))).id, "https://a.example/x");
}

#[test]
fn entries_with_one_id_are_versions_or_a_mistake() {
    let feed = read(&rss(
        "<item></item><item><guid isPermaLink='false'>1</guid><link>/1</link><title>old</title><pubDate>2024-01-01</pubDate></item>\
         <item><guid isPermaLink='false'>1</guid><link>/1</link><title>new</title><pubDate>2024-01-02</pubDate></item>\
         <item><guid isPermaLink='false'>1</guid><link>/2</link><title>another</title></item>",
    ));
    assert_eq!(only(&feed).title.as_deref(), Some("new"));
    assert_eq!(feed.bad.iter().map(|bad| bad.item).collect::<Vec<_>>(), [1, 4]);
    assert!(feed.bad[1].payload.contains("another"));
}

#[test]
fn what_is_no_feed_is_refused_with_a_hint() {
    let refusal = |text: &str| {
        let url = Url::parse("https://a.example/blog/").unwrap();
        let error = parse(text.as_bytes(), None, Some(&url)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data);
        error.to_string()
    };
    let page = "<!DOCTYPE html><html><head><link rel=\"stylesheet\" href=\"x.css\">\
                <link rel='alternate' type='application/rss+xml' href='feed.xml'></head></html>";
    assert!(
        refusal(page)
            .contains("an HTML page, not a feed (the page names its feed: https://a.example/blog/feed.xml)")
    );
    assert!(refusal("<html><body>gone</body></html>").contains("open the URL in a browser"));
    assert!(refusal(" \n").contains("empty"));
    assert!(refusal("<sitemap><url/></sitemap>").contains("root element is <sitemap>"));
    assert!(refusal("404 not found").contains("begins with \"404 not found\""));
    assert!(refusal("{\"error\": 1}").contains("no feed"));
}

#[test]
fn bombs_are_bounded() {
    let laughs: String = (1..30).map(|n| format!("<!ENTITY l{n} \"&l{};&l{};\">", n - 1, n - 1)).collect();
    let bomb = format!(
        "<!DOCTYPE r [<!ENTITY l0 \"ha\">{laughs}]>{}",
        rss("<item><guid>1</guid><title>&l29;</title></item>")
    );
    assert_eq!(only(&read(&bomb)).title.as_deref(), Some("&l29;"));
    let started = std::time::Instant::now();
    for piece in [
        "<a>",
        "<item>",
        "<!--",
        "<![CDATA[",
        "<a b=\"",
        "<a b='x\" ",
        "&a",
        "<?",
        "<a \"",
        "</a>",
        "<a xmlns:a='b'>",
        "\r",
    ] {
        let _ = parse(piece.repeat(200_000).as_bytes(), None, None);
        let _ = parse(rss(&format!("<item>{}", piece.repeat(200_000))).as_bytes(), None, None);
    }
    assert!(started.elapsed().as_secs() < 30, "quadratic: {:?}", started.elapsed());
}

/// A feed of some items with ids 0, 1, 2, …, and where each item ends.
fn numbered(format: usize, count: usize) -> (String, Vec<usize>) {
    let (head, tail) = [
        ("<?xml version='1.0'?><rss version='2.0'><channel><title>T</title>", "</channel></rss>"),
        ("<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title>", "</feed>"),
        ("{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"T\",\"items\":[", "]}"),
    ][format];
    let mut text = head.to_owned();
    let mut ends = Vec::new();
    for n in 0..count {
        text += &match format {
            0 => format!(
                "<item><guid>{n}</guid><title>é &amp; {n}</title><description><![CDATA[<p>x</p>]]></description></item>"
            ),
            1 => {
                format!("<entry><id>{n}</id><title type='html'>&lt;b>{n}</title><link href='/{n}'/></entry>")
            }
            _ => format!(
                "{}{{\"id\":\"{n}\",\"content_html\":\"<p>{{é}}</p>\",\"tags\":[\"a\"]}}",
                if n > 0 { "," } else { "" }
            ),
        };
        // An end tag that lacks only its `>` still ends its item.
        ends.push(text.len() - usize::from(format < 2));
    }
    (text + tail, ends)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_keep_all_complete_items(format in 0..3_usize, count in 1..8_usize, place in 0.0..1.0_f64) {
        let (text, ends) = numbered(format, count);
        let cut = (text.len() as f64 * place) as usize;
        let complete = ends.iter().filter(|end| **end <= cut).count();
        if complete > 0 {
            let feed = parse(&text.as_bytes()[..cut], None, None).unwrap();
            prop_assert_eq!(feed.entries.len(), complete);
            prop_assert!(feed.entries.iter().enumerate().all(|(n, entry)| entry.id == n.to_string()));
        }
    }

    #[test]
    fn mutations_never_panic_or_hang(
        format in 0..3_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..40),
    ) {
        let mut bytes = numbered(format, 6).0.into_bytes();
        for (place, byte, edit) in edits {
            let at = place.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.insert(at, b"<>&\"'/!?;[]"[usize::from(byte) % 11]),
                _ => drop(bytes.drain(at..(at + usize::from(byte) % 8).min(bytes.len()))),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        if let Ok(feed) = parse(&bytes, None, None) {
            prop_assert!(feed.entries.iter().all(|entry| !entry.id.is_empty()));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), charset in "utf-8|utf-16|gbk|iso-2022-jp|x") {
        let _ = parse(&bytes, Some(&charset), None);
    }

    #[test]
    fn random_markup_never_panics(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "<rss>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<description>", "</description>",
                "<![CDATA[", "]]>", "<!--", "-->", "&amp;", "&", "text", "<br>", "<link>", "</link>", "<a b='", "'",
                "\"", ">", "<", "/>", "<feed>", "<entry>", "</entry>", "<!DOCTYPE a [", "]>", "<content type='xhtml'>",
                "<div>", "</div>", "</content>", "é", "<guid>", "</guid>",
            ]),
            0..60,
        ),
    ) {
        let _ = parse(pieces.concat().as_bytes(), None, None);
    }
}
