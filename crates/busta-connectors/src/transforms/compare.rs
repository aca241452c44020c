//! Comparing a field of a record with a value of the configuration.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::Node;

/// What must be true of a field; all that is given. A field that is not there is null.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Whether the record has it, be it null.
    exists: Option<bool>,
    /// Equal to this.
    eq: Option<Value>,
    /// Not equal to this.
    ne: Option<Value>,
    /// Less than this. Numbers are compared with numbers and texts with texts, by their bytes, which is
    /// right for RFC 3339 in one zone; anything else is not less.
    lt: Option<Value>,
    /// Less than or equal to this.
    le: Option<Value>,
    /// Greater than this.
    gt: Option<Value>,
    /// Greater than or equal to this.
    ge: Option<Value>,
    /// Equal to one of these.
    #[serde(rename = "in")]
    one_of: Option<Vec<Value>>,
    /// Equal to none of these.
    not_in: Option<Vec<Value>>,
    /// A text with this in it, or a list with this element.
    contains: Option<Value>,
}

impl Condition {
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let ordered = [("lt", &self.lt), ("le", &self.le), ("gt", &self.gt), ("ge", &self.ge)];
        for (name, value) in ordered {
            if value.as_ref().is_some_and(|value| !value.is_number() && !value.is_string()) {
                return Err(format!("`{name}` compares with a number or a text"));
            }
        }
        let values = [&self.eq, &self.ne, &self.lt, &self.le, &self.gt, &self.ge, &self.contains];
        let lists = [&self.one_of, &self.not_in];
        if self.exists.is_none() && values.iter().all(|v| v.is_none()) && lists.iter().all(|l| l.is_none()) {
            return Err("name a comparison, such as `{ lt: 20 }` or `{ in: [a, b] }`".to_owned());
        }
        Ok(())
    }

    /// Whether `field` fulfils it.
    pub fn holds(&self, field: Option<&Node<'_>>) -> bool {
        let value = field.map_or(Value::Null, |node| node.to_value().unwrap_or(Value::Null));
        let is = |wanted: &Option<Value>, test: fn(Ordering) -> bool| {
            wanted.as_ref().is_none_or(|wanted| order(&value, wanted).is_some_and(test))
        };
        self.exists.is_none_or(|wanted| wanted == field.is_some())
            && self.eq.as_ref().is_none_or(|wanted| equal(&value, wanted))
            && self.ne.as_ref().is_none_or(|wanted| !equal(&value, wanted))
            && is(&self.lt, Ordering::is_lt)
            && is(&self.le, Ordering::is_le)
            && is(&self.gt, Ordering::is_gt)
            && is(&self.ge, Ordering::is_ge)
            && self.one_of.as_ref().is_none_or(|list| list.iter().any(|wanted| equal(&value, wanted)))
            && self.not_in.as_ref().is_none_or(|list| !list.iter().any(|wanted| equal(&value, wanted)))
            && self.contains.as_ref().is_none_or(|part| contains(&value, part))
    }
}

/// Numbers are equal by value (`1` and `1.0`), anything else as JSON.
fn equal(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Number(_), Value::Number(_)) => order(value, wanted) == Some(Ordering::Equal),
        _ => value == wanted,
    }
}

fn order(value: &Value, wanted: &Value) -> Option<Ordering> {
    match (value, wanted) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(list), part) => list.iter().any(|item| equal(item, part)),
        _ => false,
    }
}
