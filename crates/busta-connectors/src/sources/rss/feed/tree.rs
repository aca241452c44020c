//! A document as a tree of its elements, however broken it is.
//!
//! The tree holds places in the text, not text: an element's own words are read when somebody asks.
//! Elements stand in document order, each with the index behind its last descendant, so a subtree is a
//! stretch of the list and needs no pointers.
//!
//! Repairs made here: an end tag closes every element inside its own; an end tag of nothing is ignored;
//! an entry ends where the next begins; an element whose end tag was forgotten ends where the next
//! element of the entry begins; an entry that the text breaks off in is marked as cut.

use std::ops::Range;

use memchr::memmem;

use super::names::{Field, OWN, Space, field_of, rank, space_of, space_of_prefix};
use super::plain::Kind;
use crate::formats::markup::entity::Declared;
use crate::formats::markup::token::{Token, Tokens, attributes};

/// Elements beyond this depth are text of their parent. Real feeds stay below 20.
const MAX_DEPTH: usize = 128;

/// Elements beyond this number are left out, to bound the memory (56 bytes each).
const MAX_ELEMENTS: usize = 1_000_000;

/// Namespace declarations beyond this number are ignored: each element's prefix is looked up in them.
const MAX_BINDINGS: usize = 128;

/// An element.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) field: Field,
    /// How well its vocabulary fits; see [`rank`].
    pub(super) rank: u8,
    name: &'a str,
    attributes: &'a str,
    start: u32,
    inner: Range<u32>,
    /// The index behind its last descendant.
    end: u32,
}

/// An entry: its element and the container that it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryAt {
    pub(super) element: usize,
    pub(super) container: Option<usize>,
    /// Whether the text broke off before its end.
    pub(super) cut: bool,
}

/// A document.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) declared: Declared<'a>,
    elements: Vec<Element<'a>>,
    /// The containers with the container that each stands in.
    pub(super) containers: Vec<(usize, Option<usize>)>,
    pub(super) entries: Vec<EntryAt>,
    /// Whether there were too many elements.
    pub(super) overfull: bool,
}

impl<'a> Document<'a> {
    /// Reads a text. Never fails; a text without markup is a document without elements.
    pub(super) fn read(text: &'a str) -> Self {
        let document = Self {
            text,
            declared: Declared::default(),
            elements: Vec::with_capacity(text.len() / 64),
            containers: Vec::new(),
            entries: Vec::new(),
            overfull: false,
        };
        Builder { document, open: Vec::new(), bindings: Vec::new() }.run()
    }

    /// What a text is whose element does not say: plain in Atom, either of both elsewhere.
    pub(super) fn unsaid(&self, index: usize) -> Kind {
        let atom = self.containers.first().is_some_and(|(root, _)| self.name(*root).ends_with("feed"));
        if atom && self.elements[index].rank == OWN { Kind::Plain } else { Kind::Unsaid }
    }

    /// The first element's name, in lower case.
    pub(super) fn root_name(&self) -> Option<String> {
        self.elements.first().map(|element| element.name.to_ascii_lowercase())
    }

    /// One element.
    pub(super) fn element(&self, index: usize) -> &Element<'a> {
        &self.elements[index]
    }

    /// The element's name as it is written.
    pub(super) fn name(&self, index: usize) -> &'a str {
        self.elements[index].name
    }

    /// The elements directly inside another one.
    pub(super) fn children(&self, index: usize) -> impl Iterator<Item = usize> {
        let end = self.elements[index].end as usize;
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.elements[child].end as usize;
            Some(child)
        })
    }

    /// Whether there are elements inside it.
    pub(super) fn has_children(&self, index: usize) -> bool {
        self.elements[index].end as usize > index + 1
    }

    /// What stands between its tags.
    pub(super) fn inner(&self, index: usize) -> &'a str {
        let inner = &self.elements[index].inner;
        &self.text[inner.start as usize..inner.end as usize]
    }

    /// All of it, tags included.
    pub(super) fn outer(&self, index: usize) -> &'a str {
        let element = &self.elements[index];
        &self.text[element.start as usize..element.inner.end as usize]
    }

    /// The raw value of an attribute, by its name without regard to case.
    pub(super) fn attribute(&self, index: usize, name: &str) -> Option<&'a str> {
        let text = self.elements[index].attributes;
        if text.is_empty() {
            return None;
        }
        attributes(text).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

