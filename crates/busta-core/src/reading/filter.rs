//! Conditions on rows, and the text in which people write them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// What must hold for a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A top-level field.
    pub column: String,
    /// How it compares.
    pub operator: Operator,
    /// To what: null, true, false, a number or a text.
    pub value: Value,
}

/// How a field compares with a value; what that means exactly stands at the [module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// It is the value.
    #[serde(rename = "=")]
    Equal,
    /// It is not the value.
    #[serde(rename = "!=")]
    NotEqual,
    /// It is less.
    #[serde(rename = "<")]
    Less,
    /// It is less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// It is greater.
    #[serde(rename = ">")]
    Greater,
    /// It is greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// It contains the value, whatever the case.
    #[serde(rename = "~")]
    Contains,
}

impl Operator {
    /// Those of two characters come before their beginnings.
    const ALL: [Self; 7] = [
        Self::NotEqual,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Equal,
        Self::Less,
        Self::Greater,
        Self::Contains,
    ];

    /// As it is written in a filter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "~",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Condition {
    /// Reads conditions that must all hold, as users write them: `price>=10,name~blue,deleted=null`.
    ///
    /// A value is `null`, `true`, `false`, a number, or else a text. In double quotes it is always a
    /// text; there it may hold commas, and is escaped as in JSON. The value of `~` is always a text. A
    /// column whose name holds one of `,=!<>~"` is written in double quotes too. Blanks around columns
    /// and values do not count. A `Data` error says which condition is wrong and how.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        let mut rest = text.trim_start();
        let mut conditions = Vec::new();
        while !rest.is_empty() {
            let number = conditions.len() + 1;
            let (condition, after) = Self::parse(rest).map_err(|why| {
                Error::data(format!("condition {number} of the filter: {why}"))
                    .hint("write conditions such as price>=10,name~blue,deleted=null")
            })?;
            condition.check()?;
            conditions.push(condition);
            rest = after;
        }
        Ok(conditions)
    }

    /// Reads one condition; gives what follows it and its comma.
    fn parse(text: &str) -> Result<(Self, &str), String> {
        let (column, rest) = column(text)?;
        let operator = Operator::ALL.into_iter().find(|operator| rest.starts_with(operator.as_str()));
        let operator =
            operator.ok_or_else(|| format!("after `{column}` there must be one of = != < <= > >= ~"))?;
        let rest = rest[operator.as_str().len()..].trim_start();
        let missing =
            || format!("`{column}{operator}` has no value; write {column}{operator}\"\" for an empty text");
        if rest.starts_with('"') {
            let (value, rest) = quoted(rest)?;
            let rest = rest.trim_start();
            let after = match rest.strip_prefix(',') {
                Some(after) => followed(after)?,
                None if rest.is_empty() => rest,
                None => {
                    return Err(format!(
                        "after the quoted value of `{column}` there must be a comma or the end"
                    ));
                }
            };
            return Ok((Self { column, operator, value: Value::String(value) }, after));
        }
        let (value, after) = match rest.split_once(',') {
            Some((value, after)) => (value, followed(after)?),
            None => (rest, ""),
        };
        let value = value.trim_end();
        if value.is_empty() {
            return Err(missing());
        }
        let value = if operator == Operator::Contains { Value::from(value) } else { scalar(value) };
        Ok((Self { column, operator, value }, after))
    }

    /// Refuses what can hold for no row.
    pub fn check(&self) -> Result<()> {
        let Self { column, operator, value } = self;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let wrong = match (operator, value) {
            (_, Value::Array(_) | Value::Object(_)) => {
                "compares with null, true, false, a number or a text only"
            }
            (Operator::Contains, Value::String(_)) => return Ok(()),
            (Operator::Contains, _) => "looks for a text",
            (_, Value::Null | Value::Bool(_)) if !equality => {
                "takes a number or a text; others know = and != only"
            }
            _ => return Ok(()),
        };
        Err(Error::data(format!("`{column}{operator}{value}`: `{operator}` {wrong}")))
    }
}

/// The beginning of a condition: its column, trimmed, and what follows.
fn column(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = match text.starts_with('"') {
        true => quoted(text)?,
        false => {
            let end = text.find([',', '=', '!', '<', '>', '~', '"']).unwrap_or(text.len());
            (text[..end].trim_end().to_owned(), &text[end..])
        }
    };
    if name.is_empty() {
        return Err("it has no column".to_owned());
    }
    Ok((name, rest.trim_start()))
}

