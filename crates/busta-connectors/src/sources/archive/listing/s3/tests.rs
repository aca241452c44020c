use busta_core::ErrorKind;
use proptest::prelude::*;

use super::*;
use crate::sources::archive::listing::tests::{mutated, names};

const V2: &str = include_str!("v2.xml");
const BINANCE: &str = include_str!("binance.xml");

fn read(text: &str) -> Page {
    parse(text.as_bytes(), None).unwrap()
}

fn problem(text: &str) -> Error {
    parse(text.as_bytes(), None).unwrap_err()
}

#[test]
fn requests_of_both_versions() {
    let query = |delimiter, next: Option<Next>| {
        let query = request("data/", delimiter, next.as_ref());
        query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    };
    assert_eq!(query(Some("/"), None), "list-type=2&delimiter=/&prefix=data/&encoding-type=url");
    assert_eq!(query(None, None), "list-type=2&prefix=data/&encoding-type=url");
    let token = Some(Next::Token("1x==".to_owned()));
    assert_eq!(query(None, token), "list-type=2&continuation-token=1x==&prefix=data/&encoding-type=url");
    // The server did not know the second version: it is gone on with in the first one.
    let marker = Some(Next::Marker("data/a b".to_owned()));
    assert_eq!(query(None, marker), "marker=data/a b&prefix=data/&encoding-type=url");
}

#[test]
fn a_page_of_the_second_version() {
    let page = read(V2);
    let file = &page.files[0];
    assert_eq!(names(&page), ["my photos/2024 + 1/é.jpg", "my photos/large.bin", "my photos/sub & dir/"]);
    assert_eq!((file.size, file.modified.as_deref()), (Some(142863), Some("2024-01-31T17:50:30.000Z")));
    assert_eq!(file.etag_md5().unwrap().to_string(), "md5:70ee1738b6b21e2c8a43f3a5ab0eee71");
    let parts = &page.files[1];
    assert_eq!((parts.etag.as_deref(), parts.etag_md5()), (Some("9b2cf535f27731c974343645a3985328-7"), None));
    assert_eq!(page.next, Some(Next::Token("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=".to_owned())));
}

#[test]
fn a_page_of_the_exchange() {
    let page = read(BINANCE);
    assert_eq!(
        names(&page),
        [
            "data/spot/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2024-01-01.zip",
            "data/spot/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2024-01-01.zip.CHECKSUM",
            "data/spot/daily/klines/BTCUSDT/1h/",
        ]
    );
    // There is no `NextMarker`: the last of all names is it, here a folder.
    assert_eq!(page.next, Some(Next::Marker("data/spot/daily/klines/BTCUSDT/1h/".to_owned())));
}

#[test]
fn the_least_that_servers_write() {
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    assert_eq!(read(empty), Page::default());
    assert_eq!(read("<?xml version='1.0'?>\n<s3:ListBucketResult xmlns:s3='x'/>"), Page::default());
    let page = read(
        "\u{FEFF}<ListBucketResult><Contents><Key><![CDATA[a&b]]>&#47;c</Key><Size/></Contents></ListBucketResult>",
    );
    assert_eq!((names(&page), page.files[0].size), (vec!["a&b/c".to_owned()], None));
}

#[test]
fn markers_go_before_guesses_and_are_decoded_like_names() {
    let page = |marker: &str, key: &str, encoding: &str| {
        read(&format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{marker}<Contents><Key>{key}</Key></Contents>\
             <EncodingType>{encoding}</EncodingType></ListBucketResult>"
        ))
        .next
    };
    let marker = |text: &str| Some(Next::Marker(text.to_owned()));
    assert_eq!(page("<NextMarker>b%2Fc</NextMarker>", "a", "url"), marker("b/c"));
    assert_eq!(page("<NextMarker>b%2Fc</NextMarker>", "a", ""), marker("b%2Fc"));
    // Encoded names, and a marker that was forgotten.
    assert_eq!(page("<NextMarker>50% + é</NextMarker>", "a", "url"), marker("50% + é"));
    assert_eq!(page("<NextMarker/>", "a+b", "url"), marker("a b"));
    assert_eq!(page("", "a+b", ""), marker("a+b"));
}

#[test]
fn error_documents_say_what_they_mean() {
    for (code, kind, hint) in [
        ("AccessDenied", ErrorKind::Auth, "template"),
        ("NoSuchBucket", ErrorKind::NotFound, "address"),
        ("SlowDown", ErrorKind::RateLimited, ""),
        ("InternalError", ErrorKind::Unavailable, ""),
        ("InvalidArgument", ErrorKind::Data, ""),
    ] {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>No &amp; no.</Message>\
             <BucketName>b</BucketName><RequestId>4442587FB7D0A2F9</RequestId></Error>"
        );
        let error = problem(&text);
        assert_eq!((error.kind(), error.message()), (kind, &*format!("the bucket answers {code}: No & no")));
        assert!(error.hint_text().unwrap_or_default().contains(hint), "{error}");
    }
    let moved =
        "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint></Error>";
    assert!(problem(moved).hint_text().unwrap().contains("b.s3-eu-west-1.amazonaws.com"));
    for other in ["", "<html></html>", "<Error/>", "<Error><Message>x</Message></Error>"] {
        assert!(refusal(other.as_bytes()).is_none(), "{other}");
    }
}

