//! Path templates such as `{collection}/{id}/{asset}{ext}`, whose paths cannot leave their folder.

use crate::digest;

/// Most file systems take names of 255 bytes; the rest is left for the endings of part files.
const MAX_NAME: usize = 200;

/// Linux takes paths of 4096 bytes; the folder itself comes in front.
const MAX_PATH: usize = 2048;

/// A template: literal text and the names of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Value(String),
}

impl Template {
    /// Reads a template that may use the values `known`. The error is a clause for the operator.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..].find('}').map(|at| open + at).filter(|close| *close > open);
            let close =
                close.ok_or_else(|| format!("has a brace without its partner at `{}`", &rest[open..]))?;
            let name = &rest[open + 1..close];
            if !known.contains(&name) {
                let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
                return Err(format!("knows no value `{{{name}}}`; there are {}", known.join(", ")));
            }
            pieces.push(Piece::Literal(rest[..open].to_owned()));
            pieces.push(Piece::Value(name.to_owned()));
            rest = &rest[close + 1..];
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
        let template = Self(pieces);
        template.check()?;
        Ok(template)
    }

    /// Folders that nobody can mean are refused in the literal text; what stands in values is made safe.
    fn check(&self) -> Result<(), String> {
        let shape = self.assemble(|_| "x".to_owned());
        if shape.starts_with('/') {
            return Err("must be relative to `folder`".to_owned());
        }
        if shape.contains(['\\', '\0']) {
            return Err("must have `/` between folders, and neither `\\` nor NUL".to_owned());
        }
        if shape.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err("must have no empty folder, `.` or `..`".to_owned());
        }
        Ok(())
    }

    /// The path for these values, with `/` between its parts: relative, below where it is put, and of
    /// names that file systems take. A value makes up one name or a piece of one: what must not stand
    /// in a name becomes `_`, followed by a digest of the value, so that different values never meet.
    pub fn path(&self, value: impl Fn(&str) -> String) -> String {
        let path = self.assemble(|name| {
            let value = value(name);
            let safe = safe_value(&value);
            if safe == value { value } else { format!("{safe}~{}", digest::first(8, &value)) }
        });
        let names: Vec<_> = path.split('/').map(safe_name).collect();
        let joined = names.join("/");
        if joined.len() <= MAX_PATH { joined } else { digest::first(8, &joined) }
    }

    fn assemble(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Value(name) => value(name),
        };
        self.0.iter().map(piece).collect()
    }
}

/// Whether `path` is one that [`Template::path`] could have made: relative, and staying below.
pub fn stays_below(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The path of a file here that is at `path` elsewhere, made safe as a [`Template`] makes its paths.
pub fn safe_path(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty()).map(|name| {
        let safe = safe_value(name);
        safe_name(&if safe == name { safe } else { format!("{safe}~{}", digest::first(8, name)) })
    });
    let joined = names.collect::<Vec<_>>().join("/");
    // What lies there is busta's own.
    let joined = if joined.starts_with("_busta/") { format!("_{joined}") } else { joined };
    if joined.is_empty() || joined.len() > MAX_PATH { digest::first(8, path) } else { joined }
}

fn safe_value(value: &str) -> String {
    let safe = |c: char| match c {
        // The last seven are refused by Windows and by many network shares.
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    value.chars().map(safe).collect()
}

/// A name that is neither empty, nor one of the two special ones, nor hidden, nor too long.
fn safe_name(name: &str) -> String {
    let mut safe = match name.chars().next() {
        None => "_".to_owned(),
        Some('.') => format!("_{name}"),
        Some(_) => name.to_owned(),
    };
    if safe.len() > MAX_NAME {
        let ending = ending(&safe).to_owned();
        let digest = digest::first(8, &safe);
        let mut end = MAX_NAME - ending.len() - digest.len() - 1;
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe = format!("{}~{digest}{ending}", &safe[..end]);
    }
    safe
}

/// A short file ending with its dot, or nothing.
fn ending(name: &str) -> &str {
    name.rfind('.').map(|dot| &name[dot..]).filter(|ending| ending.len() <= 12).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Result<Template, String> {
        Template::parse(text, &["id", "asset", "ext"])
    }

    fn path(text: &str, id: &str) -> String {
        template(text).unwrap().path(|name| match name {
            "id" => id.to_owned(),
            other => other.to_owned(),
        })
    }

    #[test]
    fn ordinary_values_stand_as_they_are() {
        assert_eq!(path("{id}/{asset}.{ext}", "S2A_60GWV"), "S2A_60GWV/asset.ext");
        assert_eq!(path("all/{id}", "a b-ü.tif"), "all/a b-ü.tif");
    }

    #[test]
    fn dangerous_values_stay_inside_and_apart() {
        assert!(path("{id}/x", "../../etc").starts_with("_.._.._etc~"));
        assert_eq!(path("{id}/x", ".."), "_../x");
        assert_eq!(path("{id}/x", ""), "_/x");
        assert!(path("{id}/x", "/etc/passwd").starts_with("_etc_passwd~"));
        assert!(path("{id}", "a\0b").starts_with("a_b~"));
        assert_ne!(path("{id}", "a/b"), path("{id}", "a:b"));
        assert_ne!(path("{id}", "a/b"), path("{id}", "a_b"));
        let (long, longer) = (format!("{}.tif", "ö".repeat(300)), format!("{}.tif", "ö".repeat(301)));
        assert!(path("{id}", &long).len() <= MAX_NAME && path("{id}", &long).ends_with(".tif"));
        assert_ne!(path("{id}", &long), path("{id}", &longer));
    }

    #[test]
    fn templates_that_cannot_work_are_refused() {
        for (text, why) in [
            ("/data/{id}", "relative"),
            ("../{id}", "`..`"),
            ("a//{id}", "empty folder"),
            ("", "empty folder"),
            ("{id}/", "empty folder"),
            ("./{id}", "`.`"),
            ("a\\{id}", "between folders"),
            ("{id", "partner"),
            ("id}", "partner"),
            ("{name}", "there are {id}, {asset}, {ext}"),
        ] {
            let error = template(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leaves_the_folder(id in "(\\PC|[./\\\\\0]){0,40}", text in "[a-z./{}]{0,12}(\\{id\\})?[a-z/.]{0,5}") {
            if let Ok(template) = template(&text) {
                let path = template.path(|_| id.clone());
                prop_assert!(stays_below(&path), "{}", path);
                prop_assert!(path.split('/').all(|name| name.len() <= 255));
                prop_assert!(path.len() <= MAX_PATH);
            }
        }

        #[test]
        fn no_path_leaves_the_folder(path in "(\\PC|[./\\\\\0]){0,40}") {
            prop_assert!(stays_below(&safe_path(&path)), "{}", path);
        }

        #[test]
        fn different_values_have_different_paths(a in "(\\PC|[./:]){0,12}", b in "(\\PC|[./:]){0,12}") {
            prop_assume!(a != b);
            prop_assert_ne!(path("x{id}", &a), path("x{id}", &b));
        }
    }
}
