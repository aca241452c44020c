//! `busta data`.

use anyhow::Result;
use busta_core::destination::{Readable, TableInfo};
use busta_core::reading::{Condition, Order, RowQuery};
use busta_core::{Destination, Error, ErrorKind};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::{Context, export, past};
use crate::config::{BuiltDestination, Config, closest};
use crate::exit::{Exit, Usage};
use crate::output::{line_as_it_is, note};
use crate::report::table;
use crate::{figures, wiring};

#[derive(Subcommand, Debug)]
pub enum Data {
    /// List the tables of all destinations
    #[command(after_help = "Examples:\n  busta data list\n  busta data list --json")]
    List {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the first rows of a table
    #[command(after_help = "Examples:
  busta data head orders
  busta data head orders -n 3 --json
  busta data head orders --filter 'price>=10,name~blue,deleted=null'
  busta data head orders --order=-price -n 5")]
    Head(Head),
    /// Show the columns of a table
    #[command(after_help = "Examples:\n  busta data schema orders")]
    Schema {
        /// The table
        table: String,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Write a whole table as CSV, JSON or NDJSON
    Export(export::Export),
    /// Show what happened to a table: runs and edits, newest first
    #[command(after_help = past::HISTORY_EXAMPLES)]
    History(past::Episodes),
    /// Show which rows of a table were inserted, changed and removed
    #[command(after_help = past::CHANGES_EXAMPLES)]
    Changes(past::Changes),
    /// Show the difference of a table between two runs or moments
    #[command(after_help = past::DIFF_EXAMPLES)]
    Diff(past::Diff),
    /// Undo an edit of a table
    #[command(after_help = past::UNDO_EXAMPLES)]
    Undo(past::Undo),
}

#[derive(Args, Debug)]
pub struct Head {
    /// The table
    table: String,
    /// How many rows
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    rows: usize,
    /// Only rows for which all of these conditions hold: COLUMN, one of = != < <= > >= ~ (contains), VALUE
    #[arg(long, value_name = "CONDITIONS", default_value = "", hide_default_value = true)]
    filter: String,
    /// Order by this column; a `-` before it puts the greatest first
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    order: Option<String>,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

impl Data {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let config = wiring::open(context.config.as_ref())?;
        match self {
            Self::List { json } => list(&config, json, context.colour).await,
            Self::Head(command) => command.run(&config, context.colour).await,
            Self::Schema { table, json } => schema(&config, &table, json, context.colour).await,
            Self::Export(command) => command.run(&config).await,
            Self::History(command) => command.run(&config, context.colour).await,
            Self::Changes(command) => command.run(&config, context.colour).await,
            Self::Diff(command) => command.run(&config).await,
            Self::Undo(command) => command.run(&config).await,
        }
    }
}

/// All tables with the destinations they are in. That one of several destinations has not been made yet
/// (all sources may name another) is no error.
async fn tables(config: &Config) -> Result<Vec<(&BuiltDestination, TableInfo)>> {
    let mut all = Vec::new();
    let mut missing = None;
    for built in &config.destinations {
        match built.destination.readable().tables().await {
            Ok(tables) => all.extend(tables.into_iter().map(|table| (built, table))),
            Err(error) if error.kind() == ErrorKind::NotFound => missing = missing.or(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    match missing {
        Some(error) if all.is_empty() => Err(error.into()),
        _ => Ok(all),
    }
}

/// The destination that has the table; the first, if several have one of that name.
pub async fn find<'a>(config: &'a Config, name: &str) -> Result<&'a dyn Destination> {
    let all = tables(config).await?;
    if let Some((built, _)) = all.iter().find(|(_, table)| table.name == name) {
        return Ok(&*built.destination);
    }
    let names = || all.iter().map(|(_, table)| table.name.as_str());
    let help = match closest(name, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if all.is_empty() => "nothing has been collected yet".to_owned(),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Usage(format!("there is no table `{name}`; {help}")).into())
}

async fn list(config: &Config, json: bool, colour: bool) -> Result<Exit> {
    let all = tables(config).await?;
    if json {
        let rows = all.iter().map(|(built, table)| {
            serde_json::json!({ "name": table.name, "rows": table.rows, "bytes": table.bytes, "destination": built.words() })
        });
        line_as_it_is(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?)?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        note("nothing has been collected yet");
        return Ok(Exit::Done);
    }
    let mut table = table::plain(&["table", "rows", "size", "destination"], colour);
    for (built, info) in &all {
        table.add_row(vec![
            comfy_table::Cell::new(&info.name),
            table::figure(figures::count(info.rows)),
            table::figure(info.bytes.map_or_else(String::new, figures::bytes)),
            comfy_table::Cell::new(built.words()),
        ]);
    }
    line_as_it_is(&table::trimmed(&table))?;
    Ok(Exit::Done)
}

impl Head {
    async fn run(self, config: &Config, colour: bool) -> Result<Exit> {
        let query = self.query()?;
        let readable = find(config, &self.table).await?.readable();
        let rows = self.read(readable, query).await.map_err(wrong)?;
        if self.json {
            for row in &rows {
                line_as_it_is(&serde_json::to_string(row)?)?;
            }
            return Ok(Exit::Done);
        }
        let columns = readable.columns(&self.table).await?;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let mut table = table::plain(&names, colour);
        for row in &rows {
            table.add_row(names.iter().map(|name| cell(row.get(*name))));
        }
        line_as_it_is(&table::trimmed(&table))?;
        Ok(Exit::Done)
    }

    fn query(&self) -> Result<RowQuery> {
        let filter = Condition::parse_all(&self.filter).map_err(wrong)?;
        let order = self.order.as_deref().map(Order::parse).transpose().map_err(wrong)?;
        Ok(RowQuery { filter, order, ..RowQuery::of(self.table.as_str(), 0) })
    }

    /// Reads pages until there are enough rows. A page may have none and still be followed by others.
    async fn read(
        &self,
        readable: &dyn Readable,
        mut query: RowQuery,
    ) -> Result<Vec<Map<String, Value>>, Error> {
        const PAGE: usize = 1_000;
        let mut found = Vec::new();
        while found.len() < self.rows {
            query.limit = PAGE.min(self.rows - found.len());
            let page = readable.page(&query).await?;
            let broken = |error| Error::corrupt(format!("a row is no JSON object: {error}"));
            for record in page.rows.iter() {
                found.push(serde_json::from_slice(record).map_err(broken)?);
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// A query that cannot be answered is the user's.
pub fn wrong(error: Error) -> anyhow::Error {
    if error.kind() == ErrorKind::Data { Usage(error.to_string()).into() } else { error.into() }
}

/// A value in at most a few words, on one line.
pub fn cell(value: Option<&Value>) -> String {
    const SHOWN: usize = 40;
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SHOWN {
        text
    } else {
        text.chars().take(SHOWN - 1).collect::<String>() + "…"
    }
}

async fn schema(config: &Config, name: &str, json: bool, colour: bool) -> Result<Exit> {
    let columns = find(config, name).await?.readable().columns(name).await?;
    if json {
        line_as_it_is(&serde_json::to_string_pretty(&columns)?)?;
        return Ok(Exit::Done);
    }
    let mut table = table::plain(&["column", "type", ""], colour);
    for column in &columns {
        table.add_row(vec![
            column.name.as_str(),
            &column.kind,
            if column.primary_key { "primary key" } else { "" },
        ]);
    }
    line_as_it_is(&table::trimmed(&table))?;
    Ok(Exit::Done)
}
