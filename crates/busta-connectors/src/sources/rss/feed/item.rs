//! From an element of a document to an entry.

use url::Url;

use super::entry::{Dates, Enclosure, Entry, Link, Origin, Person};
use super::names::{Field, OWN};
use super::plain::{Kind, one_line, title};
use super::tree::Document;
use super::words::Words;

/// What an entry takes over from its feed.
pub(super) struct Around<'f> {
    /// What relative links start from.
    pub(super) base: Option<&'f Url>,
    /// The feed's language.
    pub(super) language: Option<&'f str>,
    /// The feed's authors, where its format says that they are those of its entries.
    pub(super) authors: &'f [Person],
}

/// Reads the entry that an element holds. `None` if it says nothing at all.
pub(super) fn read(document: &Document<'_>, element: usize, around: &Around<'_>) -> Option<Entry> {
    let base = own_base(document, element, around.base);
    let mut item = Item { document, base, found: Found::default() };
    item.attributes(element);
    item.fields(element, false);
    item.finish(element, around)
}

/// `xml:base` of an element, itself relative to the base around it.
pub(super) fn own_base(document: &Document<'_>, element: usize, around: Option<&Url>) -> Option<Url> {
    match document.value(element, "xml:base") {
        Some(own) => resolve(&own, around).parse().ok().or_else(|| around.cloned()),
        None => around.cloned(),
    }
}

/// A link as an absolute one, if there is something to start from.
pub(super) fn resolve(link: &str, base: Option<&Url>) -> String {
    // An absolute one stays letter for letter as the feed has it: it may be an identity.
    match (Url::parse(link), base) {
        (Err(url::ParseError::RelativeUrlWithoutBase), Some(base)) => {
            base.join(link).map_or_else(|_| link.to_owned(), String::from)
        }
        _ => link.to_owned(),
    }
}

