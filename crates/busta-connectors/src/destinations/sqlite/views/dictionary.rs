//! Numbers for terms and groups, which are long.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::layout::View;

/// What stands for all groups, and for a row without one.
pub const ALL: u32 = 0;

/// The numbers that one transaction has met.
pub struct Dictionary {
    terms: Numbers,
    groups: Numbers,
}

impl Dictionary {
    pub fn new(view: &View) -> Self {
        let (terms, groups) = (view.side("terms"), view.side("groups"));
        Self {
            terms: Numbers {
                find: format!("SELECT id FROM {terms} WHERE term = ?1"),
                // Numbers that are free again come first: who adds up terms has a place for each number.
                make: [
                    format!(
                        "UPDATE {terms} SET term = ?1 WHERE id = (SELECT id FROM {terms} WHERE term IS NULL LIMIT 1)
                         RETURNING id"
                    ),
                    format!("INSERT INTO {terms} (term) VALUES (?1) RETURNING id"),
                ]
                .into(),
                known: HashMap::new(),
            },
            groups: Numbers {
                find: format!("SELECT id FROM {groups} WHERE name = ?1"),
                make: vec![format!("INSERT INTO {groups} (name, n) VALUES (?1, 0) RETURNING id")],
                known: HashMap::new(),
            },
        }
    }

    /// The numbers of terms, in order.
    pub fn terms(&mut self, connection: &Connection, terms: Vec<String>) -> rusqlite::Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(terms.len());
        for term in terms {
            numbers.push(self.terms.of(connection, term)?);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number of a group.
    pub fn group(&mut self, connection: &Connection, name: String) -> rusqlite::Result<u32> {
        self.groups.of(connection, name)
    }

    /// Numbers of terms may not hold any more: those that no row has are forgotten.
    pub fn forget_terms(&mut self) {
        self.terms.known.clear();
    }
}

struct Numbers {
    find: String,
    /// Statements that give a name a number; the first that does.
    make: Vec<String>,
    known: HashMap<String, u32>,
}

impl Numbers {
    fn of(&mut self, connection: &Connection, name: String) -> rusqlite::Result<u32> {
        if let Some(number) = self.known.get(&name) {
            return Ok(*number);
        }
        for sql in std::iter::once(&self.find).chain(&self.make) {
            let mut statement = connection.prepare_cached(sql)?;
            if let Some(number) = statement.query_row([&name], |row| row.get(0)).optional()? {
                self.known.insert(name, number);
                return Ok(number);
            }
        }
        Err(rusqlite::Error::QueryReturnedNoRows)
    }
}
