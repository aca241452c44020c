use busta_core::dataset::ViewSettings;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Limit;

/// A table of a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes it takes, where the destination can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where it lies, in words.
    pub destination: String,
    /// The sources that land in it.
    pub sources: Vec<String>,
    /// Which columns say what its rows are about over time; absent if the configuration names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<DatasetView>,
    /// Whether its changes are logged: rows can then be edited, and edits undone.
    #[serde(default)]
    pub history: bool,
}

/// The columns from which the newest rows, their sentiment and what is trending are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetView {
    /// The column that says when: seconds or milliseconds since 1970, or an RFC 3339 time.
    pub time: String,
    /// The column by which rows are told apart in statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// The columns whose words are counted.
    pub text: Vec<String>,
    /// The column whose growth makes a row trend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// What the names of the columns with the sentiment begin with: `sentiment` for `sentiment_label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
}

impl From<&ViewSettings> for DatasetView {
    fn from(settings: &ViewSettings) -> Self {
        Self {
            time: settings.time.clone(),
            group_by: settings.group_by.clone(),
            text: settings.text.clone(),
            score: settings.score.clone(),
            sentiment: settings.sentiment.clone(),
        }
    }
}

/// A table and its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetSchema {
    /// What the list shows.
    #[serde(flatten)]
    pub dataset: Dataset,
    /// Its columns in their order.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in the destination's own words.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it belongs to the primary key.
    pub primary_key: bool,
}

/// Which records to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct RecordQuery {
    /// Conditions, all of which must hold, separated by commas: `price>=10,name~blue,deleted=null`. The
    /// operators are `=`, `!=`, `<`, `<=`, `>`, `>=` and `~` (contains, whatever the case). A value in
    /// double quotes may hold commas.
    pub filter: Option<String>,
    /// The column to sort by; a `-` before it turns the order round. Absent: as they were stored.
    pub order: Option<String>,
    /// How many at most.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A header and a line per record; nested values as JSON.
    Csv,
    /// One array.
    Json,
    /// A line per record.
    Ndjson,
}
