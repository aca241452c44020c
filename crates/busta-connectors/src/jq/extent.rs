//! How far a value goes when it is written.
//!
//! Values share their parts: sixty times `[., .]` takes sixty lists, and a text without an end. Whatever goes through a
//! value (to write it, to compare it, to drop it) goes through every place, and by recursion. So programs measure what
//! they put into something else, as it would be written, and none can hold a value for which that takes for ever.

use jaq_json::{Num, Val};

use super::program::MAX_DEPTH;
use crate::formats::MAX_RECORD;

/// How deep values may lie in one another.
const MAX_NESTING: usize = 2 * MAX_DEPTH;

/// So many values of a list or an object are looked at for the ways down, and so many ways are followed.
const LOOKED_AT: usize = 64;
const WAYS: usize = 256;

/// The shortest text of a double.
const DIGITS: u64 = 17;

/// Why a value cannot be measured.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// About how many bytes a value has when it is written, some more than [`MAX_RECORD`] if it has more than that.
pub(super) fn extent(value: &Val) -> Result<u64, TooDeep> {
    let mut bytes = 0;
    measure(value, MAX_NESTING, &mut bytes)?;
    Ok(bytes)
}

/// How many values were looked at to see whether one lies too deep, as far as that takes little: on the ways through
/// the first values of each that holds something.
pub(super) fn ways_down(value: &Val) -> Result<usize, TooDeep> {
    let (mut level, mut next, mut seen) = (vec![value], Vec::new(), 0);
    for _ in 0..MAX_NESTING {
        for value in level.drain(..) {
            match value {
                Val::Arr(list) => next.extend(list.iter().take(LOOKED_AT).filter(holds)),
                Val::Obj(map) => next.extend(map.values().take(LOOKED_AT).filter(holds)),
                _ => {}
            }
        }
        if next.is_empty() {
            return Ok(seen);
        }
        next.truncate(WAYS);
        seen += next.len();
        std::mem::swap(&mut level, &mut next);
    }
    Err(TooDeep)
}

fn holds(value: &&Val) -> bool {
    match value {
        Val::Arr(list) => !list.is_empty(),
        Val::Obj(map) => !map.is_empty(),
        _ => false,
    }
}

fn measure(value: &Val, levels: usize, bytes: &mut u64) -> Result<(), TooDeep> {
    if *bytes > MAX_RECORD as u64 {
        return Ok(());
    }
    // A separator, and brackets.
    *bytes += 2;
    *bytes += match value {
        Val::Null | Val::Bool(_) => 4,
        // Three bits a digit.
        Val::Num(Num::BigInt(number)) => number.bits() / 3,
        Val::Num(Num::Dec(digits)) => digits.len() as u64,
        Val::Num(Num::Int(number)) => u64::from(number.unsigned_abs().checked_ilog10().unwrap_or(0)) + 1,
        Val::Num(Num::Float(_)) => DIGITS,
        // A control character takes six.
        Val::BStr(text) | Val::TStr(text) => {
            (text.len() + 5 * text.iter().filter(|byte| **byte < b' ').count()) as u64
        }
        Val::Arr(list) if list.is_empty() => 0,
        Val::Obj(map) if map.is_empty() => 0,
        Val::Arr(_) | Val::Obj(_) if levels == 0 => return Err(TooDeep),
        Val::Arr(list) => {
            return list.iter().try_for_each(|value| measure(value, levels - 1, bytes));
        }
        Val::Obj(map) => {
            return map
                .iter()
                .flat_map(<[&Val; 2]>::from)
                .try_for_each(|value| measure(value, levels - 1, bytes));
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use jaq_json::read;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn of(value: &Value) -> Result<u64, TooDeep> {
        extent(&read::parse_single(value.to_string().as_bytes()).unwrap())
    }

    fn nested(levels: usize) -> Val {
        (0..levels).fold(Val::from(1usize), |value, _| [value].into_iter().collect())
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(|number| json!(number)),
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-zé \n\u{1}]{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{0,6}", inner, 0..6).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_about_the_length_of_the_text(value in any_json()) {
            let (measured, text) = (of(&value).unwrap(), value.to_string().len() as u64);
            prop_assert!(measured <= 3 * text + 20 && text <= 2 * measured, "{measured} for {text}");
        }
    }

    #[test]
    fn what_is_shared_counts_as_often_as_it_is_written() {
        let twice = |value: Val, _| [value.clone(), value].into_iter().collect();
        let ten = (0..10).fold(Val::from("0123456789".to_owned()), twice);
        assert_eq!(extent(&ten).unwrap(), 1024 * 12 + 1023 * 2);
        // Its end would not be reached.
        let endless = (0..300).fold(Val::from(1usize), twice);
        assert!(extent(&endless).unwrap() > MAX_RECORD as u64);
    }

    #[test]
    fn what_lies_too_deep_is_not_measured() {
        assert_eq!(extent(&nested(MAX_NESTING)), Ok(2 * MAX_NESTING as u64 + 3));
        assert_eq!(extent(&nested(MAX_NESTING + 1)), Err(TooDeep));
    }
}
