//! Cutting one row into its fields, in place.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

/// The fields of one row, as parts of the window it was cut from.
#[derive(Debug, Default)]
pub(crate) struct Row {
    fields: Vec<FieldSpan>,
    /// Whether a quote is not closed where it should be.
    pub(super) is_open: bool,
    /// Whether a field of it starts with a quote. If none does, it is one line.
    pub(super) is_quoted: bool,
}

#[derive(Clone, Debug)]
struct FieldSpan {
    span: Range<usize>,
    /// Whether it holds doubled quotes, or text after its closing quote.
    has_quotes: bool,
}

impl Row {
    /// Cuts the row at the front of `window`; says how long it is with its line break, or `None` if
    /// the window ends before it does. Lines end with LF or CR LF.
    pub fn cut(&mut self, window: &[u8], end: bool, delimiter: u8, quote: u8) -> Option<usize> {
        self.fields.clear();
        self.is_open = false;
        self.is_quoted = false;
        if let Some(length) = self.plain(window, delimiter, quote) {
            return Some(length);
        }
        let mut at = 0;
        loop {
            let (span, next, has_quotes) = if window.get(at) == Some(&quote) {
                self.is_quoted = true;
                self.quoted(window, at + 1, end, delimiter, quote)?
            } else {
                let next =
                    at + memchr2(delimiter, b'\n', &window[at..]).or(end.then_some(window.len() - at))?;
                (at..next, next, false)
            };
            self.fields.push(FieldSpan { span, has_quotes });
            match window.get(next) {
                Some(&byte) if byte == delimiter => at = next + 1,
                Some(_) => {
                    self.strip_return(window);
                    return Some(next + 1);
                }
                None => return Some(next),
            }
        }
    }

    /// Cuts the row if it is a line without any quote, as nearly all are.
    fn plain(&mut self, window: &[u8], delimiter: u8, quote: u8) -> Option<usize> {
        let length = memchr2(quote, b'\n', window).filter(|at| window[*at] == b'\n')?;
        let mut start = 0;
        for at in memchr_iter(delimiter, &window[..length]).chain([length]) {
            self.fields.push(FieldSpan { span: start..at, has_quotes: false });
            start = at + 1;
        }
        self.strip_return(window);
        Some(length + 1)
    }

    /// The field whose opening quote stands before `from`: its span, where what follows it starts,
    /// and whether it needs unescaping.
    fn quoted(
        &mut self,
        window: &[u8],
        from: usize,
        end: bool,
        delimiter: u8,
        quote: u8,
    ) -> Option<(Range<usize>, usize, bool)> {
        let mut at = from;
        let mut has_quotes = false;
        loop {
            let Some(close) = memchr(quote, &window[at..]).map(|found| at + found) else {
                self.is_open = true;
                return end.then_some((from..window.len(), window.len(), has_quotes));
            };
            match window.get(close + 1) {
                Some(&byte) if byte == quote => {
                    has_quotes = true;
                    at = close + 2;
                }
                Some(&byte) if byte == delimiter || byte == b'\n' => {
                    return Some((from..close, close + 1, has_quotes));
                }
                Some(b'\r') if window.get(close + 2) == Some(&b'\n') => {
                    return Some((from..close, close + 2, has_quotes));
                }
                None => return end.then_some((from..close, close + 1, has_quotes)),
                Some(_) => {
                    // Text after the closing quote belongs to the field as it stands, unless the quote was
                    // closed on another line: then it is the opening one that does not belong there.
                    self.is_open = memchr(b'\n', &window[from..close]).is_some();
                    let next = memchr2(delimiter, b'\n', &window[close..])
                        .map(|found| close + found)
                        .or(end.then_some(window.len()))?;
                    return Some((from - 1..next, next, false));
                }
            }
        }
    }

    /// Takes the CR of a CR LF off the last field.
    fn strip_return(&mut self, window: &[u8]) {
        if let Some(last) = self.fields.last_mut()
            && window[last.span.clone()].last() == Some(&b'\r')
        {
            last.span.end -= 1;
        }
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is nothing in it: an empty line.
    pub fn is_blank(&self, window: &[u8]) -> bool {
        matches!(self.fields.as_slice(), [only] if only.span.is_empty() && only.span.start == 0)
            && !window.is_empty()
    }

    /// Where its fields are in the window that it was cut from; `None` if some of them are quoted.
    pub fn spans(&self) -> Option<impl Iterator<Item = Range<usize>>> {
        (!self.is_quoted).then(|| self.fields.iter().map(|field| field.span.clone()))
    }

    /// The texts of the fields. `text` is the window that the row was cut from, as far as it goes.
    pub fn texts<'a>(&'a self, text: &'a str, quote: u8) -> impl Iterator<Item = Cow<'a, str>> {
        let quote = char::from(quote);
        self.fields.iter().map(move |field| {
            let raw = text.get(field.span.clone()).unwrap_or_default();
            if field.has_quotes {
                Cow::Owned(raw.replace(&format!("{quote}{quote}"), &quote.to_string()))
            } else {
                Cow::Borrowed(raw)
            }
        })
    }
}
