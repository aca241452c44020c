//! The keys of `pagination`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::config::Place;

/// How one page leads to the next.
///
/// Numbered pages (`page`, `offset`) end with an empty page, with one that is shorter than the pages
/// before it, at the total that the server tells, or where `has_more_path` says so. If page one tells
/// the total, the other pages are read in parallel. Chains (`cursor`, `next_url`, `link_header`) end
/// where there is no next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaginationConfig {
    /// One page is all there is.
    #[default]
    None,
    /// Pages are numbered.
    Page(PageConfig),
    /// Pages start at an offset.
    Offset(OffsetConfig),
    /// Each page tells a cursor that asks for the next.
    Cursor {
        /// The parameter that takes the cursor.
        #[serde(default = "cursor_param")]
        param: String,
        /// Where the parameter goes.
        #[serde(default, rename = "in")]
        place: Place,
        /// Where the body tells the cursor, such as `$.meta.next_cursor`.
        #[serde(default)]
        path: Option<String>,
        /// The header that tells the cursor.
        #[serde(default)]
        header: Option<String>,
        /// Where the body tells whether there are more pages, such as `$.has_more`.
        #[serde(default)]
        has_more_path: Option<String>,
        /// An empty page is the last one, for servers that always tell a next cursor.
        #[serde(default)]
        stop_on_empty: bool,
    },
    /// Each page tells the URL of the next in its body.
    NextUrl {
        /// Where the body tells it, such as `$.next`.
        path: String,
        /// An empty page is the last one.
        #[serde(default)]
        stop_on_empty: bool,
    },
    /// Each page tells the URL of the next in a `Link` header.
    LinkHeader {
        /// The relation of the link.
        #[serde(default = "next")]
        rel: String,
        /// An empty page is the last one.
        #[serde(default)]
        stop_on_empty: bool,
    },
}

/// The keys of `type: page`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageConfig {
    /// The parameter of the page's number.
    #[serde(default = "page_param")]
    pub page_param: String,
    /// The number of the first page.
    #[serde(default = "one")]
    pub start_page: u64,
    /// The parameter of the page's size. It is sent if `per_page` is set.
    #[serde(default = "per_page_param")]
    pub per_page_param: String,
    /// How many records to ask for at once.
    #[serde(default)]
    pub per_page: Option<u64>,
    /// Where the parameters go.
    #[serde(default, rename = "in")]
    pub place: Place,
    /// Where the body tells how many records there are, such as `$.total`.
    #[serde(default)]
    pub total_path: Option<String>,
    /// The header that tells how many records there are, such as `X-Total-Count`.
    #[serde(default)]
    pub total_header: Option<String>,
    /// Where the body tells how many pages there are, such as `$.meta.pages`.
    #[serde(default)]
    pub pages_path: Option<String>,
    /// The header that tells how many pages there are, such as `X-Total-Pages`.
    #[serde(default)]
    pub pages_header: Option<String>,
    /// Where the body tells whether there are more pages, such as `$.has_more`.
    #[serde(default)]
    pub has_more_path: Option<String>,
}

/// The keys of `type: offset`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OffsetConfig {
    /// The parameter of the offset.
    #[serde(default = "offset_param")]
    pub offset_param: String,
    /// The offset of the first record.
    #[serde(default)]
    pub start_offset: u64,
    /// The parameter of the page's size.
    #[serde(default = "limit_param")]
    pub limit_param: String,
    /// How many records to ask for at once.
    #[serde(default = "limit")]
    pub limit: u64,
    /// Where the parameters go.
    #[serde(default, rename = "in")]
    pub place: Place,
    /// Where the body tells how many records there are, such as `$.total`.
    #[serde(default)]
    pub total_path: Option<String>,
    /// The header that tells how many records there are, such as `X-Total-Count`.
    #[serde(default)]
    pub total_header: Option<String>,
    /// Where the body tells whether there are more pages, such as `$.has_more`.
    #[serde(default)]
    pub has_more_path: Option<String>,
}

fn one() -> u64 {
    1
}

fn limit() -> u64 {
    100
}

fn page_param() -> String {
    "page".to_owned()
}

fn per_page_param() -> String {
    "per_page".to_owned()
}

fn offset_param() -> String {
    "offset".to_owned()
}

fn limit_param() -> String {
    "limit".to_owned()
}

fn cursor_param() -> String {
    "cursor".to_owned()
}

fn next() -> String {
    "next".to_owned()
}
