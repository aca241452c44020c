//! Feeds of all formats, well-formed or not, as entries.
//!
//! Bytes become text ([`charset`]), text becomes tokens (`token`), tokens a tree of elements (`tree`),
//! and each entry's element an [`Entry`] (`item`) by what its fields mean (`names`). No step fails on
//! bad input; each repairs what it can. The model is the loose parser of Python's feedparser, which has
//! met more broken feeds than anyone; where readers and feedparser differ (titles as plain text, no
//! sanitizing), what is stored is nearer to what was published.

pub mod charset;
pub mod date;
mod entry;
mod item;
mod json;
mod names;
mod opml;
mod page;
mod plain;
mod tree;
mod words;

use std::collections::{HashMap, HashSet};

use busta_core::{Error, Result};
use url::Url;

pub use entry::{Enclosure, Entry, Link, Origin, Person};
pub use opml::read_opml;

use item::{Around, own_base, person, resolve};
use names::Field;
use plain::title;
use tree::{Document, EntryAt};

/// A feed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feed {
    /// Its format in words: `RSS 2.0`, `Atom`.
    pub format: String,
    /// The encoding that it was read in.
    pub encoding: &'static str,
    /// Its title, as plain text.
    pub title: Option<String>,
    /// The page that it belongs to.
    pub link: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// For how many minutes it may be held before it is asked for again (RSS 2.0, `<ttl>`).
    pub ttl: Option<u32>,
    /// Its entries in the order of the document.
    pub entries: Vec<Entry>,
    /// Items that are no entries.
    pub bad: Vec<Bad>,
}

/// An item that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Bad {
    /// Which one, from 1.
    pub item: usize,
    /// Why.
    pub reason: String,
    /// The item as it stands in the document.
    pub payload: String,
}

/// Reads a feed from the bytes of a document.
///
/// `charset` is what the server says about the encoding, `url` what relative links start from. An error
/// means that this is no feed at all; anything less is repaired, or reported in [`Feed::bad`].
pub fn parse(bytes: &[u8], charset: Option<&str>, url: Option<&Url>) -> Result<Feed> {
    let decoded = charset::decode(bytes, charset);
    let text = decoded.text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\0');
    if text.is_empty() {
        return Err(Error::data("the answer is empty").hint("open the feed's URL in a browser"));
    }
    if u32::try_from(text.len()).is_err() {
        return Err(Error::data("the feed is larger than 4 GiB"));
    }
    let json = text.starts_with('{').then(|| json::read(text, url)).flatten();
    let mut feed = match json {
        Some(feed) => feed,
        None => xml(text, url)?,
    };
    feed.encoding = decoded.encoding;
    settle_twins(&mut feed);
    Ok(feed)
}

fn xml(text: &str, url: Option<&Url>) -> Result<Feed> {
    let document = Document::read(text);
    if document.containers.is_empty() && document.entries.is_empty() {
        return Err(page::refusal(text, document.root_name().as_deref(), url));
    }
    let mut head = Head::new(&document, url);
    head.read();
    let mut feed = Feed {
        format: format(&document),
        title: head.title.map(|(_, title)| title),
        link: head.link,
        language: head.language.map(|language| language.replace('_', "-")),
        ttl: head.ttl,
        ..Feed::default()
    };
    for (index, at) in document.entries.iter().enumerate() {
        let base = at.container.and_then(|container| head.bases.get(&container)).or(head.base.as_ref());
        let around = Around { base, language: feed.language.as_deref(), authors: &head.authors };
        match read_item(&document, at, &around) {
            Ok(entry) => feed.entries.push(entry),
            Err(reason) => {
                let payload = document.outer(at.element).to_owned();
                feed.bad.push(Bad { item: index + 1, reason: reason.to_owned(), payload });
            }
        }
    }
    if document.overfull {
        let reason = "the feed has more than a million elements; those after this item are left out";
        feed.bad.push(Bad {
            item: document.entries.len(),
            reason: reason.to_owned(),
            payload: String::new(),
        });
    }
    Ok(feed)
}

fn read_item(document: &Document<'_>, at: &EntryAt, around: &Around<'_>) -> Result<Entry, &'static str> {
    if at.cut {
        return Err("the feed breaks off inside this item");
    }
    item::read(document, at.element, around).ok_or("the item has no id, link, title, text or date")
}

