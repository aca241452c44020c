//! YAML text into a tree.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::tree::{Content, Entry, Node, Place};

/// Deeper nesting than this is a mistake or an attack.
const MAX_DEPTH: usize = 64;

/// How many nodes a file may have after its aliases are followed: a few lines of aliases to aliases
/// would otherwise fill the memory.
const MAX_NODES: usize = 200_000;

/// What is wrong with the YAML itself, and where.
#[derive(Debug)]
pub struct SyntaxError {
    /// Where it is.
    pub place: Place,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// Reads the one document in `text`. Duplicate keys do not stop the reading; they are listed.
///
/// # Errors
/// If it is not YAML, or more than one document, or nested or blown up by aliases beyond all reason.
pub fn parse(text: &str) -> Result<(Option<Node>, Vec<SyntaxError>), SyntaxError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        text,
        anchors: HashMap::new(),
        nodes: 0,
        duplicates: Vec::new(),
    };
    let root = reader.document()?;
    Ok((root, reader.duplicates))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    duplicates: Vec<SyntaxError>,
}

type Step<T> = Result<T, SyntaxError>;

impl<'a> Reader<'a> {
    fn document(&mut self) -> Step<Option<Node>> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(wrong(span, "a second document begins here; a configuration is one"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => return Err(wrong(span, "this is not YAML")),
            }
        }
    }

    fn next(&mut self) -> Step<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Step<Node> {
        if depth > MAX_DEPTH {
            return Err(wrong(span, &format!("nested more than {MAX_DEPTH} deep")));
        }
        self.count(1, span)?;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut plain = style == ScalarStyle::Plain;
                if let Some(tag) = tag {
                    plain &= core_tag(&tag, span)? != "str";
                }
                (Content::Scalar { text: text.into_owned(), plain }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return Err(wrong(span, "a value is missing here")),
        };
        let (place, range) = (place(span.start), range(span));
        let node = Node { place, range, content, secret: false, from_variable: false };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step<Node> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(wrong(span, "this alias names a value that holds it"));
        };
        let mut size = 0;
        node.visit(&mut |_| size += 1);
        self.count(size, span)?;
        Ok(node)
    }

    fn count(&mut self, more: usize, span: Span) -> Step<()> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(wrong(span, &format!("more than {MAX_NODES} values once the aliases are followed")));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Step<Content> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Step<Content> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, key_span) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, ..), span) => (text.into_owned(), span),
                (_, span) => return Err(wrong(span, "a key must be a single word or text")),
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let place = place(key_span.start);
            if key == "<<" {
                merged.extend(merge_sources(value, key_span)?);
            } else if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!("`{key}` is given twice; the first is in line {}", first.place.line);
                self.duplicates.push(SyntaxError { place, message });
            } else {
                entries.push(Entry { key, place, value });
            }
        }
        for entry in merged {
            if entries.iter().all(|own| own.key != entry.key) {
                entries.push(entry);
            }
        }
        Ok(Content::Map(entries))
    }

    /// The scanner's error in words that say what to mend.
    fn syntax(&self, error: &ScanError) -> SyntaxError {
        let place = place(*error.marker());
        let mut lines = self.text.lines().enumerate();
        let tab = lines.find(|(number, line)| {
            let indent = line.trim_start_matches(' ');
            indent.starts_with('\t')
                && !indent.trim().is_empty()
                && number + 1 >= place.line.saturating_sub(1)
        });
        if let Some((number, line)) = tab.filter(|(number, _)| *number < place.line + 1) {
            let column = line.len() - line.trim_start_matches(' ').len() + 1;
            return SyntaxError {
                place: Place { line: number + 1, column },
                message: "a tab is used to indent; YAML takes only spaces".to_owned(),
            };
        }
        SyntaxError { place, message: explain(error.info()) }
    }
}

fn explain(info: &str) -> String {
    let words = match info {
        i if i.contains("quoted scalar") => "a quote is opened here or above and never closed",
        i if i.contains("illegal placement of ':'") => {
            "a `:` cannot stand here; is a `[` or `{` above never closed?"
        }
        i if i.contains("expected '-'") => {
            "this line is indented less than the list item above it and more than the list"
        }
        i if i.contains("did not find expected key") || i.contains("simple key expect") => {
            "a `key: value` is expected here; look at the indentation and at the line above"
        }
        i if i.contains("mapping values are not allowed") => {
            "a second `: ` in one line; put quotes around the value, or start a new line"
        }
        i if i.contains("expected ',' or ']'") => "a `[` is opened and never closed, or a comma is missing",
        i if i.contains("expected ',' or '}'") => "a `{` is opened and never closed, or a comma is missing",
        i if i.contains("unknown anchor") => "this alias names no anchor (`&name`) above it",
        i => return format!("this is not valid YAML: {i}"),
    };
    words.to_owned()
}

fn merge_sources(value: Node, span: Span) -> Step<Vec<Entry>> {
    match value.content {
        Content::Map(entries) => Ok(entries),
        Content::List(items) => {
            let each = items.into_iter().map(|item| merge_sources(item, span));
            Ok(each.collect::<Step<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Content::Scalar { .. } => Err(wrong(span, "`<<` takes a mapping, such as an alias to one")),
    }
}

fn core_tag(tag: &saphyr_parser::Tag, span: Span) -> Step<String> {
    if tag.is_yaml_core_schema() || (tag.handle.is_empty() && tag.suffix == "!") {
        return Ok(tag.suffix.clone());
    }
    Err(wrong(span, &format!("the tag {tag} is not known; write the value without one")))
}

fn wrong(span: Span, message: &str) -> SyntaxError {
    SyntaxError { place: place(span.start), message: message.to_owned() }
}

fn place(mark: Marker) -> Place {
    Place { line: mark.line().max(1), column: mark.col() + 1 }
}

fn range(span: Span) -> Range<usize> {
    span.start.index()..span.end.index()
}
