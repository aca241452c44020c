//! The keys of a stream.

use std::collections::BTreeMap;

use busta_core::WriteMode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::pagination::PaginationConfig;
use super::super::values::{ForEach, Params, TextOrList};
use super::{CursorConfig, Follows};

/// One kind of record, from one endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// The stream's name, unique in the source; also its table, unless `table` says otherwise.
    pub name: String,
    /// The table that its records land in.
    #[serde(default)]
    pub table: Option<String>,
    /// The part of the source's work that it belongs to, for whoever watches a run.
    #[serde(default)]
    pub phase: Option<String>,
    /// Makes its records from those of another stream, by `map`, without a request of its own.
    #[serde(default)]
    pub from: Option<String>,
    /// Which of `services` it is read from; without it, `base_url`.
    #[serde(default)]
    pub service: Option<String>,
    /// Reads it once for each combination of these values, such as
    /// `{ region: [eu, us], kind: [new] }`; `{region}` is the value in placeholders. For streams without a
    /// parent.
    #[serde(default)]
    pub for_each: ForEach,
    /// The path after `base_url`. `{orders.id}` stands for the field `id` of every record of the
    /// stream `orders`, which makes that one the parent: this one is read once for each of its
    /// records. Such placeholders also work in `params`, `form` and `body`. A brace is `{{` or `}}`.
    #[serde(default)]
    pub path: Option<String>,
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
    /// A jq program that runs on every item before anything else looks at it, and gives zero or more
    /// records. `$for` holds what the stream is read for (`$for.region`, `$for["orders.id"]`), `$now` the
    /// time of the request as RFC 3339 in UTC.
    #[serde(default)]
    pub map: Option<String>,
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
    /// Ends after so many records: of each combination of `for_each`, or of each parent's record.
    #[serde(default)]
    pub max_records: Option<u64>,
    /// How one page leads to the next.
    #[serde(default)]
    pub pagination: PaginationConfig,
    /// Fields of the parent's record to put into every record that does not have them, such as
    /// `order_id: orders.id`, or values of `for_each`, such as `region: region`.
    #[serde(default)]
    pub include: BTreeMap<String, String>,
    /// The parent, where no placeholder names it.
    #[serde(default)]
    pub parent: Option<String>,
    /// Values for placeholders, worked out by jq programs from each record of the parent:
    /// `{ low: '.price * 0.8' }` gives `{with.low}`. A record for which one gives nothing or null is passed
    /// over.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Further requests that an answer asks for: one kind of them, or a list of several, which share the largest of
    /// their limits.
    #[serde(default)]
    pub follow: Follows,
    /// Statuses such as `[403, 404]` that are no failure where they answer the first request of a combination of
    /// `for_each`, or of a parent's record: it is passed over, and the report counts it and says why.
    #[serde(default)]
    pub skip: Vec<u16>,
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
