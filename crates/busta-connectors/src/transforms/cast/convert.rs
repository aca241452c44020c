//! One value into another type.

use busta_core::{Error, Result};

use super::super::document::{Kind, Node};
use super::{Type, datetime};

/// The JSON text of `node` as a `to`; `None` if it is one already.
pub fn convert(node: &Node<'_>, to: Type) -> Result<Option<String>> {
    let kind = node.kind();
    if kind == Kind::Null {
        return Ok(None);
    }
    let text = match kind {
        Kind::Text => node.as_text().unwrap_or_default(),
        Kind::Number | Kind::Bool => node.json(),
        _ => "".into(),
    };
    let made = match (to, kind) {
        (Type::Json, Kind::Text) => json(&text),
        (Type::Json, _) | (Type::Text, Kind::Text) => return Ok(None),
        (_, Kind::Object | Kind::Array) => None,
        (Type::Int, Kind::Number | Kind::Text) => int(&text),
        (Type::Float, Kind::Number | Kind::Text) => is_number(&text).then(|| text.to_string()),
        (Type::Bool, _) => bool(&text).map(str::to_owned),
        (Type::Text, _) => Some(format!("\"{text}\"")),
        (Type::Datetime, Kind::Number) => datetime::of_number(&text).map(|time| format!("\"{time}\"")),
        (Type::Datetime, Kind::Text) => datetime::of_text(&text).map(|time| format!("\"{time}\"")),
        (Type::Int | Type::Float | Type::Datetime, _) => None,
    };
    match made {
        Some(json) if json == node.json() => Ok(None),
        Some(json) => Ok(Some(json)),
        None => Err(refused(node, to)),
    }
}

fn refused(node: &Node<'_>, to: Type) -> Error {
    let shown: String = node.json().chars().take(60).collect();
    let wanted = match to {
        Type::Int => "a whole number",
        Type::Float => "a number",
        Type::Bool => "true or false",
        Type::Text => "a text without a loss; `json` or a `jq` program can take it apart",
        Type::Datetime => "a point in time",
        Type::Json => "a text with JSON in it",
    };
    Error::data(format!("{shown} is not {wanted}"))
}

/// A number in JSON's grammar (RFC 8259, section 6).
pub fn is_number(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok_and(|raw| raw.get() == text)
}

/// `42` from `42`, `42.0` and `42.00`. Exponents are left alone: what they stand for may be huge.
fn int(text: &str) -> Option<String> {
    if !is_number(text) {
        return None;
    }
    let whole = match text.split_once('.') {
        Some((whole, fraction)) => fraction.bytes().all(|digit| digit == b'0').then_some(whole)?,
        None => text,
    };
    (!whole.contains(['e', 'E'])).then(|| if whole == "-0" { "0" } else { whole }.to_owned())
}

fn bool(text: &str) -> Option<&'static str> {
    match text {
        "1" => Some("true"),
        "0" => Some("false"),
        _ if text.eq_ignore_ascii_case("true") => Some("true"),
        _ if text.eq_ignore_ascii_case("false") => Some("false"),
        _ => None,
    }
}

/// The value in a text, without the blanks around it.
fn json(text: &str) -> Option<String> {
    let raw: &serde_json::value::RawValue = serde_json::from_str(text).ok()?;
    crate::formats::has_no_lone_surrogate(raw.get().as_bytes()).then(|| raw.get().to_owned())
}
