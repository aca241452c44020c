//! The cutter for documents: one pass, bounded memory, goes on after what is broken.
//!
//! It reads one value, or several one after another (with blanks, line breaks or commas between). An
//! array gives its elements; so does the `features` array of a FeatureCollection, and the value at a
//! given path; any other object is one record. Between elements commas may be missing or doubled.
//! A broken element is passed over if its brackets balance; if they do not, it ends with the file.

use busta_core::Error;
use serde::{Deserialize, Serialize};

use super::RecordsPath;
use super::scan::{Scan, blanks, separators, string_end, value_end};
use super::shape::{Shape, shape};
use crate::formats::{Cut, CutterPlace, check_object, kind, too_large};

/// Where in a document a cutter stands between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Between documents. Also the place of formats that have no inside.
    #[default]
    Top,
    /// In an array of records that stands inside this many objects.
    Array(usize),
    /// After the records, inside this many objects.
    Rest(usize),
}

/// What stands before the number of an item.
pub(crate) const ITEM: &str = "item ";

#[derive(Clone, Copy, Debug)]
enum State {
    Top,
    /// Inside this many objects, on the way to the records.
    Object(usize),
    Array(usize),
    Skip(Scan, After),
    Done,
}

/// What follows a skipped part.
#[derive(Clone, Copy, Debug)]
enum After {
    Top,
    Object(usize),
    Array(usize),
}

impl From<After> for State {
    fn from(after: After) -> Self {
        match after {
            After::Top => Self::Top,
            After::Object(level) => Self::Object(level),
            After::Array(level) => Self::Array(level),
        }
    }
}

/// Cuts JSON documents into records.
#[derive(Debug)]
pub struct JsonCutter {
    path: RecordsPath,
    state: State,
    count: u64,
}

/// How many bytes are used, and what was found, if anything was.
type Taken = (usize, Option<Cut>);

impl JsonCutter {
    /// A cutter at the start of a document whose records are at `path`.
    pub fn new(path: RecordsPath) -> Self {
        Self { path, state: State::Top, count: 0 }
    }

    pub(crate) fn next(&mut self, window: &[u8], end: bool) -> (usize, Cut) {
        let mut used = 0;
        loop {
            let rest = &window[used..];
            let (taken, cut) = match self.state {
                State::Top => self.top(rest, end),
                State::Object(level) => self.object(rest, end, level),
                State::Array(level) => self.array(rest, end, level),
                State::Skip(scan, after) => self.skip(rest, end, scan, after),
                State::Done => (rest.len(), Some(if end { Cut::End } else { Cut::More })),
            };
            match cut {
                Some(cut) => return (used + taken, shifted(cut, used)),
                None => used += taken,
            }
        }
    }

    pub(crate) fn give_up(&mut self, window: &[u8]) -> (usize, Cut) {
        self.count += 1;
        let after = match self.state {
            State::Array(level) => Some(After::Array(level)),
            State::Top => Some(After::Top),
            _ => None,
        };
        let mut scan = Scan::default();
        self.state = match after {
            Some(after) if window.starts_with(b"{") || window.starts_with(b"[") => {
                scan.run(window);
                State::Skip(scan, after)
            }
            _ => State::Done,
        };
        (window.len(), Cut::Bad { span: 0..window.len(), place: self.item_place(), error: too_large() })
    }

    pub(crate) fn number(&self) -> u64 {
        self.count
    }

    pub(crate) fn place(&self) -> Option<CutterPlace> {
        let state = match self.state {
            State::Top => Place::Top,
            State::Array(level) => Place::Array(level),
            State::Skip(scan, After::Top) if scan == Scan::inside(scan.depth) => Place::Rest(scan.depth),
            _ => return None,
        };
        Some(CutterPlace { count: self.count, state })
    }

    pub(crate) fn restore(&mut self, place: CutterPlace) {
        self.count = place.count;
        self.state = match place.state {
            Place::Top => State::Top,
            Place::Array(level) => State::Array(level),
            Place::Rest(depth) => leave(depth),
        };
    }

