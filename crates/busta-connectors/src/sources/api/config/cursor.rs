//! The keys of `cursor`.

use busta_core::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::values::Scalar;

/// What makes a stream incremental: the newest value of a field is where the next run starts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorConfig {
    /// The field that says how new a record is, such as `updated_at`; dots lead into objects.
    pub field: String,
    /// The order in which the server gives the records.
    #[serde(default)]
    pub order: Order,
    /// The parameter that asks for what is newer. Without it, and without an order, everything is read each time, and the
    /// field only decides which of two records with one key wins.
    #[serde(default)]
    pub param: Option<String>,
    /// Where the parameter goes.
    #[serde(default, rename = "in")]
    pub place: Place,
    /// How the value is written in the parameter.
    #[serde(default)]
    pub format: TimeFormat,
    /// Where the very first run starts; without it, at the beginning.
    #[serde(default)]
    pub start: Option<Scalar>,
    /// Starts this much earlier than the newest value, for servers that show records late. Needs a
    /// field that holds times, and a primary key for the records that come twice.
    #[serde(default)]
    pub lookback: Option<Span>,
}

/// The order in which a server gives records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Any.
    #[default]
    Any,
    /// The newest first: a run ends with the first page whose last record is older than where the last
    /// run ended. Older records that have changed are not seen, unless `lookback` reaches them. Needs a
    /// primary key, since records of the last page come again.
    NewestFirst,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Into the query of the URL.
    #[default]
    Query,
    /// Into the JSON body; dots in the parameter's name lead into objects.
    Body,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// As it stands in the records.
    #[default]
    AsIs,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2024-01-31T12:00:00Z`.
    Rfc3339,
    /// `2024-01-31`.
    Date,
}