/// A value and how well the element fits that it came from.
struct Ranked<T>(Option<(u8, T)>);

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Ranked<T> {
    /// Takes a value unless there is one from an element that fits as well.
    fn offer(&mut self, rank: u8, value: Option<T>) {
        let better = self.0.as_ref().is_none_or(|(known, _)| rank > *known);
        if let Some(value) = value.filter(|_| better) {
            self.0 = Some((rank, value));
        }
    }

    fn take(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Found {
    entry: Entry,
    id: Ranked<String>,
    permalink: Option<String>,
    link: Ranked<String>,
    title: Ranked<String>,
    subtitle: Ranked<String>,
    summary: Ranked<Words>,
    content: Ranked<Words>,
    authors: Vec<(u8, Person)>,
    published: Ranked<String>,
    updated: Ranked<String>,
    created: Ranked<String>,
    language: Ranked<String>,
    image: Ranked<String>,
    rights: Ranked<String>,
}

struct Item<'d, 'a> {
    document: &'d Document<'a>,
    base: Option<Url>,
    found: Found,
}

impl Item<'_, '_> {
    /// What stands in the attributes of the entry itself (RDF, CDF).
    fn attributes(&mut self, element: usize) {
        self.found.id.offer(1, self.document.value(element, "rdf:about"));
        self.found.link.offer(1, self.address(element, "href"));
        self.found.updated.offer(1, self.document.value(element, "lastmod"));
    }

    /// What stands in its elements. `borrowed`: these belong to a file of the entry, and are taken only
    /// where the entry itself says nothing.
    fn fields(&mut self, parent: usize, borrowed: bool) {
        let document = self.document;
        for child in document.children(parent) {
            let element = document.element(child);
            let rank = if borrowed { 0 } else { element.rank };
            match element.field {
                Field::MediaGroup => self.fields(child, true),
                Field::MediaContent => {
                    self.file(child, "url");
                    self.fields(child, true);
                }
                field => self.field(field, child, rank),
            }
        }
    }

    fn field(&mut self, field: Field, at: usize, rank: u8) {
        let document = self.document;
        let text = || document.some_text(at);
        match field {
            Field::Title => self.found.title.offer(rank, self.title(at)),
            Field::Subtitle => self.found.subtitle.offer(rank, self.title(at)),
            Field::Id => self.id(at, rank),
            Field::Link => self.link(at, rank),
            Field::Summary => self.summary(at, rank),
            Field::Content => self.found.content.offer(rank, document.words(at, document.unsaid(at))),
            Field::Body => self.found.content.offer(rank, document.words(at, Kind::Xhtml)),
            Field::Author => self.found.authors.extend(self.person(at).map(|person| (rank, person))),
            Field::Contributor => self.found.entry.contributors.extend(self.person(at)),
            Field::Published => self.found.published.offer(rank, text()),
            Field::Updated => self.found.updated.offer(rank, text()),
            Field::Created => self.found.created.offer(rank, text()),
            Field::Language => self.found.language.offer(rank, text()),
            Field::Rights => self.found.rights.offer(rank, self.title(at)),
            Field::Category => self.category(at),
            Field::Keywords => self.keywords(at),
            Field::Enclosure => self.file(at, "url"),
            Field::Comments => {
                self.found.entry.comments = self.own_address(at).or(self.found.entry.comments.take())
            }
            Field::Source => self.found.entry.source = self.source(at),
            Field::Image | Field::MediaThumbnail => self.found.image.offer(rank, self.image(at)),
            Field::Duration => self.found.entry.duration = text(),
            Field::Explicit => self.found.entry.explicit = text(),
            Field::Episode => self.found.entry.episode = text(),
            Field::Season => self.found.entry.season = text(),
            _ => {}
        }
    }

    fn title(&self, at: usize) -> Option<String> {
        let words = self.document.words(at, self.document.unsaid(at))?;
        let text = title(&words.text, &words.kind);
        (!text.is_empty()).then_some(text)
    }

    fn id(&mut self, at: usize, rank: u8) {
        let Some(id) = self.document.some_text(at) else { return };
        let says_no =
            self.document.value(at, "ispermalink").is_some_and(|value| !value.eq_ignore_ascii_case("true"));
        if !says_no && (id.starts_with("http://") || id.starts_with("https://")) {
            self.found.permalink.get_or_insert_with(|| id.clone());
        }
        self.found.id.offer(rank, Some(id));
    }

    fn link(&mut self, at: usize, rank: u8) {
        let Some(href) = self.address(at, "href").or_else(|| self.own_address(at)) else { return };
        let kind = self.document.value(at, "type").map(|kind| kind.to_ascii_lowercase());
        let rel = self
            .document
            .value(at, "rel")
            .map_or_else(|| "alternate".to_owned(), |rel| rel.to_ascii_lowercase());
        let rel = rel.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(&rel);
        match rel {
            "alternate" if kind.as_deref().is_none_or(|kind| kind.contains("html")) => {
                self.found.link.offer(rank + 1, Some(href));
            }
            "alternate" => self.found.link.offer(0, Some(href)),
            "enclosure" => self.file(at, "href"),
            "replies"
                if self.found.entry.comments.is_none()
                    && kind.as_deref().is_none_or(|k| k.contains("html")) =>
            {
                self.found.entry.comments = Some(href);
            }
            rel => self.found.entry.links.push(Link { rel: rel.to_owned(), href, kind }),
        }
    }

    /// A second description is the whole text.
    fn summary(&mut self, at: usize, rank: u8) {
        let words = self.document.words(at, self.document.unsaid(at));
        match &self.found.summary.0 {
            Some((known, _)) if *known == rank && rank == OWN => self.found.content.offer(1, words),
            _ => self.found.summary.offer(rank, words),
        }
    }

    fn person(&self, at: usize) -> Option<Person> {
        if !self.document.has_children(at) {
            return Person::read(&self.document.text(at));
        }
        person(self.document, at, self.base.as_ref())
    }

    fn category(&mut self, at: usize) {
        let document = self.document;
        let said = ["term", "text", "label"].into_iter().find_map(|name| document.value(at, name));
        let text = if document.has_children(at) { None } else { document.some_text(at) };
        for category in said.into_iter().chain(text) {
            self.categorize(&category);
        }
        for child in document.children(at) {
            self.category(child);
        }
    }

    fn keywords(&mut self, at: usize) {
        for keyword in self.document.text(at).split(',') {
            self.categorize(keyword);
        }
    }

    fn categorize(&mut self, category: &str) {
        let category = one_line(category);
        if !category.is_empty() && !self.found.entry.categories.contains(&category) {
            self.found.entry.categories.push(category);
        }
    }

    fn file(&mut self, at: usize, attribute: &str) {
        let url = [attribute, "url", "href"].into_iter().find_map(|name| self.address(at, name));
        let Some(url) = url else { return };
        let files = &mut self.found.entry.enclosures;
        if files.iter().any(|known| known.url == url) {
            return;
        }
        let value = |name| self.document.value(at, name);
        files.push(Enclosure {
            url,
            kind: value("type").or_else(|| value("medium")),
            length: value("length").or_else(|| value("fileSize")).and_then(|length| length.parse().ok()),
            title: value("title"),
        });
    }

    fn source(&self, at: usize) -> Option<Origin> {
        let document = self.document;
        let part = |field| document.children(at).find(|&child| document.element(child).field == field);
        let title = match part(Field::Title) {
            Some(title) => self.title(title),
            None if document.has_children(at) => None,
            None => document.some_text(at),
        };
        let link =
            part(Field::Link).and_then(|link| self.address(link, "href").or_else(|| self.own_address(link)));
        let url = self.address(at, "url").or(link);
        (title.is_some() || url.is_some()).then_some(Origin { title, url })
    }

    fn image(&self, at: usize) -> Option<String> {
        let document = self.document;
        let inside = || document.children(at).find(|&child| document.element(child).field == Field::Uri);
        self.address(at, "href")
            .or_else(|| self.address(at, "url"))
            .or_else(|| inside().and_then(|uri| self.own_address(uri)))
            .or_else(|| if document.has_children(at) { None } else { self.own_address(at) })
    }

    /// The link in an attribute.
    fn address(&self, at: usize, attribute: &str) -> Option<String> {
        self.document.value(at, attribute).map(|link| self.resolved(&link, at))
    }

    /// The link that is an element's text.
    fn own_address(&self, at: usize) -> Option<String> {
        self.document.some_text(at).map(|link| self.resolved(&link, at))
    }

    fn resolved(&self, link: &str, at: usize) -> String {
        match self.document.attribute(at, "xml:base") {
            Some(_) => resolve(link, own_base(self.document, at, self.base.as_ref()).as_ref()),
            None => resolve(link, self.base.as_ref()),
        }
    }

    fn finish(self, element: usize, around: &Around<'_>) -> Option<Entry> {
        let mut found = self.found;
        let mut entry = found.entry;
        entry.id = found.id.take().unwrap_or_default();
        entry.link = found.link.take().or(found.permalink);
        entry.title = found.title.take();
        entry.subtitle = found.subtitle.take();
        (entry.summary, entry.summary_type) = split(found.summary.take());
        (entry.content, entry.content_type) = split(found.content.take());
        entry.image = found.image.take();
        entry.rights = found.rights.take();
        let best = found.authors.iter().map(|(rank, _)| *rank).max();
        found.authors.retain(|(rank, _)| Some(*rank) == best);
        entry.authors = found.authors.into_iter().map(|(_, person)| person).collect();
        entry.language = found
            .language
            .take()
            .or_else(|| self.document.value(element, "xml:lang"))
            .or_else(|| around.language.map(str::to_owned))
            .map(|language| language.replace('_', "-"));
        let dates = Dates {
            published: found.published.take(),
            updated: found.updated.take(),
            created: found.created.take(),
        };
        let mut entry = entry.complete(&dates)?;
        if entry.authors.is_empty() && !around.authors.is_empty() {
            entry.authors = around.authors.to_vec();
            entry = entry.complete(&dates)?;
        }
        Some(entry)
    }
}

/// A person in elements: `name`, `email`, `uri`.
pub(super) fn person(document: &Document<'_>, at: usize, base: Option<&Url>) -> Option<Person> {
    let mut person = Person::default();
    for child in document.children(at) {
        let Some(text) = document.some_text(child) else { continue };
        match document.element(child).field {
            Field::Name | Field::Title => person.name = Some(one_line(&text)),
            Field::Email => person.email = Some(text),
            Field::Uri => person.url = Some(resolve(&text, base)),
            _ => {}
        }
    }
    (person != Person::default()).then_some(person)
}

/// A text, and its media type where that is not HTML.
fn split(words: Option<Words>) -> (Option<String>, Option<String>) {
    let Some(Words { text, kind }) = words else { return (None, None) };
    let kind = match kind {
        Kind::Plain => Some("text/plain".to_owned()),
        Kind::Other(kind) => Some(kind),
        Kind::Html | Kind::Xhtml | Kind::Unsaid => None,
    };
    (Some(text), kind)
}
