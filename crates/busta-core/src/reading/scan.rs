//! Pages by reading a table from its beginning: right for every destination, quick for none.

use super::Value;
use super::{FailuresPage, FailuresQuery, OrderKey, PAGE_BYTES, RowPage, RowQuery, Sorter};
use crate::destination::Readable;
use crate::error::Result;
use crate::json::field;
use crate::record::RecordsBuilder;

impl RowQuery {
    /// Whether the filter holds for a row, which must be a JSON object.
    pub fn admits(&self, row: &[u8]) -> bool {
        self.filter.iter().all(|condition| {
            let value = field(row, &condition.column).map_or(Value::Null, Value::of);
            value.meets(condition)
        })
    }
}

/// A page by scanning the table; its cursor counts rows, so rows that are removed meanwhile shift it.
pub async fn page_by_scan<R: Readable + ?Sized>(readable: &R, query: &RowQuery) -> Result<RowPage> {
    let columns = readable.columns(&query.table).await?;
    query.check(columns.iter().map(|column| column.name.as_str()))?;
    match &query.order {
        None => stored(readable, query).await,
        Some(_) => ordered(readable, query).await,
    }
}

async fn stored<R: Readable + ?Sized>(readable: &R, query: &RowQuery) -> Result<RowPage> {
    let passed = query.place::<u64>()?.unwrap_or(0);
    let mut scan = readable.scan(&query.table).await?;
    let (mut number, mut found) = (0, RecordsBuilder::default());
    while let Some(rows) = scan.next().await? {
        for row in rows.iter() {
            if number >= passed && query.admits(row) {
                if found.len() >= query.limit.max(1) || found.bytes() >= PAGE_BYTES {
                    return Ok(RowPage { rows: found.finish(), next: Some(query.cursor(&number)?) });
                }
                found.push(row);
            }
            number += 1;
        }
    }
    Ok(RowPage { rows: found.finish(), next: None })
}

async fn ordered<R: Readable + ?Sized>(readable: &R, query: &RowQuery) -> Result<RowPage> {
    let Some(order) = query.order.clone() else { return Ok(RowPage::default()) };
    let mut sorter = Sorter::new(order, query.place::<(OrderKey, u64)>()?, query.limit);
    let mut scan = readable.scan(&query.table).await?;
    let mut number = 0;
    while let Some(rows) = scan.next().await? {
        for row in rows.iter() {
            if query.admits(row) {
                sorter.push(number, row);
            }
            number += 1;
        }
    }
    let (rows, last) = sorter.finish();
    let mut records = RecordsBuilder::default();
    rows.iter().for_each(|row| records.push(row));
    let next = last.map(|last| query.cursor(&last)).transpose()?;
    Ok(RowPage { rows: records.finish(), next })
}

/// A page of failures out of all of them; its cursor is the last failure's time and id.
pub async fn failures_by_list<R: Readable + ?Sized>(
    readable: &R,
    query: &FailuresQuery,
) -> Result<FailuresPage> {
    let after: Option<(chrono::DateTime<chrono::Utc>, String)> = query.place()?;
    let mut failures = readable.failures(query.run.as_ref(), usize::MAX).await?;
    failures.retain(|failure| query.admits(failure));
    failures.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    if let Some((at, id)) = after {
        failures.retain(|failure| (failure.at, &failure.id) < (at, &id));
    }
    let more = failures.len() > query.limit.max(1);
    failures.truncate(query.limit.max(1));
    let last = failures.last().filter(|_| more).map(|last| (last.at, last.id.clone()));
    let next = last.map(|last| query.cursor(&last)).transpose()?;
    Ok(FailuresPage { failures, next })
}
