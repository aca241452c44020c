//! Whether a layout makes sense, before any file is met.

use std::collections::HashSet;

use super::layout::{Column, Kind, Table};
use super::member;
use super::path::PathPattern;
use super::rows::is_interval;

/// What is wrong with a table, each with its place in it (`columns[3].name`) and a clause for the operator.
/// `values` are those that the paths of its files tell.
pub(super) fn problems(table: &Table, values: &HashSet<&str>) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let problem = &mut |place: &str, clause: String| problems.push((place.to_owned(), clause));
    let member = table.member.as_deref().map(member::pattern);
    if let (Some(text), Some(Err(why))) = (&table.member, &member) {
        problem("member", format!("`{text}` {why}"));
    }
    let of_member = member.iter().flatten().flat_map(PathPattern::values);
    let values: HashSet<&str> = values.iter().copied().chain(of_member).collect();
    check_columns(table, &values, problem);
    check_times(table, &values, problem);
    if let Some(delimiter) = table.delimiter
        && (!delimiter.is_ascii() || delimiter == '"' || delimiter.is_ascii_control() && delimiter != '\t')
    {
        problem("delimiter", format!("`{}` cannot stand between fields", delimiter.escape_default()));
    }
    problems
}

fn check_columns(table: &Table, values: &HashSet<&str>, problem: &mut impl FnMut(&str, String)) {
    if table.columns.iter().all(|column| column.skip) {
        problem("columns", "names no column that is kept".to_owned());
    }
    let mut names = HashSet::new();
    for (n, column) in table.columns.iter().enumerate() {
        let place = format!("columns[{n}].name");
        if column.name.is_empty() {
            problem(&place, "is empty".to_owned());
        } else if !names.insert(&*column.name) {
            problem(&place, format!("`{}` is there twice", column.name));
        }
    }
    for (n, name) in table.primary_key.iter().enumerate() {
        if kept(table, name).is_none() && !values.contains(&**name) {
            let clause = format!("`{name}` is neither a column that is kept nor a value of the path");
            problem(&format!("primary_key[{n}]"), clause);
        }
    }
}

/// A column whose values become rows.
fn kept<'a>(table: &'a Table, name: &str) -> Option<&'a Column> {
    table.columns.iter().find(|column| column.name == name && !column.skip)
}

fn check_times(table: &Table, values: &HashSet<&str>, problem: &mut impl FnMut(&str, String)) {
    if let Some(name) = &table.time {
        match kept(table, name) {
            Some(Column { kind: Kind::Time, .. }) => {}
            Some(_) => problem("time", format!("`{name}` is a column, but not of the type `time`")),
            None => problem("time", format!("`{name}` is no column that is kept")),
        }
    }
    if (table.regular || table.interval.is_some()) && table.time.is_none() {
        let place = if table.regular { "regular" } else { "interval" };
        problem(place, "needs `time`, the column by which gaps are measured".to_owned());
    }
    if table.unordered && table.time.is_none() {
        problem("unordered", "needs `time`, the column that files are to be in the order of".to_owned());
    }
    if table.regular && table.interval.is_none() && !values.contains("interval") {
        problem("regular", "needs a value `interval` in the path, or `interval` beside it".to_owned());
    }
    if let Some(text) = table.interval.as_ref().filter(|text| !is_interval(text)) {
        problem(
            "interval",
            format!("`{text}` is none: expected one such as `1s`, `5m`, `4h`, `3d`, `1w`, `1mo`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_time_needs_one() {
        let table = serde_json::json!({
            "columns": [{ "name": "a", "type": "time" }], "unordered": true, "interval": "1m",
        });
        let found = problems(&serde_json::from_value(table).unwrap(), &HashSet::new());
        let places: Vec<&str> = found.iter().map(|(place, _)| &**place).collect();
        assert_eq!(places, ["interval", "unordered"]);
    }

    #[test]
    fn names_of_members_tell_values() {
        let table = |member: &str| {
            let columns = serde_json::json!([{ "name": "a", "type": "time" }]);
            let keys =
                serde_json::json!({ "columns": columns, "primary_key": ["symbol", "a"], "member": member });
            problems(&serde_json::from_value(keys).unwrap(), &HashSet::new())
        };
        assert_eq!(table("{symbol}_{interval}.csv"), []);
        for member in ["{symbol}_{date}.csv", "{symbol", "/{symbol}.csv"] {
            let found = table(member);
            assert_eq!(found[0].0, "member", "{found:?}");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let table: Table = serde_json::from_value(serde_json::json!({
            "columns": [
                { "name": "a", "type": "number" },
                { "name": "a", "type": "time" },
                { "name": "", "type": "text" },
            ],
            "primary_key": ["symbol", "b"],
            "time": "a",
            "regular": true,
            "interval": "1y",
            "delimiter": "é",
        }))
        .unwrap();
        let found = problems(&table, &HashSet::from(["symbol"]));
        let places: Vec<&str> = found.iter().map(|(place, _)| &**place).collect();
        assert_eq!(
            places,
            ["columns[1].name", "columns[2].name", "primary_key[1]", "time", "interval", "delimiter"]
        );
    }
}