    fn top(&mut self, rest: &[u8], end: bool) -> Taken {
        let blank = separators(rest);
        if blank > 0 {
            return (blank, None);
        }
        let deep = matches!(&self.path, RecordsPath::Names(names) if !names.is_empty());
        match rest.first() {
            None => (0, Some(if end { Cut::End } else { Cut::More })),
            Some(b'[') if deep => {
                self.count += 1;
                self.state = State::Skip(Scan::inside(1), After::Top);
                let message = format!("the document is an array, so there is nothing at {}", self.path);
                (1, Some(self.bad(0..1, Error::data(message).hint("leave `records` out"))))
            }
            Some(b'[') => {
                self.state = State::Array(0);
                (1, None)
            }
            Some(b'{') if deep => {
                self.state = State::Object(1);
                (1, None)
            }
            Some(b'{') if self.path == RecordsPath::Auto => self.document(rest, end),
            Some(b'{') => self.item(rest, end, State::Top),
            Some(_) => self.stray(rest, end),
        }
    }

    /// A value at the top that is neither array nor object: an item that is no record if it is JSON
    /// at all; if not, the rest of the file cannot be trusted.
    fn stray(&mut self, rest: &[u8], end: bool) -> Taken {
        match value_end(rest, end) {
            Some(length) if serde_json::from_slice::<serde::de::IgnoredAny>(&rest[..length]).is_ok() => {
                self.cut(rest, length, State::Top)
            }
            None if !end => (0, Some(Cut::More)),
            _ => self.broken(rest, "this is not JSON"),
        }
    }

    fn document(&mut self, rest: &[u8], end: bool) -> Taken {
        match shape(rest) {
            Shape::Record(length) => self.cut(rest, length, State::Top),
            Shape::Collection(start) => {
                self.state = State::Array(1);
                (start, None)
            }
            Shape::Empty(length) => (length, None),
            Shape::Open if !end => (0, Some(Cut::More)),
            Shape::Open | Shape::Malformed => self.item(rest, end, State::Top),
        }
    }

    fn array(&mut self, rest: &[u8], end: bool, level: usize) -> Taken {
        let blank = separators(rest);
        if blank > 0 {
            return (blank, None);
        }
        match rest.first() {
            None if end => self.cut_off(rest, "the file ends before its array does"),
            None => (0, Some(Cut::More)),
            Some(b']') => {
                self.state = leave(level);
                (1, None)
            }
            Some(_) => self.item(rest, end, State::Array(level)),
        }
    }

    /// One field of an object on the way to the records.
    fn object(&mut self, rest: &[u8], end: bool, level: usize) -> Taken {
        let blank = separators(rest);
        if blank > 0 {
            return (blank, None);
        }
        match rest.first() {
            Some(b'}') => {
                self.state = leave(level - 1);
                (1, Some(self.nothing_there("the document has nothing")))
            }
            Some(b'"') => match field(rest) {
                Field::At { key, value } => self.field(rest, end, level, key, value),
                Field::Open if end => self.cut_off(rest, "the file ends before its document does"),
                Field::Open => (0, Some(Cut::More)),
                Field::Malformed => self.broken(rest, "a field name is not followed by a colon"),
            },
            None if end => self.cut_off(rest, "the file ends before its document does"),
            None => (0, Some(Cut::More)),
            Some(_) => self.broken(rest, "a field name was expected here"),
        }
    }

    fn field(&mut self, rest: &[u8], end: bool, level: usize, key: usize, value: usize) -> Taken {
        let RecordsPath::Names(names) = &self.path else { return self.broken(rest, "no path is set") };
        let last = level == names.len();
        let wanted = serde_json::from_slice::<String>(&rest[..key]).is_ok_and(|key| key == names[level - 1]);
        match rest[value] {
            b'[' if wanted && last => self.state = State::Array(level),
            b'{' if wanted && !last => self.state = State::Object(level + 1),
            b'{' if wanted => {
                let (taken, cut) = self.item(&rest[value..], end, leave(level));
                // The whole field is looked at again when more of it is there.
                return match cut {
                    Some(Cut::More) => (0, Some(Cut::More)),
                    cut => (value + taken, cut.map(|cut| shifted(cut, value))),
                };
            }
            b'n' if wanted => {
                self.state = leave(level);
                return (value, None);
            }
            other if wanted => {
                self.state = leave(level);
                return (
                    value,
                    Some(self.nothing_there(&format!("{} is not what should be", kind(&[other])))),
                );
            }
            b'[' | b'{' => {
                self.state = State::Skip(Scan::default(), After::Object(level));
                return (value, None);
            }
            _ => {
                return match value_end(&rest[value..], end) {
                    Some(length) => (value + length, None),
                    None if end => self.cut_off(rest, "the file ends before its document does"),
                    None => (0, Some(Cut::More)),
                };
            }
        }
        (value + 1, None)
    }

