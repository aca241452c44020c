//! Names: from any field to a column, from any text to an SQL identifier.

use std::collections::HashSet;

/// What every table has besides its fields.
pub(super) const SYSTEM: [&str; 3] = ["_busta_run", "_busta_source", "_busta_loaded_at"];

/// The prefix of everything that is busta's own.
pub(super) const OWN_PREFIX: &str = "_busta_";

/// An identifier in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The column of a field: its name, with a number behind it where that name is taken.
///
/// SQLite takes `Name` and `name` for the same (for ASCII letters), so the second of them becomes
/// `name_2`. Our own names and `_rowid_`, by which we read, are taken from the start. SQL cannot
/// hold a NUL, so it becomes `_`, and an empty name becomes `_`.
pub(super) fn column_for(field: &str, taken: &HashSet<String>) -> String {
    let mut wanted = field.replace('\0', "_");
    if wanted.is_empty() {
        wanted.push('_');
    }
    let reserved = |name: &str| name.starts_with(OWN_PREFIX) || name == "_rowid_";
    let mut name = wanted.clone();
    if wanted.to_ascii_lowercase().starts_with(OWN_PREFIX) {
        wanted.insert_str(0, "field");
        name.clone_from(&wanted);
    }
    let mut n = 1;
    while reserved(&name.to_ascii_lowercase()) || taken.contains(&name.to_ascii_lowercase()) {
        n += 1;
        name = format!("{wanted}_{n}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart() {
        let mut taken = HashSet::new();
        let mut columns = Vec::new();
        for field in
            ["name", "Name", "name_2", "NAME", "", "_", "_rowid_", "_busta_run", "_BUSTA_run", "a\0b"]
        {
            let column = column_for(field, &taken);
            assert!(taken.insert(column.to_ascii_lowercase()), "{column}");
            columns.push(column);
        }
        let expected = [
            "name",
            "Name_2",
            "name_2_2",
            "NAME_3",
            "_",
            "__2",
            "_rowid__2",
            "field_busta_run",
            "field_BUSTA_run_2",
            "a_b",
        ];
        assert_eq!(columns, expected);
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted(r#"a"b"#), r#""a""b""#);
    }
}
