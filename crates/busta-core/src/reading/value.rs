//! The value of a field as it is compared, picked from its JSON text.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::filter::{Condition, Operator};

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null, or no such field.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number of 64 bits.
    Integer(i64),
    /// A number with a fraction or an exponent, finite.
    Real(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// An array, an object, a number beyond 64 bits or a text that is not Unicode: its JSON text.
    Other(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// The value of a JSON text, which must be valid and without surrounding blanks.
    pub fn of(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            None | Some(b'n') => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'"') if !raw.contains('\\') => Self::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
            Some(b'"') => match serde_json::from_str(raw) {
                Ok(text) => Self::Text(Cow::Owned(text)),
                Err(_) => Self::Other(Cow::Borrowed(raw)),
            },
            Some(b'{' | b'[') => Self::Other(Cow::Borrowed(raw)),
            _ => Self::number(raw).unwrap_or(Self::Other(Cow::Borrowed(raw))),
        }
    }

    fn number(raw: &str) -> Option<Self> {
        if raw.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
            return raw.parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Real);
        }
        raw.parse().ok().map(Self::Integer)
    }

    /// A scalar of a condition. Numbers beyond 64 bits become the nearest float.
    pub fn of_scalar(scalar: &'a serde_json::Value) -> Self {
        match scalar {
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(n), _) => Self::Integer(n),
                (None, Some(n)) => Self::Real(n),
                (None, None) => Self::Null,
            },
            serde_json::Value::String(text) => Self::Text(Cow::Borrowed(text)),
            _ => Self::Null,
        }
    }

    /// Whether a condition holds for this value.
    pub fn meets(&self, condition: &Condition) -> bool {
        let given = Value::of_scalar(&condition.value);
        let compared = |wanted: fn(Ordering) -> bool| self.compare(&given).is_some_and(wanted);
        match condition.operator {
            Operator::Equal => self.same(&given),
            Operator::NotEqual => !self.same(&given),
            Operator::Less => compared(Ordering::is_lt),
            Operator::LessOrEqual => compared(Ordering::is_le),
            Operator::Greater => compared(Ordering::is_gt),
            Operator::GreaterOrEqual => compared(Ordering::is_ge),
            Operator::Contains => match (self, &given) {
                (Self::Text(text) | Self::Other(text), Value::Text(part)) => {
                    text.to_lowercase().contains(&part.to_lowercase())
                }
                _ => false,
            },
        }
    }

    fn same(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Boolean(a), Value::Boolean(b)) => a == b,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two numbers or of two texts.
    fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            _ => self.compare_numbers(other),
        }
    }

    /// The order of two numbers, exactly; `None` unless both are.
    pub(super) fn compare_numbers(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            (Self::Real(a), Value::Real(b)) => a.partial_cmp(b),
            (Self::Integer(a), Value::Real(b)) => integer_and_real(*a, *b),
            (Self::Real(a), Value::Integer(b)) => integer_and_real(*b, *a).map(Ordering::reverse),
            _ => None,
        }
    }
}

/// Compares without rounding the integer: beyond 2^53 a float does not tell neighbours apart.
fn integer_and_real(integer: i64, real: f64) -> Option<Ordering> {
    /// 2^63, the first float above all integers.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if real >= END {
        return Some(Ordering::Less);
    }
    if real < -END {
        return Some(Ordering::Greater);
    }
    let whole = real.trunc();
    Some(integer.cmp(&(whole as i64)).then(0.0.partial_cmp(&(real - whole))?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn meets(raw: &str, operator: Operator, value: serde_json::Value) -> bool {
        Value::of(raw).meets(&Condition { column: "c".into(), operator, value })
    }

    #[test]
    fn types_do_not_mix() {
        use Operator::*;
        assert!(meets("10", GreaterOrEqual, json!(9.5)));
        assert!(meets("1e1", Equal, json!(10)));
        assert!(!meets("\"10\"", GreaterOrEqual, json!(9)));
        assert!(!meets("true", Equal, json!(1)));
        assert!(meets("\"10\"", NotEqual, json!(10)));
        assert!(meets("\"b\\u00e4\"", Greater, json!("bz")));
        assert!(!meets("[1]", Less, json!(2)));
    }

    #[test]
    fn nulls_are_equal_to_null_only() {
        use Operator::*;
        assert!(meets("null", Equal, json!(null)));
        assert!(meets("null", NotEqual, json!("x")));
        assert!(!meets("null", Less, json!(1)));
        assert!(!meets("0", Equal, json!(null)));
        assert!(meets("0", NotEqual, json!(null)));
    }

    #[test]
    fn contains_ignores_the_case_and_looks_into_nested_values() {
        assert!(meets("\"GRÜN und Blau\"", Operator::Contains, json!("grün")));
        assert!(meets(r#"{"color":"Blue"}"#, Operator::Contains, json!("blue")));
        assert!(!meets("100", Operator::Contains, json!("10")));
    }

    #[test]
    fn large_integers_and_floats_compare_exactly() {
        let big = i64::MAX.to_string();
        assert!(meets(&big, Operator::Less, json!(9_223_372_036_854_775_807.0)));
        assert!(meets("9007199254740993", Operator::Greater, json!(9_007_199_254_740_992.0)));
        assert!(meets("-1", Operator::Greater, json!(-1.5)));
        assert!(!meets("18446744073709551616", Operator::Greater, json!(1)));
    }

    proptest! {
        #[test]
        fn the_order_of_numbers_is_one(a: i64, b in -1e19..1e19_f64) {
            let (x, y) = (Value::Integer(a), Value::Real(b));
            let one = x.compare_numbers(&y).unwrap();
            prop_assert_eq!(y.compare_numbers(&x).unwrap(), one.reverse());
            prop_assert_eq!(one, (i128::from(a) * 1_000_000).cmp(&((b * 1_000_000.0) as i128)).then(one));
        }
    }
}