struct Builder<'a> {
    document: Document<'a>,
    /// The elements that are open, outermost first, each with the number of bindings outside it.
    open: Vec<(usize, usize)>,
    /// What prefixes stand for, innermost last.
    bindings: Vec<(&'a str, Space)>,
}

impl<'a> Builder<'a> {
    fn run(mut self) -> Document<'a> {
        let mut tokens = Tokens::new(self.document.text);
        while let Some(token) = tokens.next() {
            match token {
                Token::Start { name, attributes, empty } => {
                    self.start(name, attributes, empty, tokens.span())
                }
                Token::End { name } => self.end(name, tokens.span().start),
                Token::Doctype(text) => self.document.declared.read(text),
                Token::Text(_) | Token::CData(_) => {}
            }
        }
        self.finish()
    }

    fn start(&mut self, name: &'a str, attributes: &'a str, empty: bool, span: Range<usize>) {
        let mut outside = self.bind(attributes);
        let (space, field) = self.meaning(name);
        if field == Field::Entry {
            self.bindings.truncate(outside);
            self.leave_to_container(span.start);
            outside = self.bind(attributes);
        }
        self.document.overfull |= self.document.elements.len() >= MAX_ELEMENTS;
        if self.open.len() >= MAX_DEPTH || self.document.overfull {
            self.bindings.truncate(outside);
            return;
        }
        let index = self.document.elements.len();
        let (start, inner) = (span.start as u32, span.end as u32);
        self.document.elements.push(Element {
            field,
            rank: rank(space),
            name,
            attributes,
            start,
            inner: inner..inner,
            end: index as u32 + 1,
        });
        self.note(index, field);
        if empty || is_void(name) {
            self.bindings.truncate(outside);
        } else {
            self.open.push((index, outside));
        }
    }

    /// Lists containers and entries as they come.
    fn note(&mut self, index: usize, field: Field) {
        if !matches!(field, Field::Container | Field::Entry) || self.innermost(Field::Entry).is_some() {
            return;
        }
        let container = self.innermost(Field::Container);
        match field {
            Field::Entry => self.document.entries.push(EntryAt { element: index, container, cut: false }),
            _ => self.document.containers.push((index, container)),
        }
    }

    /// The innermost open element that means `field`.
    fn innermost(&self, field: Field) -> Option<usize> {
        self.open
            .iter()
            .rev()
            .map(|(open, _)| *open)
            .find(|&open| self.document.elements[open].field == field)
    }

    /// An entry begins: whatever is open inside the container is over, the last entry too.
    fn leave_to_container(&mut self, at: usize) {
        while let Some(&(top, _)) = self.open.last() {
            if self.document.elements[top].field == Field::Container {
                break;
            }
            self.close(at, true);
        }
    }

    fn end(&mut self, name: &str, at: usize) {
        let same = |(open, _): &(usize, usize)| self.document.elements[*open].name.eq_ignore_ascii_case(name);
        let Some(target) = self.open.iter().rposition(same) else { return };
        while self.open.len() > target + 1 {
            self.close(at, true);
        }
        self.close(at, false);
    }

    /// Closes the innermost open element at a place in the text.
    fn close(&mut self, at: usize, forgotten: bool) {
        let Some((index, outside)) = self.open.pop() else { return };
        self.bindings.truncate(outside);
        let count = self.document.elements.len() as u32;
        let element = &mut self.document.elements[index];
        element.inner.end = at as u32;
        element.end = count;
        let parent = self.open.last().map(|(parent, _)| self.document.elements[*parent].field);
        if forgotten && matches!(parent, Some(Field::Entry | Field::Container)) {
            self.give_back(index);
        }
    }

    /// An element without an end tag ends where its parent's next element begins.
    fn give_back(&mut self, index: usize) {
        let document = &mut self.document;
        if matches!(document.elements[index].field, Field::Entry | Field::Container) {
            return;
        }
        let first = document.children(index).find(|&child| document.elements[child].field.stands_alone());
        if let Some(first) = first {
            let start = document.elements[first].start;
            let element = &mut document.elements[index];
            element.end = first as u32;
            element.inner.end = start;
        }
    }

    fn finish(mut self) -> Document<'a> {
        let cut = self.innermost(Field::Entry);
        while !self.open.is_empty() {
            self.close(self.document.text.len(), true);
        }
        if let Some(entry) = self.document.entries.last_mut() {
            entry.cut = cut == Some(entry.element);
        }
        self.document
    }

    /// Notes the namespaces that a tag declares; gives the number of bindings outside it.
    fn bind(&mut self, text: &'a str) -> usize {
        let outside = self.bindings.len();
        if memmem::find(text.as_bytes(), b"xmlns").is_none() {
            return outside;
        }
        for (key, uri) in attributes(text) {
            let Some(prefix) = key.strip_prefix("xmlns") else { continue };
            let prefix = prefix.strip_prefix(':').unwrap_or("");
            if self.bindings.len() < MAX_BINDINGS {
                self.bindings.push((prefix, space_of(uri).unwrap_or_else(|| space_of_prefix(prefix))));
            }
        }
        outside
    }

    fn meaning(&self, name: &str) -> (Space, Field) {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let bound = self.bindings.iter().rev().find(|(known, _)| *known == prefix);
        let space = bound.map_or_else(|| space_of_prefix(prefix), |(_, space)| *space);
        (space, field_of(space, local))
    }
}

