use proptest::prelude::*;

use super::*;
use crate::download::{Algorithm, Checksum};
use crate::sources::archive::listing::link::is_relative;
use crate::sources::archive::listing::tests::{mutated, names};

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn base() -> Url {
    "https://h/pub/".parse().unwrap()
}

fn filled(text: &str) -> String {
    text.replace("MD5SUM", MD5).replace("HASH", SHA256)
}

/// Each file as `KEY [@URL] [SIZE] [CHECKSUM]`, with hashes left out; folders behind them.
fn shown(text: &str) -> Vec<String> {
    let page = parse(filled(text).as_bytes(), &base()).unwrap();
    let file = |file: &Entry| {
        let mut parts = vec![file.key.clone()];
        parts.extend(file.url.as_ref().map(|url| format!("@{url}")));
        parts.extend(file.size.map(|size| size.to_string()));
        parts.extend(file.checksum.as_ref().map(|checksum| checksum.algorithm().name().to_owned()));
        parts.join(" ")
    };
    page.files.iter().map(file).chain(page.folders.iter().cloned()).collect()
}

#[test]
fn lines_of_paths_and_addresses() {
    assert_eq!(
        shown(
            "\u{FEFF}# all files\r\na b.zip\r\n./c/d%20#é.zip\n\nhttps://h/pub/e%20f.zip\nhttps://cdn/x/g.zip?sig=1\n\
             /pub/h%.zip\n/other/i.zip\nd41d8cd98f00b204e9800998ecf8427e\nsub/\na b.zip\n"
        ),
        [
            "a b.zip",
            "c/d%20#é.zip",
            "e f.zip @https://h/pub/e%20f.zip",
            "x/g.zip @https://cdn/x/g.zip?sig=1",
            "h%.zip @https://h/pub/h%25.zip",
            "other/i.zip @https://h/other/i.zip",
            "d41d8cd98f00b204e9800998ecf8427e",
            "sub/",
        ]
    );
}

#[test]
fn lines_of_checksums() {
    assert_eq!(
        shown("HASH  a.zip\nHASH *./b/c.zip\nMD5 (d.zip) = MD5SUM\nMD5SUM  a.zip\n"),
        ["a.zip sha256", "b/c.zip sha256", "d.zip md5"]
    );
}

#[test]
fn tables_with_a_header() {
    assert_eq!(
        shown("Path,Size,SHA256,crc32,note\na.zip,12,HASH,1,\"x, y\"\n\"b,c.zip\",,,,\n"),
        ["a.zip 12 sha256", "b,c.zip"]
    );
    assert_eq!(
        shown("size;url;checksum\n7;https://h/pub/a%20b.zip;md5:MD5SUM\n"),
        ["a b.zip @https://h/pub/a%20b.zip 7 md5"]
    );
    assert_eq!(shown("name\turl\nx.zip\thttps://cdn/1\n"), ["x.zip @https://cdn/1"]);
    assert_eq!(shown("url\na.zip\n"), ["a.zip @https://h/pub/a.zip"]);
}

