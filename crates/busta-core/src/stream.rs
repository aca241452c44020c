//! Streams: one kind of record that a source yields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetSettings;
use crate::ids::StreamName;

/// How records join what their table already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// Every record is a new row.
    Append,
    /// A record replaces the row with its primary key, unless that row is newer by the cursor field.
    Merge,
    /// The records of this run replace all rows of the source once the run is complete; until then
    /// the old rows stay visible.
    Replace,
}

/// What a destination needs to know about a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// The stream's name.
    pub name: StreamName,
    /// Where it lands. Streams of several sources may share a table.
    pub table: String,
    /// Top-level fields that together identify a record within its source; empty if nothing does.
    pub primary_key: Vec<String>,
    /// Fields of the primary key, but not all of them, that a record may lack: it is known by a null in their place,
    /// and gets no field for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional_key: Vec<String>,
    /// The top-level field that says which of two records with one key is newer.
    pub cursor_field: Option<String>,
    /// How records join the table.
    pub write_mode: WriteMode,
    /// Whether each of its planned splits has a start cursor of its own, under the split's id, instead of one for
    /// the whole stream under its name. It becomes the newest value of the cursor field in the split once the split
    /// is done and everything that was found in the run is read, so that a run that is given up half way leads
    /// nobody to skip what was found in its records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_per_split: bool,
    /// The stream whose records this one's splits are found in.
    pub parent: Option<StreamName>,
    /// The part of its source's work that it belongs to, for people: `amazon`, `ebay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What its table is for, beyond holding rows.
    #[serde(default, skip_serializing_if = "DatasetSettings::is_plain")]
    pub dataset: DatasetSettings,
}

impl StreamSpec {
    /// A stream that lands in the table of its name: merged if it has a primary key, else appended.
    pub fn new(name: impl Into<StreamName>, primary_key: Vec<String>) -> Self {
        let name = name.into();
        let write_mode = if primary_key.is_empty() { WriteMode::Append } else { WriteMode::Merge };
        Self {
            table: name.as_str().to_owned(),
            name,
            primary_key,
            optional_key: Vec::new(),
            cursor_field: None,
            write_mode,
            start_per_split: false,
            parent: None,
            phase: None,
            dataset: DatasetSettings::default(),
        }
    }

    /// Whether its rows are told apart by a key.
    pub fn has_key(&self) -> bool {
        self.write_mode != WriteMode::Append && !self.primary_key.is_empty()
    }

    /// Whether a record without `field`, which is one of the primary key's, has a key all the same.
    pub fn may_lack(&self, field: &str) -> bool {
        self.primary_key.len() > 1 && self.optional_key.iter().any(|known| known == field)
    }
}
