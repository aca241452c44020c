//! Whether a table has the columns that its view is made of.

use busta_core::dataset::ViewSettings;
use busta_core::destination::SchemaChange;
use busta_core::{Error, Result};
use rusqlite::Connection;

use super::super::schema::{Catalogue, Table};
use super::layout::View;
use super::row::sentiment_columns;

/// What a view takes from columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Time,
    Group,
    Text,
    Score,
    Sentiment,
}

impl Part {
    const ALL: [Self; 5] = [Self::Time, Self::Group, Self::Text, Self::Score, Self::Sentiment];

    fn key(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Group => "group_by",
            Self::Text => "text",
            Self::Score => "score",
            Self::Sentiment => "sentiment",
        }
    }

    /// The columns that it is taken from; it is enough if one of them is there.
    fn columns(self, settings: &ViewSettings) -> Vec<String> {
        match self {
            Self::Time => vec![settings.time.clone()],
            Self::Group => settings.group_by.iter().cloned().collect(),
            Self::Text => settings.text.clone(),
            Self::Score => settings.score.iter().cloned().collect(),
            Self::Sentiment => settings.sentiment.iter().flat_map(|into| sentiment_columns(into)).collect(),
        }
    }
}

/// Those of `parts` that the table cannot give, in words. A table without any rows so far has no columns, and
/// lacks none.
fn lacking(table: &Table, settings: &ViewSettings, parts: &[Part]) -> Option<String> {
    if table.columns.is_empty() {
        return None;
    }
    let lacks = |part: &&Part| {
        let columns = part.columns(settings);
        !columns.is_empty() && columns.iter().all(|column| table.column(column).is_none())
    };
    let lacking: Vec<String> = parts
        .iter()
        .filter(lacks)
        .map(|part| format!("`{}` ({})", part.columns(settings).join("`, `"), part.key()))
        .collect();
    (!lacking.is_empty()).then(|| lacking.join(", "))
}

/// Refuses a question about `parts` that the table cannot give.
pub fn check(table: &Table, settings: &ViewSettings, parts: &[Part]) -> Result<()> {
    let Some(lacking) = lacking(table, settings, parts) else { return Ok(()) };
    let name = &table.name;
    let columns: Vec<&str> = table.columns.iter().map(|column| column.field.as_str()).take(30).collect();
    Err(Error::data(format!(
        "the view of `{name}` is made of columns that the table does not have: {lacking}"
    ))
    .hint(format!("mend `datasets: {name}: view`; the columns are {}", columns.join(", "))))
}

/// Tells what the view of a table lacks, if it has one, now that a run has brought rows.
pub fn tell_lacking(connection: &Connection, catalogue: &mut Catalogue, table: &str) -> rusqlite::Result<()> {
    let Some((view, table)) = View::of(connection, table)?.zip(catalogue.table(table)) else { return Ok(()) };
    if let Some(lacking) = lacking(table, &view.settings, &Part::ALL) {
        let change = format!("its view counts nothing of what the table does not have: {lacking}");
        tracing::warn!(table = table.name, lacking, "the view is made of columns that are not there");
        let table = table.name.clone();
        catalogue.changes.push(SchemaChange { table, change });
    }
    Ok(())
}
