//! Paths into a record: `properties.datetime`, `assets.*.title`, `links[*].href`, `['odd.name'].x`.

use std::fmt;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A field of an object.
    Name(String),
    /// An element of a list, from 0.
    Index(usize),
    /// Every field or element.
    Any,
}

/// A path from the top of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    segments: Vec<Segment>,
    text: String,
}

impl Path {
    /// Reads a path: names with dots between them, `[2]` for an element, `*` or `[*]` for all, and
    /// `['a.b']` for a name with dots, brackets or stars in it. `$.` in front changes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not a path: {why}");
        let mut rest = match text.strip_prefix('$') {
            Some("") => return Err(wrong("it must name a field, as in properties.datetime")),
            Some(after) if after.starts_with(['.', '[']) => after.strip_prefix('.').unwrap_or(after),
            _ => text,
        };
        let mut segments = Vec::new();
        loop {
            let (segment, after) = step(rest).map_err(wrong)?;
            segments.push(segment);
            rest = match after.strip_prefix('.') {
                Some(after) => after,
                None if after.is_empty() => break,
                None if after.starts_with('[') => after,
                None => return Err(wrong("after `]` comes `.`, `[` or the end")),
            };
        }
        if !matches!(segments.first(), Some(Segment::Name(_) | Segment::Any)) {
            return Err(wrong("a record is an object, so a path starts with a name"));
        }
        Ok(Self { segments, text: text.to_owned() })
    }

    /// A path to one value: no `*`.
    pub fn parse_one(text: &str) -> Result<Self, String> {
        let path = Self::parse(text)?;
        if path.has_wildcard() {
            return Err(format!("`{text}` must lead to one value, so it cannot hold `*`"));
        }
        Ok(path)
    }

    /// The path to a field of the record itself.
    pub fn field(name: &str) -> Self {
        Self { segments: vec![Segment::Name(name.to_owned())], text: name.to_owned() }
    }

    /// The path with another name at its end.
    pub fn with_last(mut self, name: &str) -> Self {
        self.segments.pop();
        self.segments.push(Segment::Name(name.to_owned()));
        let parent = self.text.rfind('.').map_or("", |at| &self.text[..=at]);
        Self { text: format!("{parent}{name}"), segments: self.segments }
    }

    /// Its steps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it may lead to several values.
    pub fn has_wildcard(&self) -> bool {
        self.segments.contains(&Segment::Any)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The first step of `rest`, and what follows it.
fn step(rest: &str) -> Result<(Segment, &str), &'static str> {
    let Some(inside) = rest.strip_prefix('[') else {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        return match name {
            "" => Err("a name is missing"),
            "*" => Ok((Segment::Any, &rest[end..])),
            _ if name.contains(['*', ']']) => Err("a name with `*` or `]` in it is written as ['a*b']"),
            _ => Ok((Segment::Name(name.to_owned()), &rest[end..])),
        };
    };
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let end = quoted.find(&format!("{quote}]")).ok_or("a quote in `[` is not closed")?;
            return Ok((Segment::Name(quoted[..end].to_owned()), &quoted[end + 2..]));
        }
    }
    let (index, after) = inside.split_once(']').ok_or("a `[` is not closed")?;
    if index == "*" {
        return Ok((Segment::Any, after));
    }
    let number = index.parse().map_err(|_| "in brackets stands a number, `*` or a quoted name")?;
    Ok((Segment::Index(number), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Segment {
        Segment::Name(text.to_owned())
    }

    #[test]
    fn paths_are_read() {
        let read = |text| Path::parse(text).unwrap().segments;
        assert_eq!(read("id"), [name("id")]);
        assert_eq!(read("properties.eo:cloud_cover"), [name("properties"), name("eo:cloud_cover")]);
        assert_eq!(read("$.a.b"), [name("a"), name("b")]);
        assert_eq!(read("assets.*.title"), [name("assets"), Segment::Any, name("title")]);
        assert_eq!(read("links[*].href"), [name("links"), Segment::Any, name("href")]);
        assert_eq!(read("bbox[0]"), [name("bbox"), Segment::Index(0)]);
        assert_eq!(read("['a.b'][\"c]d\"].e"), [name("a.b"), name("c]d"), name("e")]);
        assert_eq!(read("$['a']"), [name("a")]);
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, said) in [
            ("", "a name is missing"),
            ("$", "must name a field"),
            ("a..b", "a name is missing"),
            ("a.", "a name is missing"),
            ("a[x]", "in brackets"),
            ("a[0", "not closed"),
            ("['a", "not closed"),
            ("a[0]b", "after `]`"),
            ("a*b", "written as"),
            ("[0]", "starts with a name"),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(Path::parse_one("a.*").unwrap_err().contains("one value"));
    }
}
