//! `for_each`: the combinations that a stream is read once for.

use serde_json::Value;

use super::super::problems::Problems;
use super::super::template::{Fields, is_word};
use super::super::values::ForEach;

/// A stream has at most so many: each is a split that is named whenever a run is planned.
const MAX_COMBINATIONS: usize = 100_000;

/// All combinations, the last name changing fastest; a single one without values if there are none.
pub fn combinations(each: &ForEach, problems: &mut Problems) -> Vec<Fields> {
    problems.within("for_each", None, |problems| {
        each.0.iter().for_each(|(name, values)| check(name, values, problems));
        let count = each.0.iter().try_fold(1usize, |count, (_, values)| count.checked_mul(values.len()));
        if count.is_none_or(|count| count > MAX_COMBINATIONS) {
            problems.add("", format!("gives more than {MAX_COMBINATIONS} combinations"));
            return Vec::new();
        }
        let mut all = vec![Fields::new()];
        for (name, values) in &each.0 {
            let with = |fields: &Fields, value: &Value| {
                let mut fields = fields.clone();
                fields.insert(name.clone(), value.clone());
                fields
            };
            all = all.iter().flat_map(|fields| values.iter().map(|value| with(fields, value))).collect();
        }
        all
    })
}

fn check(name: &str, values: &[Value], problems: &mut Problems) {
    if !is_word(name) {
        problems.add(name, "must be letters, digits, _ and - only, so that it can stand in a placeholder");
    }
    if values.is_empty() {
        problems.add(name, "must have at least one value");
    }
    for (index, value) in values.iter().enumerate() {
        let text = super::super::template::plain(value);
        if text.is_empty() {
            problems.add(name, "must not have an empty value");
        }
        if values[..index].iter().any(|other| super::super::template::plain(other) == text) {
            problems.add(name, format!("names `{text}` twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn every_value_meets_every_other() {
        let mut problems = Problems::default();
        let each = from_value(json!({"b": [1, 2], "a": ["x", "y"]})).unwrap();
        let all: Vec<_> = combinations(&each, &mut problems).iter().map(|f| json!(f).to_string()).collect();
        assert_eq!(
            all,
            [r#"{"a":"x","b":1}"#, r#"{"a":"x","b":2}"#, r#"{"a":"y","b":1}"#, r#"{"a":"y","b":2}"#]
        );
        assert_eq!(combinations(&ForEach::default(), &mut problems), [Fields::new()]);
        assert!(problems.finish().is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        let each = json!({"a b": 1, "c": [], "d": ["x", "x", ""]});
        let mut problems = Problems::default();
        combinations(&from_value(each).unwrap(), &mut problems);
        let said: Vec<_> = problems.finish().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[2].starts_with("for_each.d.") && said[2].contains("twice"), "{said:?}");
        let many: Vec<_> = (0..400).collect();
        let mut problems = Problems::default();
        combinations(&from_value(json!({"a": many, "b": many})).unwrap(), &mut problems);
        combinations(&from_value(json!({"a": many, "b": many, "c": []})).unwrap(), &mut problems);
        assert_eq!(problems.finish().len(), 2);
    }
}
