//! What a table is for, beyond holding rows: the `datasets` section of the configuration.
//!
//! A table may be shared by many streams of many sources, so its settings belong to it and to none of
//! them. They reach a destination as [`StreamSpec::dataset`](crate::StreamSpec::dataset).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetSettings {
    /// Which of two records with one key stays.
    #[serde(skip_serializing_if = "Keep::is_newest")]
    pub keep: Keep,
    /// Keep a log of every row that was inserted, changed or removed, with the number of rows after it; rows
    /// can then be edited through the API, and edits undone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub change_log: bool,
    /// Remember the number and the set of rows after every run, so that two runs can be compared. Keeps a
    /// change log too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// Fields whose changes do not count, such as the time of collection: a record that differs from the row of its key
    /// in nothing else is unchanged, and the row stays as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_changes: Vec<String>,
    /// What the rows say over time: the newest, their sentiment, what is trending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewSettings>,
}

impl DatasetSettings {
    /// Whether nothing but rows is asked for.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The same for a destination that can do no more: the error is a clause that goes on after its name.
    pub fn only_rows(&self) -> Result<(), String> {
        if self.is_plain() { Ok(()) } else { Err("only holds rows; type `sqlite` can do more".to_owned()) }
    }

    /// What is asked for that takes rows which can be told apart by a key, as its name in the configuration.
    pub fn needs_key(&self) -> Option<&'static str> {
        match self {
            Self { change_log: true, .. } => Some("change_log"),
            Self { snapshot: true, .. } => Some("snapshot"),
            Self { keep: Keep::First, .. } => Some("keep"),
            Self { ignore_changes, .. } if !ignore_changes.is_empty() => Some("ignore_changes"),
            _ => None,
        }
    }

    /// Whether a field's changes do not count.
    pub fn ignores(&self, field: &str) -> bool {
        self.ignore_changes.iter().any(|ignored| ignored == field)
    }

    /// Whether changes are logged.
    pub fn logs_changes(&self) -> bool {
        self.change_log || self.snapshot
    }
}

/// Which of two records with one key stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The newest by the cursor field, of equally new ones the one that came last.
    #[default]
    Newest,
    /// The first: a record whose key is there changes nothing.
    First,
}

impl Keep {
    fn is_newest(&self) -> bool {
        *self == Self::Newest
    }
}

/// Which columns of a table a view is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewSettings {
    /// The column that says when: seconds or milliseconds since 1970, or an RFC 3339 time.
    pub time: String,
    /// The column by which rows are told apart in statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// The columns whose words are counted for trending terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// The column whose growth makes a row trend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// What the `sentiment` transform was told in `into`; absent if there is no sentiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
    /// Words that are never terms, beside the usual ones of English.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_words: Vec<String>,
    /// The view that the short paths (`/posts/recent`, `/sentiment/stats`, `/trending`) show, if there are
    /// several.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}
