//! `$(…)`: jq over the parameters, in the texts of a manifest.

use std::borrow::Cow;

use busta_core::secret;
use serde_json::{Map, Value};

use crate::jq::{Given, Program};

/// A text of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(Vec<Part<'a>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(Cow<'a, str>),
    /// What stands between the brackets.
    Program(&'a str),
}

/// What the expressions of a manifest see: the parameters by name, and what `each` goes through.
pub type Scope = Map<String, Value>;

impl<'a> Text<'a> {
    /// Reads a text; `$$(` stands for the characters `$(`.
    ///
    /// # Errors
    /// If a bracket is never closed.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("$(") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                parts.push(Part::Plain(Cow::Owned(format!("{before}$("))));
                rest = after;
                continue;
            }
            let end = closing(after).ok_or_else(|| {
                "a `$(` is never closed; `$$(` stands for the two characters themselves".to_owned()
            })?;
            parts.push(Part::Plain(before.into()));
            parts.push(Part::Program(&after[..end]));
            rest = &after[end + 1..];
        }
        parts.push(Part::Plain(rest.into()));
        parts.retain(|part| !matches!(part, Part::Plain(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// Its programs.
    pub fn programs(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|part| match part {
            Part::Program(program) => Some(*program),
            Part::Plain(_) => None,
        })
    }

    /// The one program that the text consists of.
    pub fn whole(&self) -> Option<&'a str> {
        match self.0.as_slice() {
            [Part::Program(program)] => Some(program),
            _ => None,
        }
    }

    /// The parameters, of those that are `known`, that its programs look at.
    pub fn looks_at<'n>(&self, known: impl Iterator<Item = &'n String>) -> Vec<String> {
        known.filter(|name| self.programs().any(|program| mentions(program, name))).cloned().collect()
    }

    /// The parameter whose value the text stands for without any change.
    pub fn stands_for(&self) -> Option<&'a str> {
        let name = self.whole()?.trim().strip_prefix('.')?;
        (!name.is_empty() && name.chars().all(in_name)).then_some(name)
    }

    /// Its value: that of its one program with its type, else a text. `None` if a program that stands alone
    /// gives nothing or null.
    ///
    /// # Errors
    /// If a program fails, or gives what no text can hold.
    pub fn value(&self, scope: &Scope) -> Result<Option<Value>, String> {
        if let Some(program) = self.whole() {
            return Ok(evaluate(program, scope)?.filter(|value| !value.is_null()));
        }
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Program(program) => match evaluate(program, scope)? {
                    None | Some(Value::Null) => {}
                    Some(Value::String(value)) => text.push_str(&value),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => text.push_str(&value.to_string()),
                    Some(_) => {
                        return Err(format!("`$({program})` gives no text, but a list or a mapping"));
                    }
                },
            }
        }
        Ok(Some(Value::String(text)))
    }
}