#[test]
fn lists_in_json() {
    for text in [
        r#"["a.zip", {"path": "b.zip", "size": 3, "md5": "MD5SUM"}]"#,
        r#"{"version": 1, "files": ["a.zip", {"key": "b.zip", "bytes": "3", "checksum": "md5:MD5SUM"}]}"#,
        r#"{"name": "a set", "files": ["a.zip", {"name": "b.zip", "size": 3, "hash": "MD5SUM", "tags": [{}]}]}"#,
    ] {
        assert_eq!(shown(text), ["a.zip", "b.zip 3 md5"], "{text}");
    }
    assert_eq!(
        shown(
            "{\"path\": \"a.zip\", \"size\": 3}\n{\"path\": \"b/\"}\n{\"url\": \"https://cdn/c.zip\", \"etag\": \"x\"}\n"
        ),
        ["a.zip 3", "c.zip @https://cdn/c.zip", "b/"]
    );
    let multihash = format!("1220{SHA256}");
    assert_eq!(
        shown(&format!(r#"[{{"href": "./a.zip", "file:checksum": "{multihash}"}}]"#)),
        ["a.zip @https://h/pub/a.zip sha256"]
    );
    assert_eq!(shown("[]"), [""; 0]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, why) in [
        ("<html>", "no manifest; it begins: <html>"),
        ("a.zip\n../b.zip\n", "line 2 of the manifest has `../b.zip`, which names no file below the base"),
        ("ftp://h/a.zip\n", "line 1 of the manifest has `ftp://h/a.zip`, which is no address"),
        (
            "HASH  a.zip\n0000000000000000000000000000000000000000000000000000000000000000  a.zip\n",
            "two checksums",
        ),
        ("SHA384 (a.zip) = HASH\n", "by sha384, which busta does not compute"),
        ("path,sha256\na.zip,abc\n", "line 2 of the manifest has `abc`, which is no checksum"),
        ("path,sha256\na.zip,MD5SUM\n", "should be by sha256 and has 32"),
        ("path,size\n,3\n", "line 2 of the manifest names no file"),
        ("[\"a.zip\", 3]", "entry 2 of the manifest is neither a path nor an object"),
        ("[{\"size\": 3}]", "entry 1 of the manifest names no file"),
        ("[\"a.zip\"", "cannot be read as JSON"),
        ("{\"files\": 3}", "entry 1 of the manifest names no file"),
        ("https://h/pub//a.zip", "empty name"),
    ] {
        let error = parse(filled(text).as_bytes(), &base()).unwrap_err();
        assert!(error.message().contains(why), "{text}: {error}");
    }
    assert_eq!(parse(b"", &base()).unwrap(), Page::default());
}

const SAMPLES: [&str; 4] = [
    "# all\na b.zip\n./c/d.zip\nhttps://h/pub/e%20f.zip\n/pub/g.zip\n",
    "d41d8cd98f00b204e9800998ecf8427e  a.zip\n\\d41d8cd98f00b204e9800998ecf8427e  b\\n.zip\nMD5 (d.zip) = d41d8cd98f00b204e9800998ecf8427e\n",
    "path,size,md5\na.zip,12,d41d8cd98f00b204e9800998ecf8427e\n\"b,c.zip\",,\n",
    "{\"files\": [\"a.zip\", {\"url\": \"https://h/pub/b.zip\", \"size\": 3, \"checksum\": \"md5:d41d8cd98f00b204e9800998ecf8427e\"}]}",
];

/// Files as a manifest can have them in all its forms.
fn files() -> impl Strategy<Value = Vec<Entry>> {
    let name = "[^\\x00-\\x20\\x7f-\\x9f\\s/.#\\[{<\"\\\\][^\\x00-\\x1f\\x7f-\\x9f\\s/]{0,10}";
    let key = proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    let rest = (any::<u64>(), any::<[u8; 32]>());
    proptest::collection::btree_map(key, rest, 1..6).prop_map(|files| {
        let file = |(key, (size, digest)): (String, (u64, [u8; 32]))| Entry {
            key,
            size: Some(size),
            checksum: Checksum::new(Algorithm::Sha256, digest.to_vec()),
            ..Entry::default()
        };
        files.into_iter().filter(|(key, _)| !is_location(key)).map(file).collect()
    })
}

fn hex(file: &Entry) -> String {
    file.checksum.as_ref().unwrap().hex()
}

proptest! {
    #[test]
    fn manifests_of_all_forms_are_read_back(files in files()) {
        prop_assume!(!files.is_empty());
        let lines: String = files.iter().map(|file| format!("{}  {}\n", hex(file), file.key)).collect();
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let row = |file: &Entry| format!("{},{},{}\n", quoted(&file.key), file.size.unwrap(), hex(file));
        let table = format!("key,size,sha256\n{}", files.iter().map(row).collect::<String>());
        let object = |file: &Entry| serde_json::json!({"key": file.key, "size": file.size, "sha256": hex(file)}).to_string();
        let objects: Vec<String> = files.iter().map(object).collect();
        let unsized_files: Vec<Entry> = files.iter().map(|file| Entry { size: None, ..file.clone() }).collect();
        for (text, expected) in [
            (lines, &unsized_files),
            (table, &files),
            (objects.join("\n"), &files),
            (format!("[{}]", objects.join(",")), &files),
        ] {
            let page = parse(text.as_bytes(), &base());
            prop_assert_eq!(&page.unwrap().files, expected, "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &base());
    }

    #[test]
    fn damaged_manifests_stay_below_the_base(body in mutated(SAMPLES.to_vec())) {
        if let Ok(page) = parse(&body, &base()) {
            for name in names(&page) {
                prop_assert!(is_relative(&name), "{}", name);
            }
        }
    }
}
