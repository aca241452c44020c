//! Taking the declared type off a column, without copying the table.
//!
//! SQLite has no `ALTER COLUMN`. The content of a row does not depend on the declared types, so it
//! is enough to change the text of `CREATE TABLE` in `sqlite_schema`, as section 7 of
//! <https://www.sqlite.org/lang_altertable.html> describes for changes that "do not affect the
//! on-disk content". An index on the column, if a user has made one, stays true: it holds the values
//! that the rows hold, and taking affinity away changes none of them.

use rusqlite::{Connection, params};

use super::names::quoted;

/// Makes `column` one without a declared type, and its values those of a mixed column.
pub(super) fn to_mixed(
    connection: &Connection,
    table: &str,
    column: &str,
    declared: &str,
) -> rusqlite::Result<()> {
    let sql: String = connection.query_row(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
        [table],
        |row| row.get(0),
    )?;
    match without_type(&sql, column, declared) {
        Some(changed) => undeclare(connection, table, &changed)?,
        // Someone has changed the table by hand: the slow way works for any table.
        None => copy(connection, table, column)?,
    }
    let (table, name) = (quoted(table), quoted(column));
    match declared {
        "BOOLEAN" => connection.execute_batch(&format!(
            "UPDATE {table} SET {name} = CAST(CASE {name} WHEN 0 THEN 'false' ELSE 'true' END AS BLOB)
             WHERE {name} IS NOT NULL"
        )),
        // On disk a REAL column holds 2.0 as the integer 2, and only its type turns it back.
        "REAL" => connection.execute_batch(&format!(
            "UPDATE {table} SET {name} = CAST({name} AS REAL) WHERE typeof({name}) = 'integer'"
        )),
        _ => Ok(()),
    }
}

fn undeclare(connection: &Connection, table: &str, changed: &str) -> rusqlite::Result<()> {
    let version: i64 = connection.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
    connection.pragma_update(None, "writable_schema", true)?;
    let edited = connection.execute(
        "UPDATE sqlite_schema SET sql = ?1 WHERE type = 'table' AND name = ?2",
        params![changed, table],
    );
    let bumped = edited.and_then(|_| connection.pragma_update(None, "schema_version", version + 1));
    // RESET also reads the schema again, so that a mistake shows in the next line and is rolled back.
    let reset = connection.execute_batch("PRAGMA writable_schema = RESET");
    bumped.and(reset)?;
    connection.prepare(&format!("SELECT * FROM {}", quoted(table))).map(drop)
}

fn copy(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<()> {
    let (table, name) = (quoted(table), quoted(column));
    connection.execute_batch(&format!(
        "ALTER TABLE {table} RENAME COLUMN {name} TO _busta_widened;
         ALTER TABLE {table} ADD COLUMN {name};
         UPDATE {table} SET {name} = _busta_widened WHERE _busta_widened IS NOT NULL;
         ALTER TABLE {table} DROP COLUMN _busta_widened;"
    ))
}

/// The statement with the column's type taken away; `None` if it is not declared as we would.
fn without_type(sql: &str, column: &str, declared: &str) -> Option<String> {
    let name = quoted(column);
    for (start, end) in definitions(sql)? {
        let definition = sql[start..end].trim();
        if let Some(rest) = definition.strip_prefix(&name)
            && rest.trim() == declared
        {
            let from = start + sql[start..end].find(&name)?;
            return Some(format!("{}{name}{}", &sql[..from], &sql[end..]));
        }
    }
    None
}

/// Where the column definitions of a `CREATE TABLE` begin and end.
fn definitions(sql: &str) -> Option<Vec<(usize, usize)>> {
    let (mut depth, mut quote, mut start, mut found) = (0, None, 0, Vec::new());
    for (at, byte) in sql.bytes().enumerate() {
        match (quote, byte) {
            // A doubled quote closes and opens again, which comes to the same.
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'' | b'`') => quote = Some(byte),
            (None, b'(') => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            (None, b',') if depth == 1 => {
                found.push((start, at));
                start = at + 1;
            }
            (None, b')') => {
                depth -= 1;
                if depth == 0 {
                    found.push((start, at));
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_type_of_the_column_goes() {
        let sql =
            r#"CREATE TABLE "t(,)" ("x""price" INTEGER, "price" INTEGER, "a,(b" REAL, run TEXT NOT NULL)"#;
        let expected = r#"CREATE TABLE "t(,)" ("x""price" INTEGER, "price", "a,(b" REAL, run TEXT NOT NULL)"#;
        assert_eq!(without_type(sql, "price", "INTEGER").unwrap(), expected);
        assert!(without_type(sql, "a,(b", "REAL").unwrap().contains(r#""a,(b", run"#));
        assert_eq!(without_type(sql, "price", "REAL"), None);
        assert_eq!(without_type(sql, "pric", "INTEGER"), None);
    }
}
