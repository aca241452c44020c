//! Where in a document its records are.

use std::fmt;
use std::str::FromStr;

/// Where in a document its records are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordsPath {
    /// In a top-level array; in the `features` of a GeoJSON FeatureCollection or a STAC
    /// ItemCollection; else the document is itself the one record.
    #[default]
    Auto,
    /// The value that is reached by these names: the elements of an array, or one object.
    Names(Vec<String>),
}

impl FromStr for RecordsPath {
    type Err = String;

    /// `$`, `$.items`, `$.data.items`, `$['odd name']`; a `[*]` at the end changes nothing. It is
    /// the part of RFC 9535 that a file of any size can be read by in one pass.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a simple path: write names only, such as $.items or $.data.items");
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut names = Vec::new();
        while !rest.is_empty() && rest != "[*]" {
            let (name, after) = step(rest).ok_or_else(wrong)?;
            names.push(name.to_owned());
            rest = after;
        }
        Ok(Self::Names(names))
    }
}

/// The first step of `rest` and what follows it.
fn step(rest: &str) -> Option<(&str, &str)> {
    if let Some(dotted) = rest.strip_prefix('.') {
        let end = dotted.find(['.', '[']).unwrap_or(dotted.len());
        let name = &dotted[..end];
        return (!name.is_empty() && !name.contains(['*', ']', '?', '\''])).then_some((name, &dotted[end..]));
    }
    for (open, close) in [("['", "']"), ("[\"", "\"]")] {
        if let Some(quoted) = rest.strip_prefix(open) {
            return quoted.split_once(close);
        }
    }
    None
}

impl fmt::Display for RecordsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        match self {
            Self::Auto => Ok(()),
            Self::Names(names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_paths_are_read() {
        let names = |text: &str| match text.parse::<RecordsPath>() {
            Ok(RecordsPath::Names(names)) => names,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(names("$"), Vec::<String>::new());
        assert_eq!(names("$.items"), ["items"]);
        assert_eq!(names("$.data.items[*]"), ["data", "items"]);
        assert_eq!(names("$['a.b'][\"c\"].d"), ["a.b", "c", "d"]);
    }

    #[test]
    fn other_paths_are_refused() {
        for wrong in ["", "items", "$..items", "$.items[0]", "$.*", "$.a[?@.b]", "$.", "$['a'"] {
            assert!(wrong.parse::<RecordsPath>().is_err(), "{wrong}");
        }
    }
}
