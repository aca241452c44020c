//! What the programs of a stream are given, and what they give.

use busta_core::{Error, Result};
use serde_json::Value;

use super::part::Part;
use crate::jq::{Given, Program};

/// The variables of a page's programs.
pub struct Variables {
    pure: Given,
    timed: Given,
}

impl Variables {
    /// For a page of `part` that was asked for at `now`.
    pub fn new(part: &Part, now: &str) -> Result<Self> {
        let each = Value::Object(part.fields.clone().into_iter().collect());
        let now = Value::from(now);
        Ok(Self { pure: Given::new(std::slice::from_ref(&each))?, timed: Given::new(&[each, now])? })
    }

    /// `$for`, for programs that decide what is read next: they must say the same when they are asked again.
    pub fn pure(&self) -> &Given {
        &self.pure
    }

    /// `$for` and `$now`.
    pub fn timed(&self) -> &Given {
        &self.timed
    }
}

/// The one value that `program` gives for `json`: a text, a number, true or false; `None` for nothing and null.
pub fn scalar(program: &Program, json: &str, variables: &Variables) -> Result<Option<Value>> {
    let mut values = program.values(json, variables.pure())?;
    if values.len() > 1 {
        return Err(Error::data(format!("gives {} values where one is expected", values.len())));
    }
    match values.pop() {
        None | Some(Value::Null) => Ok(None),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => Ok(Some(value)),
        Some(_) => Err(Error::data("gives a list or an object where a text or a number is expected")),
    }
}