/// What a feed says about itself.
struct Head<'d, 'a> {
    document: &'d Document<'a>,
    base: Option<Url>,
    bases: HashMap<usize, Url>,
    title: Option<(u8, String)>,
    link: Option<String>,
    language: Option<String>,
    ttl: Option<u32>,
    authors: Vec<Person>,
}

impl<'d, 'a> Head<'d, 'a> {
    fn new(document: &'d Document<'a>, url: Option<&Url>) -> Self {
        Self {
            document,
            base: url.cloned(),
            bases: HashMap::new(),
            title: None,
            link: None,
            language: None,
            ttl: None,
            authors: Vec::new(),
        }
    }

    fn read(&mut self) {
        for &(container, outer) in &self.document.containers {
            let around = outer.and_then(|outer| self.bases.get(&outer)).or(self.base.as_ref());
            if let Some(base) = own_base(self.document, container, around) {
                self.bases.insert(container, base);
            }
            self.language = self.document.value(container, "xml:lang").or_else(|| self.language.take());
            let href = self.document.value(container, "href");
            self.link = self.link.take().or(href.map(|href| resolve(&href, self.bases.get(&container))));
            for child in self.document.children(container) {
                self.field(container, child);
            }
        }
    }

    fn field(&mut self, container: usize, at: usize) {
        let document = self.document;
        let element = document.element(at);
        let base = self.bases.get(&container);
        match element.field {
            Field::Title if self.title.as_ref().is_none_or(|(rank, _)| element.rank > *rank) => {
                let words = document.words(at, document.unsaid(at));
                let text = words.map(|words| title(&words.text, &words.kind)).filter(|text| !text.is_empty());
                self.title = text.map(|text| (element.rank, text)).or_else(|| self.title.take());
            }
            Field::Link if self.link.is_none() => {
                let page = document.value(at, "rel").is_none_or(|rel| rel.eq_ignore_ascii_case("alternate"));
                let href = document.value(at, "href").or_else(|| document.some_text(at));
                self.link = href.filter(|_| page).map(|href| resolve(&href, base));
            }
            Field::Language => self.language = document.some_text(at).or_else(|| self.language.take()),
            Field::Ttl => self.ttl = document.some_text(at).and_then(|text| text.trim().parse().ok()),
            // Only Atom says that an entry without an author has the feed's.
            Field::Author if document.name(container).ends_with("feed") => {
                self.authors.extend(person(document, at, base));
            }
            _ => {}
        }
    }
}

/// The format's name, by the root element.
fn format(document: &Document<'_>) -> String {
    let Some(&(root, _)) = document.containers.first() else { return "RSS".to_owned() };
    let name = document.name(root).to_ascii_lowercase();
    let name = name.rsplit(':').next().unwrap_or_default();
    match (name, document.value(root, "version")) {
        ("feed", Some(version)) => format!("Atom {version}"),
        ("feed", None) => "Atom 1.0".to_owned(),
        ("rdf", _) if document.text.contains("http://purl.org/rss/1.0/") => "RSS 1.0".to_owned(),
        ("rdf", _) => "RSS 0.90".to_owned(),
        ("rss", Some(version)) => format!("RSS {version}"),
        ("channel", _) if document.value(root, "href").is_some() => "CDF".to_owned(),
        _ => "RSS".to_owned(),
    }
}

/// Settles entries with the same id in one document. Versions of one entry (Atom allows that) leave the
/// newest; different entries whose feed gives them one id (a common mistake) cannot both be stored under
/// it, so the later ones are reported.
fn settle_twins(feed: &mut Feed) {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(feed.entries.len());
    let mut kept: Vec<Entry> = Vec::with_capacity(feed.entries.len());
    // Every item is among the entries or among the bad ones.
    let bad: HashSet<usize> = feed.bad.iter().map(|bad| bad.item).collect();
    let numbers = (1..).filter(|item| !bad.contains(item));
    for (item, entry) in numbers.zip(std::mem::take(&mut feed.entries)) {
        let Some(&place) = places.get(&entry.id) else {
            places.insert(entry.id.clone(), kept.len());
            kept.push(entry);
            continue;
        };
        let known = &mut kept[place];
        if known.link != entry.link {
            let reason = format!("the item has the id of another one, {:?}, but another link", entry.id);
            let payload = serde_json::to_string(&entry).unwrap_or_default();
            feed.bad.push(Bad { item, reason, payload });
        } else if entry.updated > known.updated {
            *known = entry;
        }
    }
    feed.entries = kept;
}
