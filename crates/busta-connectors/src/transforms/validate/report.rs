//! What is wrong with a record, in one line.

use boon::{ErrorKind, ValidationError};

/// How many mistakes are told.
const MOST: usize = 3;

/// A message may repeat the value that it is about.
const SHOWN: usize = 200;

/// The places that are wrong, as JSON pointers, with the rules that they break.
pub fn words(error: &ValidationError<'_, '_>) -> String {
    let mut found = Vec::new();
    leaves(error, &mut found);
    found.dedup();
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    let mut text = found.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

/// The rule that is broken first of those that [`words`] tell, and all that they say of it.
pub fn first_rule(words: &str) -> (&str, &str) {
    let first = words.split("; ").next().unwrap_or(words);
    let rule = first.strip_suffix(')').and_then(|first| first.rsplit_once(" ("));
    rule.map_or((first, first), |(said, rule)| (rule, said))
}

/// The innermost causes: what stands around them only says that something below is wrong.
fn leaves(error: &ValidationError<'_, '_>, found: &mut Vec<String>) {
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let place = if place.is_empty() { "/".to_owned() } else { place };
        let said: String = error.kind.to_string().chars().take(SHOWN).collect();
        let rule = rule(error.schema_url, &error.kind);
        found.push(format!("{place}: {said} ({rule})"));
    }
    error.causes.iter().for_each(|cause| leaves(cause, found));
}

/// The rule: `item.json#/definitions/core`.
fn rule(url: &str, kind: &ErrorKind<'_, '_>) -> String {
    if let ErrorKind::FalseSchema = kind {
        return "nothing may stand here".to_owned();
    }
    let (file, pointer) = url.split_once('#').unwrap_or((url, ""));
    let mut parts: Vec<&str> = file.rsplit('/').take(3).collect();
    parts.reverse();
    // `eo/v1.1.0/schema.json` says which schema it is, `item.json` does so alone.
    let name = if parts.last() == Some(&"schema.json") {
        parts.join("/")
    } else {
        (*parts.last().unwrap_or(&"")).to_owned()
    };
    format!("{name}#{pointer}")
}
