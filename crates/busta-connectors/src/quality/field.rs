//! Validity: whether a value is what its field should hold.

use busta_core::CursorValue;
use regex::Regex;
use serde_json::Value;

use super::config::{FieldRules, FieldType};
use super::value::FieldPath;

/// The rules of one field, ready to be asked.
#[derive(Debug)]
pub struct FieldCheck {
    /// Where the field is.
    pub path: FieldPath,
    /// What is configured.
    pub rules: FieldRules,
    pattern: Option<Regex>,
}

impl FieldCheck {
    /// The check of a configuration that has been looked through.
    pub fn new(name: &str, rules: FieldRules) -> Self {
        let pattern = rules.pattern.as_deref().and_then(|text| Regex::new(&format!("^(?:{text})$")).ok());
        Self { path: FieldPath::new(name), rules, pattern }
    }

    /// Why a value that is there is not valid.
    pub fn complaint(&self, raw: &str) -> Option<String> {
        let rules = &self.rules;
        if let Some(kind) = rules.kind
            && !kind.fits(raw)
        {
            return Some(format!("is not {}", kind.words()));
        }
        if rules.min.is_some() || rules.max.is_some() {
            let number = match CursorValue::from_json(raw) {
                Some(CursorValue::Integer(n)) => n as f64,
                Some(CursorValue::Float(n)) => n,
                _ => return Some("is not a number".to_owned()),
            };
            if let Some(min) = rules.min.filter(|min| number < *min) {
                return Some(format!("is below {min}"));
            }
            if let Some(max) = rules.max.filter(|max| number > *max) {
                return Some(format!("is above {max}"));
            }
        }
        let value = || serde_json::from_str::<Value>(raw).unwrap_or(Value::Null);
        if let Some(pattern) = &self.pattern
            && !value().as_str().is_some_and(|text| pattern.is_match(text))
        {
            return Some(format!("does not match `{}`", rules.pattern.as_deref().unwrap_or_default()));
        }
        match &rules.one_of {
            Some(known) if !known.contains(&value()) => Some("is none of the known values".to_owned()),
            _ => None,
        }
    }
}

impl FieldType {
    fn fits(self, raw: &str) -> bool {
        let first = raw.as_bytes().first().copied().unwrap_or_default();
        let number = first == b'-' || first.is_ascii_digit();
        match self {
            Self::Bool => matches!(raw, "true" | "false"),
            Self::Int => {
                number
                    && (!raw.contains(['.', 'e', 'E']) || raw.parse::<f64>().is_ok_and(|n| n.fract() == 0.0))
            }
            Self::Number => number,
            Self::Text => first == b'"',
            Self::Datetime => {
                first == b'"'
                    && serde_json::from_str::<&str>(raw)
                        .is_ok_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok())
            }
            Self::Object => first == b'{',
            Self::List => first == b'[',
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Datetime => "an RFC 3339 time",
            Self::Object => "an object",
            Self::List => "a list",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(rules: &str, raw: &str) -> Option<String> {
        FieldCheck::new("f", serde_json::from_str(rules).unwrap()).complaint(raw)
    }

    #[test]
    fn values_are_held_against_all_rules_of_their_field() {
        for (rules, good, bad) in [
            (r#"{"type":"int"}"#, vec!["1", "-3", "2.0", "1e3"], vec!["1.5", "\"1\"", "true"]),
            (r#"{"type":"number"}"#, vec!["1.5"], vec!["\"1\"", "[]"]),
            (r#"{"type":"bool"}"#, vec!["true"], vec!["1", "\"true\""]),
            (
                r#"{"type":"datetime"}"#,
                vec!["\"2024-01-01T00:00:00Z\""],
                vec!["\"2024-01-01\"", "1704110400"],
            ),
            (r#"{"type":"list"}"#, vec!["[1]"], vec!["{}"]),
            (r#"{"min":0,"max":10}"#, vec!["0", "10", "3.5"], vec!["-0.1", "11", "\"5\""]),
            (r#"{"pattern":"[a-z]+"}"#, vec!["\"abc\""], vec!["\"abc1\"", "\"\u{e4}\"", "7"]),
            (r#"{"one_of":["open",1]}"#, vec!["\"open\"", "1"], vec!["\"closed\"", "2"]),
        ] {
            for raw in good {
                assert_eq!(complaint(rules, raw), None, "{rules} {raw}");
            }
            for raw in bad {
                assert!(complaint(rules, raw).is_some(), "{rules} {raw}");
            }
        }
    }
}
