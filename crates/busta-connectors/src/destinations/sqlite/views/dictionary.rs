//! Numbers for terms and groups, which are long.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::layout::View;

/// What stands for all groups.
pub const ALL: i64 = 0;

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
                make: format!("INSERT INTO {terms} (term) VALUES (?1)"),
                known: HashMap::new(),
            },
            groups: Numbers {
                find: format!("SELECT id FROM {groups} WHERE name = ?1"),
                make: format!("INSERT INTO {groups} (name, n) VALUES (?1, 0)"),
                known: HashMap::new(),
            },
        }
    }

    /// The numbers of terms, in order.
    pub fn terms(&mut self, connection: &Connection, terms: Vec<String>) -> rusqlite::Result<Vec<i64>> {
        let mut numbers = Vec::with_capacity(terms.len());
        for term in terms {
            numbers.push(self.terms.of(connection, term)?);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number of a group.
    pub fn group(&mut self, connection: &Connection, name: String) -> rusqlite::Result<i64> {
        self.groups.of(connection, name)
    }

    /// Numbers of terms may not hold any more: those that no row has are forgotten.
    pub fn forget_terms(&mut self) {
        self.terms.known.clear();
    }
}

struct Numbers {
    find: String,
    make: String,
    known: HashMap<String, i64>,
}

impl Numbers {
    fn of(&mut self, connection: &Connection, name: String) -> rusqlite::Result<i64> {
        if let Some(number) = self.known.get(&name) {
            return Ok(*number);
        }
        let found = connection.prepare_cached(&self.find)?.query_row([&name], |row| row.get(0)).optional()?;
        let number = match found {
            Some(number) => number,
            None => connection.prepare_cached(&self.make)?.insert([&name])?,
        };
        self.known.insert(name, number);
        Ok(number)
    }
}

/// Numbers in order, as differences in base 128: a few dozen bytes for the terms of a post.
pub fn packed(numbers: &[i64]) -> Option<Vec<u8>> {
    let (mut bytes, mut last) = (Vec::with_capacity(numbers.len() * 2), 0);
    for &number in numbers {
        let mut rest = number.wrapping_sub(last) as u64;
        last = number;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// The numbers again.
pub fn unpacked(bytes: &[u8]) -> Vec<i64> {
    let (mut numbers, mut last, mut rest, mut shift) = (Vec::with_capacity(bytes.len()), 0_i64, 0_u64, 0);
    for byte in bytes {
        rest |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            last = last.wrapping_add(rest as i64);
            numbers.push(last);
            (rest, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(mut numbers in proptest::collection::vec(1_i64..i64::MAX, 0..40)) {
            numbers.sort_unstable();
            prop_assert_eq!(unpacked(&packed(&numbers).unwrap_or_default()), numbers);
        }
    }
}