/// What comes after a comma, which must be another condition.
fn followed(after: &str) -> Result<&str, String> {
    let after = after.trim_start();
    if after.is_empty() { Err("nothing follows its comma".to_owned()) } else { Ok(after) }
}

/// A text in double quotes, escaped as in JSON, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    match values.next() {
        Some(Ok(value)) => Ok((value, &text[values.byte_offset()..])),
        Some(Err(error)) if !error.is_eof() => {
            Err(format!("what is in double quotes cannot be read: {error}"))
        }
        _ => Err("a double quote is not closed".to_owned()),
    }
}

/// A bare value.
fn scalar(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

/// A number in JSON's spelling. Not read by `serde_json`, which may be off by the last bit of a float.
fn number(text: &str) -> Option<serde_json::Number> {
    serde_json::from_str::<serde_json::Number>(text).ok()?;
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => text.parse().ok().and_then(serde_json::Number::from_f64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Vec<(String, &'static str, Value)> {
        let all = Condition::parse_all(text).unwrap();
        all.into_iter().map(|c| (c.column, c.operator.as_str(), c.value)).collect()
    }

    fn wrong(text: &str) -> String {
        Condition::parse_all(text).unwrap_err().message().to_owned()
    }

    #[test]
    fn conditions_are_read() {
        assert_eq!(
            parse("price>=10,name~blue,deleted=null"),
            [
                ("price".into(), ">=", json!(10)),
                ("name".into(), "~", json!("blue")),
                ("deleted".into(), "=", json!(null))
            ]
        );
        assert_eq!(
            parse(r#" a != "x, \"y\"" , "b=c" < -1.5e2 , d=true, e~10, f=01, g="10", h="""#),
            [
                ("a".into(), "!=", json!("x, \"y\"")),
                ("b=c".into(), "<", json!(-150.0)),
                ("d".into(), "=", json!(true)),
                ("e".into(), "~", json!("10")),
                ("f".into(), "=", json!("01")),
                ("g".into(), "=", json!("10")),
                ("h".into(), "=", json!(""))
            ]
        );
        assert_eq!(parse("  "), []);
        assert_eq!(parse("a=b=c"), [("a".into(), "=", json!("b=c"))]);
    }

    #[test]
    fn errors_say_which_condition_and_why() {
        let cases = [
            ("price", "condition 1 of the filter: after `price` there must be one of = != < <= > >= ~"),
            ("a=1,b!2", "condition 2 of the filter: after `b` there must be one of = != < <= > >= ~"),
            ("a=1,", "condition 1 of the filter: nothing follows its comma"),
            (">=1", "condition 1 of the filter: it has no column"),
            ("a=", "condition 1 of the filter: `a=` has no value; write a=\"\" for an empty text"),
            ("a=,b=1", "condition 1 of the filter: `a=` has no value; write a=\"\" for an empty text"),
            ("a=\"x", "condition 1 of the filter: a double quote is not closed"),
            (
                "a=\"x\"y",
                "condition 1 of the filter: after the quoted value of `a` there must be a comma or the end",
            ),
            ("a<null", "`a<null`: `<` takes a number or a text; others know = and != only"),
            ("a>=true", "`a>=true`: `>=` takes a number or a text; others know = and != only"),
        ];
        for (text, message) in cases {
            assert_eq!(wrong(text), message, "{text}");
        }
        assert!(wrong(r#"a="\x""#).starts_with("condition 1 of the filter: what is in double quotes"));
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e300..1e300_f64).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        let operator = proptest::sample::select(Operator::ALL.to_vec());
        let all = (".+", operator, value);
        let all = all.prop_map(|(column, operator, value)| Condition { column, operator, value });
        all.prop_filter("one that can hold", |condition| condition.check().is_ok())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(conditions in proptest::collection::vec(condition(), 0..5)) {
            let quote = |text: &str| Value::from(text).to_string();
            let written: Vec<String> =
                conditions.iter().map(|c| format!("{}{}{}", quote(&c.column), c.operator, c.value)).collect();
            prop_assert_eq!(Condition::parse_all(&written.join(",")).unwrap(), conditions);
        }

        #[test]
        fn no_text_does_harm(text in "[a,=!<>~\"\\\\ 1-9enul]{0,24}|.*") {
            let _ = Condition::parse_all(&text);
        }
    }
}