#[test]
fn what_is_no_whole_listing_is_an_error() {
    for (text, why) in [
        ("", "no listing of S3"),
        ("{}", "no listing of S3; it begins: {}"),
        ("<!doctype html><html>Index of</html>", "no listing of S3"),
        ("<EnumerationResults></EnumerationResults>", "no listing of S3"),
        ("<Error></Error>", "no listing of S3"),
        ("<ListBucketResult>", "breaks off"),
        ("<ListBucketResult></ListBucketResult><ListBucketResult></ListBucketResult>", "no listing of S3"),
        ("<ListBucketResult><Contents></ListBucketResult>", "not well-formed at `ListBucketResult`"),
        ("<ListBucketResult><Contents></Contents></ListBucketResult>", "without a `Key`"),
        (
            "<ListBucketResult><Contents><Key>a</Key><Size>1K</Size></Contents></ListBucketResult>",
            "`a` has the size `1K`",
        ),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "neither where"),
        (&format!("<ListBucketResult>{}", "<a>".repeat(99)), "not well-formed"),
    ] {
        let error = problem(text);
        assert!(error.message().contains(why), "{text}: {error}");
    }
    let next = read(V2).next;
    let stuck = parse(V2.as_bytes(), next.as_ref()).unwrap_err();
    assert!(stuck.message().contains("where it already is"), "{stuck}");
}

#[test]
fn a_listing_that_is_cut_anywhere_is_no_listing() {
    for cut in (0..BINANCE.trim_end().len()).filter(|cut| BINANCE.is_char_boundary(*cut)) {
        assert!(parse(&BINANCE.as_bytes()[..cut], None).is_err(), "{cut}");
    }
}

/// How a server writes its listings.
#[derive(Clone, Debug)]
struct Style {
    is_encoded: bool,
    space: &'static str,
    prefix: &'static str,
    is_v2: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let prefix = prop_oneof![Just(""), Just("s3:"), Just("ns2:")];
    (any::<bool>(), any::<bool>(), prefix, any::<bool>()).prop_map(|(is_encoded, plus, prefix, is_v2)| {
        Style { is_encoded, space: if plus { "+" } else { "%20" }, prefix, is_v2 }
    })
}

impl Style {
    fn name(&self, name: &str) -> String {
        if self.is_encoded {
            let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
            return encoded.to_string().replace("%20", self.space);
        }
        name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    }

    fn element(&self, name: &str, content: &str) -> String {
        let prefix = self.prefix;
        format!("<{prefix}{name}>{content}</{prefix}{name}>\n")
    }

    fn write(&self, page: &Page) -> String {
        let mut content = String::new();
        for folder in &page.folders {
            let prefix = self.element("Prefix", &self.name(folder));
            content.push_str(&self.element("CommonPrefixes", &prefix));
        }
        for file in &page.files {
            let mut fields = self.element("Key", &self.name(&file.key));
            fields += &file.size.map(|size| self.element("Size", &size.to_string())).unwrap_or_default();
            fields += &file
                .etag
                .as_ref()
                .map(|tag| self.element("ETag", &format!("&quot;{tag}&quot;")))
                .unwrap_or_default();
            fields +=
                &file.modified.as_ref().map(|time| self.element("LastModified", time)).unwrap_or_default();
            fields += &self.element("Owner", &self.element("ID", "1"));
            content.push_str(&self.element("Contents", &fields));
        }
        content += &match &page.next {
            Some(Next::Marker(marker)) => self.element("NextMarker", &self.name(marker)),
            Some(Next::Token(token)) => self.element("NextContinuationToken", token),
            None => String::new(),
        };
        content += &self.element("IsTruncated", &page.next.is_some().to_string());
        content += &if self.is_encoded { self.element("EncodingType", "url") } else { String::new() };
        let root = format!("ListBucketResult xmlns{}=\"x\"", if self.prefix.is_empty() { "" } else { ":x" });
        format!("<?xml version=\"1.0\"?>\n<{0}{root}>{content}</{0}ListBucketResult>", self.prefix)
    }
}

fn pages() -> impl Strategy<Value = (Style, Page)> {
    let key = || "[^/\\x00-\\x1f\\x7f\\x80-\\x9f][^\\x00-\\x1f\\x7f\\x80-\\x9f]{0,20}[^/\\x00-\\x1f\\x7f\\x80-\\x9f]";
    let file =
        (key(), any::<Option<u64>>(), proptest::option::of("[0-9a-f]{32}(-[0-9]{1,3})?"), any::<bool>())
            .prop_map(|(key, size, etag, timed)| Entry {
                key,
                size,
                etag,
                modified: timed.then(|| "2024-01-31T17:50:30.000Z".to_owned()),
                ..Entry::default()
            });
    let files = proptest::collection::vec(file, 0..5);
    let folders = proptest::collection::vec(key().prop_map(|key| key + "/"), 0..3);
    let next = proptest::option::of("[!-%'-;=?-~]{1,9}");
    (styles(), files, folders, next).prop_map(|(style, files, folders, next)| {
        let next = next.map(|next| if style.is_v2 { Next::Token(next) } else { Next::Marker(next) });
        (style, Page { files, folders, next })
    })
}

proptest! {
    #[test]
    fn what_servers_write_is_read_back((style, page) in pages()) {
        let text = style.write(&page);
        prop_assert_eq!(parse(text.as_bytes(), None).unwrap(), page, "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, None);
        let _ = refusal(&body);
    }

    #[test]
    fn damaged_listings_are_read_or_refused(body in mutated(vec![V2, BINANCE])) {
        let _ = parse(&body, None);
        let _ = refusal(&body);
    }
}
