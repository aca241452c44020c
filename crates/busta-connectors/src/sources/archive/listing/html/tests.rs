use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::*;
use crate::sources::archive::listing::tests::{mutated, names};

/// What the servers wrote about one folder; see the README beside the pages.
const PAGES: [(&str, &str); 11] = [
    ("nginx", include_str!("pages/nginx.html")),
    ("nginx, rounded", include_str!("pages/nginx-rounded.html")),
    ("nginx, JSON", include_str!("pages/nginx.json")),
    ("Apache, fancy", include_str!("pages/apache-fancy.html")),
    ("Apache, plain", include_str!("pages/apache-plain.html")),
    ("Apache, table", include_str!("pages/apache-table.html")),
    ("Apache, XHTML", include_str!("pages/apache-xhtml.html")),
    ("lighttpd", include_str!("pages/lighttpd.html")),
    ("Caddy", include_str!("pages/caddy.html")),
    ("Caddy, JSON", include_str!("pages/caddy.json")),
    ("Python", include_str!("pages/python.html")),
];

fn page_url() -> Url {
    "http://127.0.0.1:8080/data/".parse().unwrap()
}

fn read(text: &str) -> Page {
    parse(text.as_bytes(), &page_url()).unwrap()
}

#[test]
fn all_servers_say_the_same() {
    let long = format!("L{}ng.zip", "o".repeat(100));
    let expected = BTreeSet::from([
        "BTCUSDT-1d-2024-01-01.zip",
        "BTCUSDT-1d-2024-01-01.zip.CHECKSUM",
        "a b&c+d#e?f%20g;h=i.zip",
        "big.zip",
        "c:d.zip",
        "sub/",
        "x<i>\"q'.zip",
        "é ü.zip",
        "öther folder/",
        &long,
    ]);
    for (server, text) in PAGES {
        let page = read(text);
        let found = names(&page);
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{server}");
        assert_eq!((found.len(), page.folders.len()), (10, 2), "{server}");
        assert_eq!(page.next, None);
    }
}

#[test]
fn addresses_lead_to_the_names() {
    for (server, text) in PAGES {
        for file in read(text).files {
            // nginx's JSON has names only.
            let Some(url) = file.url else {
                assert_eq!(server, "nginx, JSON");
                continue;
            };
            let path = Url::parse(&url).unwrap().path().to_owned();
            let path = percent_decode_str(&path).decode_utf8().unwrap().into_owned();
            assert_eq!(path, format!("/data/{}", file.key), "{server}");
        }
    }
}

#[test]
fn sizes_and_times_are_taken_where_they_are_exact() {
    for (server, small, large, time) in [
        ("nginx", Some(92), Some(2_621_440), Some("01-Jan-2024 01:00")),
        ("nginx, rounded", Some(92), None, Some("01-Jan-2024 01:00")),
        ("nginx, JSON", Some(92), Some(2_621_440), Some("Mon, 01 Jan 2024 01:00:00 GMT")),
        ("Apache, fancy", Some(92), None, Some("2024-01-01 01:00")),
        ("Apache, plain", None, None, None),
        ("Apache, table", Some(92), None, Some("2024-01-01 01:00")),
        ("Apache, XHTML", Some(92), None, Some("2024-01-01 01:00")),
        ("lighttpd", None, None, Some("2024-Jan-01 01:00:00")),
        ("Caddy", None, None, Some("2024-01-01T01:00:00Z")),
        ("Caddy, JSON", Some(92), Some(2_621_440), Some("2024-01-01T01:00:00Z")),
        ("Python", None, None, None),
    ] {
        let text = PAGES.iter().find(|(name, _)| *name == server).unwrap().1;
        let page = read(text);
        let size = |ending: &str| page.files.iter().find(|file| file.key.ends_with(ending)).unwrap().size;
        assert_eq!((size(".CHECKSUM"), size("big.zip")), (small, large), "{server}");
        assert!(page.files.iter().all(|file| file.modified.as_deref() == time), "{server}: {page:?}");
    }
}

