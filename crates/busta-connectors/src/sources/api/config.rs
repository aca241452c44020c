//! The keys of `type: api`. Each field's comment is also its description in the reference.

use std::collections::BTreeMap;

use busta_core::WriteMode;
use busta_core::units::{ByteSize, Span};
use schemars::JsonSchema;
use serde::Deserialize;

use super::pagination::PaginationConfig;
use super::values::{Params, Scalar, TextOrList};
use crate::http::AuthSettings;

/// A REST API that answers with JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// What all paths start with, such as `https://shop.example/api`. Credentials and headers are
    /// sent to this origin only, wherever links and redirects lead.
    pub base_url: String,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Query parameters of every request.
    #[serde(default)]
    pub params: Params,
    /// An answer longer than this is an error.
    #[serde(default = "max_response_size")]
    pub max_response_size: ByteSize,
    /// What to collect.
    pub streams: Vec<StreamConfig>,
}

fn max_response_size() -> ByteSize {
    ByteSize(64 << 20)
}

/// One kind of record, from one endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// The stream's name, unique in the source; also its table, unless `table` says otherwise.
    pub name: String,
    /// The table that its records land in.
    #[serde(default)]
    pub table: Option<String>,
    /// The path after `base_url`. `{orders.id}` stands for the field `id` of every record of the
    /// stream `orders`, which makes that one the parent: this one is read once for each of its
    /// records. Such placeholders also work in `params`, `form` and `body`. A brace is `{{` or `}}`.
    pub path: String,
    /// The method of its requests.
    #[serde(default)]
    pub method: MethodName,
    /// Query parameters: a text, a number, true or false, or a list of them.
    #[serde(default)]
    pub params: Params,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// A body as an HTML form sends it.
    #[serde(default)]
    pub form: Option<Params>,
    /// Where the records are: a JSONPath (RFC 9535). An array that it leads to gives its elements;
    /// an object is one record. Without it: the answer itself if it is an array, else the one field
    /// of the answer that holds an array.
    #[serde(default)]
    pub records: Option<String>,
    /// The field or fields that together identify a record. A field such as `order_id` that the
    /// server does not send is filled from the placeholder `{orders.id}`.
    #[serde(default)]
    pub primary_key: TextOrList,
    /// How records join their table; `merge` by default with a primary key, `append` without.
    #[serde(default)]
    pub write_mode: Option<WriteMode>,
    /// Collects only what is new on the next run.
    #[serde(default)]
    pub cursor: Option<CursorConfig>,
    /// How one page leads to the next.
    #[serde(default)]
    pub pagination: PaginationConfig,
    /// Fields of the parent's record to put into every record that does not have them, such as
    /// `order_id: orders.id`.
    #[serde(default)]
    pub include: BTreeMap<String, String>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MethodName {
    /// GET.
    #[default]
    Get,
    /// POST, for APIs that are searched by a body.
    Post,
}

/// What makes a stream incremental: the newest value of a field is where the next run starts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorConfig {
    /// The field that says how new a record is, such as `updated_at`; dots lead into objects.
    pub field: String,
    /// The parameter that asks for what is newer. Without it everything is read each time, and the
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