    fn skip(&mut self, rest: &[u8], end: bool, mut scan: Scan, after: After) -> Taken {
        if let Some(length) = scan.run(rest) {
            self.state = after.into();
            return (length, None);
        }
        if end {
            return self.cut_off(rest, "the file ends before its document does");
        }
        self.state = State::Skip(scan, after);
        (rest.len(), Some(Cut::More))
    }

    /// The item at the front of `rest`.
    fn item(&mut self, rest: &[u8], end: bool, next: State) -> Taken {
        match value_end(rest, end) {
            Some(length) => self.cut(rest, length, next),
            None if end => self.cut_off(rest, "the file ends in the middle of this item"),
            None => (0, Some(Cut::More)),
        }
    }

    fn cut(&mut self, rest: &[u8], length: usize, next: State) -> Taken {
        self.count += 1;
        self.state = next;
        let cut = match check_object(&rest[..length]) {
            Ok(()) => Cut::Record(0..length),
            Err(error) => self.bad(0..length, error),
        };
        (length, Some(cut))
    }

    fn cut_off(&mut self, rest: &[u8], what: &str) -> Taken {
        self.count += 1;
        self.state = State::Done;
        let error =
            Error::data(what).hint("it may still be being written: it is read again once it has changed");
        (rest.len(), Some(self.bad(0..rest.len(), error)))
    }

    fn broken(&mut self, rest: &[u8], what: &str) -> Taken {
        self.count += 1;
        self.state = State::Done;
        let start = String::from_utf8_lossy(&rest[..rest.len().min(40)]).into_owned();
        let error = Error::data(format!("{what}: {start:?}; the rest of the file is left out"));
        (rest.len(), Some(self.bad(0..rest.len(), error)))
    }

    fn nothing_there(&mut self, what: &str) -> Cut {
        self.count += 1;
        self.bad(0..0, Error::data(format!("{what} at {}", self.path)).hint("look at `records`"))
    }

    fn bad(&self, span: std::ops::Range<usize>, error: Error) -> Cut {
        Cut::Bad { span, place: self.item_place(), error }
    }

    fn item_place(&self) -> String {
        format!("{ITEM}{}", self.count)
    }
}

/// The state after the records, inside `depth` objects whose other fields do not matter.
fn leave(depth: usize) -> State {
    if depth == 0 { State::Top } else { State::Skip(Scan::inside(depth), After::Top) }
}

fn shifted(cut: Cut, by: usize) -> Cut {
    match cut {
        Cut::Record(span) => Cut::Record(span.start + by..span.end + by),
        Cut::Bad { span, place, error } => Cut::Bad { span: span.start + by..span.end + by, place, error },
        other => other,
    }
}

/// A field at the front of some text.
pub(super) enum Field {
    /// Its name ends before `key`, its value starts at `value`.
    At { key: usize, value: usize },
    /// It is not all there.
    Open,
    /// It is no field.
    Malformed,
}

/// Looks at the field whose name starts at the front of `rest`.
pub(super) fn field(rest: &[u8]) -> Field {
    let Some(key) = string_end(rest) else { return Field::Open };
    let colon = key + blanks(&rest[key..]);
    match rest.get(colon) {
        None => return Field::Open,
        Some(b':') => {}
        Some(_) => return Field::Malformed,
    }
    let value = colon + 1 + blanks(&rest[colon + 1..]);
    if value < rest.len() { Field::At { key, value } } else { Field::Open }
}