/// Where the bracket closes that is open when `text` begins: brackets within jq's strings do not count, but
/// those of the programs within its strings, `"\(…)"`, do.
fn closing(text: &str) -> Option<usize> {
    // For each open bracket, whether a string goes on behind it.
    let mut open = vec![false];
    let mut in_string = false;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match (in_string, sign) {
            (true, '\\') => {
                if let Some((_, '(')) = signs.next() {
                    open.push(true);
                    in_string = false;
                }
            }
            (_, '"') => in_string = !in_string,
            (false, '(') => open.push(false),
            (false, ')') => {
                in_string = open.pop()?;
                if open.is_empty() {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn in_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

/// Whether a program has `.name` in it, not as a field of something else.
fn mentions(program: &str, name: &str) -> bool {
    program.match_indices('.').any(|(at, _)| {
        let before = program[..at].chars().next_back();
        let after = program[at + 1..].strip_prefix(name);
        !before.is_some_and(|sign| in_name(sign) || ")]?\"".contains(sign))
            && after.is_some_and(|rest| !rest.starts_with(in_name))
    })
}

/// Compiles a program, without running it.
///
/// # Errors
/// What is wrong with it, in words for whoever wrote it.
pub fn check(program: &str) -> Result<(), String> {
    Program::compile(program).map(|_| ())
}

/// What a program makes of `scope`.
///
/// # Errors
/// If it cannot be compiled, fails, or gives several values.
pub fn evaluate(program: &str, scope: &Scope) -> Result<Option<Value>, String> {
    if let Some(value) = looked_up(program, scope) {
        return Ok(Some(value));
    }
    let failed = |why: &str| format!("`$({})`: {}", program.trim(), secret::redact(why));
    let compiled = Program::compile(program).map_err(|why| failed(&why))?;
    let input = Value::Object(scope.clone()).to_string();
    let mut values = compiled.values(&input, &Given::default()).map_err(|error| failed(error.message()))?;
    if values.len() > 1 {
        return Err(failed(&format!(
            "it gives {} values, which only a list holds: put it into square brackets",
            values.len()
        )));
    }
    Ok(values.pop())
}

/// What `.name` or `.name.key` leads to. Most programs are no more than that, and to compile one takes longer
/// than all the rest; whatever is not there is left to jq.
fn looked_up(program: &str, scope: &Scope) -> Option<Value> {
    let mut names = program.trim().strip_prefix('.')?.split('.');
    let first = scope.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name)).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let scope = json!({ "names": ["a", "b"], "n": 3, "text": "x", "on": true, "auth": { "id": "me" } });
        scope.as_object().cloned().unwrap_or_default()
    }

    fn value(text: &str) -> Result<Option<Value>, String> {
        Text::parse(text)?.value(&scope())
    }

    #[test]
    fn alone_a_program_gives_its_value_and_in_a_text_its_text() {
        assert_eq!(value("$(.names)").unwrap(), Some(json!(["a", "b"])));
        assert_eq!(value("$(.n * 2)").unwrap(), Some(json!(6)));
        assert_eq!(value("$( .auth.id )").unwrap(), Some(json!("me")));
        assert_eq!(value("$(.auth.none)").unwrap(), None);
        assert_eq!(value("$(.nothing)").unwrap(), None);
        assert_eq!(value("$(empty)").unwrap(), None);
        assert_eq!(value("a $(.n) b $(.text)$(.nothing)!").unwrap(), Some(json!("a 3 b x!")));
        assert_eq!(value("price $$(.n) ${X} {a.b}").unwrap(), Some(json!("price $(.n) ${X} {a.b}")));
        assert_eq!(value("").unwrap(), Some(json!("")));
    }

    #[test]
    fn brackets_of_programs_are_counted_and_those_in_strings_are_not() {
        let program = r#"$(if .n == (1 + 2) then ")" else "(" end)"#;
        assert_eq!(value(program).unwrap(), Some(json!(")")));
        assert_eq!(value(r#"<$("\(.n + (1)))\" ")>"#).unwrap(), Some(json!("<4)\" >")));
        assert_eq!(value("$(.n # three\n)").unwrap(), Some(json!(3)));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, said) in [
            ("$(.n", "never closed"),
            ("$(.names[])", "2 values"),
            ("a $(.names)", "a list or a mapping"),
            ("$(.text + 1)", "cannot calculate"),
            ("$(.text.x)", "cannot index"),
            ("$(.n |)", "expected"),
            ("$(nope)", "`nope`"),
        ] {
            let error = value(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn what_a_program_looks_at_is_known() {
        let known: Vec<String> = ["names", "n", "text"].map(str::to_owned).into();
        let looks_at = |text: &str| Text::parse(text).unwrap().looks_at(known.iter());
        assert_eq!(looks_at("$(.names | map(.id))"), ["names"]);
        assert_eq!(looks_at("$(.auth.text) $(.nn) $(.n)"), ["n"]);
        assert_eq!(Text::parse("$( .names )").unwrap().stands_for(), Some("names"));
        assert_eq!(Text::parse("$(.names[0])").unwrap().stands_for(), None);
        assert_eq!(Text::parse("x$(.names)").unwrap().stands_for(), None);
    }
}