/// Elements of HTML that have no end tag.
fn is_void(name: &str) -> bool {
    ["br", "img", "hr", "input", "meta", "wbr", "embed", "area", "col"]
        .iter()
        .any(|void| name.eq_ignore_ascii_case(void))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<String> {
        let document = Document::read(text);
        let of = |entry: &EntryAt| {
            let fields = document
                .children(entry.element)
                .map(|child| format!("{:?}={}", document.element(child).field, document.inner(child)));
            fields.collect::<Vec<_>>().join(" ")
        };
        document.entries.iter().map(of).collect()
    }

    #[test]
    fn entries_and_their_fields() {
        assert_eq!(
            titles(
                "<rss><channel><title>f</title><item><title>a</title><link>b</link></item><item/></channel></rss>"
            ),
            ["Title=a Link=b", ""]
        );
    }

    #[test]
    fn an_entry_ends_where_the_next_begins() {
        assert_eq!(titles("<rss><item><title>a</title><item><title>b</title></rss>"), ["Title=a", "Title=b"]);
    }

    #[test]
    fn a_forgotten_end_tag_costs_nothing_else() {
        assert_eq!(
            titles("<rss><item><title>a<link>b</link><guid>c</guid></item></rss>"),
            ["Title=a Link=b Id=c"]
        );
        assert_eq!(
            titles(
                "<rss><channel><atom:link href='x'><title>f</title><item><title>a</title></item></channel></rss>"
            ),
            ["Title=a"]
        );
    }

    #[test]
    fn raw_html_stays_inside_its_element() {
        assert_eq!(
            titles("<rss><item><description><p>a<br>b</i></description><link>c</link></item></rss>"),
            ["Summary=<p>a<br>b</i> Link=c"]
        );
    }

    #[test]
    fn a_cut_entry_is_marked() {
        let cut = |text| Document::read(text).entries.iter().map(|entry| entry.cut).collect::<Vec<_>>();
        assert_eq!(cut("<rss><item><title>a</title></item><item><title>b</ti"), [false, true]);
        assert_eq!(cut("<rss><item><title>a</title></item>"), [false]);
    }

    #[test]
    fn prefixes_are_resolved_in_their_scope() {
        assert_eq!(
            titles(
                "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><a:title>x</a:title>\
                 <b:title xmlns:b='http://example.com/else'>y</b:title>\
                 <b:title xmlns:b='http://purl.org/dc/elements/1.1/'>z</b:title></a:entry></a:feed>"
            ),
            ["Title=x Unknown=y Title=z"]
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "<a>".repeat(100_000);
        let document = Document::read(&deep);
        assert_eq!(document.elements.len(), MAX_DEPTH);
    }
}
