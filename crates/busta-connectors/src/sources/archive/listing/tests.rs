//! What the tests of all forms share.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// The keys of all files, then the folders.
pub(super) fn names(page: &Page) -> Vec<String> {
    page.files.iter().map(|file| &file.key).chain(&page.folders).cloned().collect()
}

/// A change of a document: a stretch of it is lost, comes twice, or becomes something else.
#[derive(Clone, Debug)]
enum Damage {
    Lost(Index, usize),
    Twice(Index, usize),
    Other(Index, Vec<u8>),
}

/// What upsets parsers.
const UPSETTING: [&str; 18] = [
    "<",
    ">",
    "</",
    "/>",
    "\"",
    "'",
    "&",
    "&#x0;",
    "]]>",
    "<![CDATA[",
    "<!--",
    "%",
    "%2e%2e/",
    "\0",
    "\u{FEFF}",
    "/",
    "true",
    "99999999999999999999",
];

fn damage() -> impl Strategy<Value = Damage> {
    let other = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..4),
        select(UPSETTING.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (any::<Index>(), 1..60usize).prop_map(|(at, length)| Damage::Lost(at, length)),
        (any::<Index>(), 1..60usize).prop_map(|(at, length)| Damage::Twice(at, length)),
        (any::<Index>(), other).prop_map(|(at, bytes)| Damage::Other(at, bytes)),
    ]
}

/// One of these documents with up to eight changes.
pub(super) fn mutated(documents: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    (select(documents), proptest::collection::vec(damage(), 1..8)).prop_map(|(document, damages)| {
        let mut body = document.as_bytes().to_vec();
        for damage in damages {
            let (Damage::Lost(index, _) | Damage::Twice(index, _) | Damage::Other(index, _)) = &damage;
            let at = index.index(body.len() + 1);
            match damage {
                Damage::Lost(_, length) => drop(body.drain(at..(at + length).min(body.len()))),
                Damage::Twice(_, length) => {
                    let piece = body[at..(at + length).min(body.len())].to_vec();
                    body.splice(at..at, piece);
                }
                Damage::Other(_, bytes) => drop(body.splice(at..(at + bytes.len()).min(body.len()), bytes)),
            }
        }
        body
    })
}

#[test]
fn pages_are_put_below_their_folder() {
    let page = || Page {
        files: vec![Entry { key: "a.zip".to_owned(), ..Entry::default() }],
        folders: vec!["b/".to_owned()],
        next: None,
    };
    assert_eq!(names(&page().below("data/spot/")), ["data/spot/a.zip", "data/spot/b/"]);
    assert_eq!(page().below(""), page());
}

#[test]
fn entity_tags_are_taken_out_of_their_quotes() {
    assert_eq!(plain_etag(" \"abc\" ").as_deref(), Some("abc"));
    assert_eq!(plain_etag("abc").as_deref(), Some("abc"));
    assert_eq!(plain_etag("\"\""), None);
    assert_eq!(plain_etag("W/\"abc\""), None);
}