#[test]
fn only_links_below_the_page_count() {
    let page = read(
        "<base href='sub/'><A HREF=a.zip>a</A> <a href='a.zip#2'>again</a> <a href='a.zip?download'>b</a>\
         <a href='../b.zip'>b</a> <a href='/data/c/d/e.zip'>c</a> <a href='/data/c/d/'>c</a> <a name=x>n</a>\
         <a href='/f.zip'>f</a> <a href='//other/data/g.zip'>g</a> <a href='https://127.0.0.1:8080/data/h.zip'>h</a>\
         <a href='..'>up</a> <a href='mailto:i@j'>i</a> <a href='//%2e%2e/data/'>j</a> <a href='k//l.zip'>k</a>\
         <!-- <a href='m.zip'> --> <script>'<a href=\"n.zip\">'</script>",
    );
    assert_eq!(names(&page), ["sub/a.zip", "b.zip", "c/d/e.zip", "c/d/"]);
}

#[test]
fn an_empty_folder_is_one_only_if_the_page_is_an_index() {
    for empty in [
        "<html><head><title>Index of /empty/</title></head><body><pre></pre></body></html>",
        "<title>Directory listing for /empty/</title><ul>\n</ul>",
        "<html><a href=\"../\">up</a></html>",
        "[ ]",
    ] {
        assert_eq!(read(empty), Page::default(), "{empty}");
    }
    for (other, why) in [
        ("", "is no index"),
        ("<html><body><div id=app></div><script src=/app.js></script></body></html>", "is no index"),
        ("<ListBucketResult></ListBucketResult>", "is no index"),
        ("{\"error\": \"no\"}", "is no index"),
        ("[1, 2]", "entry 1 of the index page is neither"),
        ("[{\"name\": \"a\"}", "cannot be read as JSON"),
        ("[{\"name\": \"../a\"}]", "entry 1 of the index page has `../a`"),
    ] {
        let error = parse(other.as_bytes(), &page_url()).unwrap_err();
        assert!(error.message().contains(why), "{other}: {error}");
    }
}

#[test]
fn a_page_that_breaks_off_is_an_error() {
    for (server, text) in PAGES {
        let rows = text.find("BTCUSDT").unwrap();
        for cut in (rows..text.rfind("big.zip").unwrap()).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(parse(&text.as_bytes()[..cut], &page_url()).is_err(), "{server}: {}", &text[..cut]);
        }
    }
    let error = parse(b"<pre><a href=a.zip>a</a>", &page_url()).unwrap_err();
    assert!(error.message().contains("breaks off: its <pre> has no end"), "{error}");
}

/// Index pages in the manner of the servers, and what they say.
fn written() -> impl Strategy<Value = (String, Vec<String>)> {
    let name = "[^\\x00-\\x1f/.\\x7f][^\\x00-\\x1f/\\x7f]{0,12}/?";
    (proptest::collection::btree_set(name, 1..6), 0..3usize).prop_map(|(names, form)| {
        let mut rows = String::new();
        for name in &names {
            let (stem, slash) = name.strip_suffix('/').map_or((name.as_str(), ""), |stem| (stem, "/"));
            let href = percent_encoding::utf8_percent_encode(stem, percent_encoding::NON_ALPHANUMERIC);
            rows += &match form {
                0 => format!("<a href=\"{href}{slash}\">x</a>      01-Jan-2024 00:00      12\n"),
                1 => format!(
                    "<tr><td><a href='./{href}{slash}'>x</a></td><td>2024-01-01 00:00</td><td>12</td></tr>"
                ),
                _ => format!("<li><A class=f HREF = \"/data/{href}{slash}\" >x</A></li>"),
            };
        }
        let element = ["pre", "table", "ul"][form];
        (
            format!("<h1>Index of /data/</h1><{element}><a href=\"../\">../</a>{rows}</{element}>"),
            names.into_iter().collect(),
        )
    })
}

proptest! {
    #[test]
    fn what_servers_write_is_read_back((text, expected) in written()) {
        let page = read(&text);
        let found: BTreeSet<_> = names(&page).into_iter().collect();
        prop_assert_eq!(found, expected.into_iter().collect(), "{}", text);
        let rows = !text.contains("<li>");
        prop_assert!(page.files.iter().all(|file| file.size == rows.then_some(12)), "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &page_url());
    }

    #[test]
    fn damaged_pages_stay_below_the_page(body in mutated(PAGES.map(|(_, text)| text).to_vec())) {
        if let Ok(page) = parse(&body, &page_url()) {
            for name in names(&page) {
                prop_assert!(is_relative(&name), "{}", name);
            }
            for url in page.files.iter().filter_map(|file| file.url.as_deref()) {
                prop_assert!(url.contains("://"), "{}", url);
            }
        }
    }
}
