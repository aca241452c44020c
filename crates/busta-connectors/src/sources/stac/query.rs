//! What is searched for, and how a request says it.

use busta_core::{CursorValue, Error, Result};
use serde_json::{Map, Value, json};
use url::Url;

use super::config::{Fields, Filter};
use super::landing::{Endpoint, How, below};
use super::time::Interval;

/// What is searched for, besides collections and pieces of time.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The time.
    pub datetime: Interval,
    /// The box.
    pub bbox: Option<Vec<f64>>,
    /// The geometry.
    pub intersects: Option<Map<String, Value>>,
    /// Ids.
    pub ids: Vec<String>,
    /// Conditions of the query extension.
    pub query: Option<Map<String, Value>>,
    /// A condition in CQL2.
    pub filter: Option<Filter>,
    /// Which fields items have.
    pub fields: Option<Fields>,
    /// The order: the field, and whether it falls.
    pub sortby: Vec<(String, bool)>,
    /// The size of a page.
    pub limit: u64,
    /// The property that says when an item was changed last, without `properties.`.
    pub updated: Option<String>,
}

/// What one request asks for besides.
#[derive(Clone, Debug, Default)]
pub struct Asking<'a> {
    /// Its collections; all if empty.
    pub collections: &'a [String],
    /// The time.
    pub datetime: Option<Interval>,
    /// Only what was changed since then.
    pub since: Option<&'a CursorValue>,
    /// The size of the page.
    pub limit: u64,
}

/// The first request of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct First {
    /// Where it goes.
    pub url: Url,
    /// What to POST.
    pub body: Option<Map<String, Value>>,
}

impl Search {
    /// Whether `endpoint` takes all of it. What an endpoint does not take it would pass over in
    /// silence, and give items that nobody asked for.
    pub fn check(&self, endpoint: &Endpoint) -> Result<()> {
        let can = endpoint.can;
        let is_json = matches!(self.filter, Some(Filter::Json(_)));
        let missing: Vec<&str> = [
            ("query", self.query.is_some() && !can.query),
            ("fields", self.fields.is_some() && !can.fields),
            ("sortby", !self.sortby.is_empty() && !can.sort),
            ("filter", self.filter.is_some() && !can.filter),
            ("ids", !self.ids.is_empty() && endpoint.how == How::Items),
            ("intersects", self.intersects.is_some() && endpoint.how == How::Items),
        ]
        .into_iter()
        .filter_map(|(key, is_missing)| is_missing.then_some(key))
        .collect();
        if !missing.is_empty() {
            let what = if endpoint.how == How::Items {
                "this API has no search, and its collections do not take"
            } else {
                "this API's search does not take"
            };
            return Err(Error::config(format!(
                "{what} `{}`: its conformance classes do not name them",
                missing.join("`, `")
            ))
            .hint("leave them out, and use a `filter` under `transforms` where it must be so"));
        }
        if self.filter.is_some() && (can.text || can.json) && !(if is_json { can.json } else { can.text }) {
            let (has, wants) = if is_json { ("text", "JSON (a mapping)") } else { ("JSON", "text") };
            return Err(Error::config(format!(
                "this API takes CQL2 {has} only, and `filter` is CQL2 {wants}"
            ))
            .hint(format!("write `filter` as CQL2 {has}")));
        }
        Ok(())
    }

    /// Whether an item's times are among the fields that it comes with.
    pub fn shows_times(&self) -> bool {
        const TIMES: [&str; 3] =
            ["properties.datetime", "properties.start_datetime", "properties.end_datetime"];
        let Some(fields) = &self.fields else { return true };
        let names = |list: &[String], name: &str| {
            list.iter().any(|known| known.trim_start_matches(['+', '-']) == name)
        };
        let excluded =
            names(&fields.exclude, "properties") || TIMES.iter().any(|time| names(&fields.exclude, time));
        let included = fields.include.is_empty()
            || names(&fields.include, "properties")
            || TIMES.iter().all(|time| names(&fields.include, time));
        included && !excluded
    }

    /// Whether items come in the order of the cursor field, the oldest first.
    pub fn rises(&self) -> bool {
        let name = |field: &str| field.strip_prefix("properties.").unwrap_or(field).to_owned();
        let first = self.sortby.first().filter(|(_, falls)| !falls);
        first.is_some_and(|(field, _)| Some(name(field)) == self.updated)
    }

    /// How `endpoint` can be asked for what was changed since a time: not at all, if this is `None`.
    pub fn takes_since(&self, endpoint: &Endpoint) -> bool {
        self.updated.is_some() && (endpoint.can.filter || endpoint.can.query)
    }

    /// The first request to `endpoint`.
    pub fn first(&self, endpoint: &Endpoint, asking: &Asking<'_>) -> Result<First> {
        let (query, filter) = self.conditions(endpoint, asking.since);
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        if endpoint.how != How::Items && !asking.collections.is_empty() {
            set("collections", json!(asking.collections));
        }
        if !self.ids.is_empty() {
            set("ids", json!(self.ids));
        }
        if let Some(bbox) = &self.bbox {
            set("bbox", json!(bbox.iter().map(|number| plain_number(*number)).collect::<Vec<_>>()));
        }
        if let Some(geometry) = &self.intersects {
            set("intersects", Value::Object(geometry.clone()));
        }
        if let Some(datetime) = asking.datetime {
            set("datetime", json!(datetime.to_string()));
        }
        if let Some(query) = query {
            set("query", Value::Object(query));
        }
        if let Some(filter) = filter {
            let (language, filter) = match filter {
                Filter::Json(json) => ("cql2-json", Value::Object(json)),
                Filter::Text(text) => ("cql2-text", Value::String(text)),
            };
            set("filter-lang", json!(language));
            set("filter", filter);
        }
        set("limit", json!(asking.limit));
        if endpoint.how == How::Post {
            self.add_post_forms(&mut body);
            return Ok(First { url: endpoint.url.clone(), body: Some(body) });
        }
        let mut url = match (endpoint.how, asking.collections) {
            (How::Items, [collection]) => below(&endpoint.url, &[collection, "items"])?,
            (How::Items, _) => return Err(Error::bug("items are asked for one collection at a time")),
            _ => endpoint.url.clone(),
        };
        {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in &body {
                pairs.append_pair(name, &as_parameter(name, value));
            }
            self.add_get_forms(|name, value| {
                pairs.append_pair(name, value);
            });
        }
        Ok(First { url, body: None })
    }

    fn add_post_forms(&self, body: &mut Map<String, Value>) {
        if let Some(fields) = &self.fields {
            body.insert("fields".into(), json!({ "include": fields.include, "exclude": fields.exclude }));
        }
        if !self.sortby.is_empty() {
            let order = |(field, falls): &(String, bool)| json!({ "field": field, "direction": if *falls { "desc" } else { "asc" } });
            body.insert("sortby".into(), self.sortby.iter().map(order).collect());
        }
    }

    fn add_get_forms(&self, mut add: impl FnMut(&str, &str)) {
        if let Some(fields) = &self.fields {
            let excluded = fields.exclude.iter().map(|field| format!("-{field}"));
            let all: Vec<String> = fields.include.iter().cloned().chain(excluded).collect();
            add("fields", &all.join(","));
        }
        if !self.sortby.is_empty() {
            let order =
                |(field, falls): &(String, bool)| format!("{}{field}", if *falls { "-" } else { "+" });
            add("sortby", &self.sortby.iter().map(order).collect::<Vec<_>>().join(","));
        }
    }

    /// The conditions with that on the last change, in whichever language the endpoint has.
    fn conditions(
        &self,
        endpoint: &Endpoint,
        since: Option<&CursorValue>,
    ) -> (Option<Map<String, Value>>, Option<Filter>) {
        let (query, filter) = (self.query.clone(), self.filter.clone());
        let (Some(since), Some(updated)) = (since, &self.updated) else { return (query, filter) };
        let value = match since {
            CursorValue::Integer(number) => json!(number),
            CursorValue::Float(number) => json!(number),
            CursorValue::Text(text) => json!(text),
        };
        let can = endpoint.can;
        let by_filter = can.filter && (filter.is_some() || !can.query);
        if by_filter {
            return (query, Some(since_filter(filter, updated, since, &value, can.text && !can.json)));
        }
        if can.query {
            let mut query = query.unwrap_or_default();
            let known = query.entry(updated.clone()).or_insert_with(|| json!({}));
            if let Value::Object(conditions) = known {
                conditions.insert("gte".into(), value);
            }
            return (Some(query), filter);
        }
        (query, filter)
    }
}

fn since_filter(
    filter: Option<Filter>,
    field: &str,
    since: &CursorValue,
    value: &Value,
    text_only: bool,
) -> Filter {
    let is_time = matches!(since, CursorValue::Text(_));
    match filter {
        Some(Filter::Text(text)) => {
            Filter::Text(format!("({text}) AND {}", since_text(field, value, is_time)))
        }
        None if text_only => Filter::Text(since_text(field, value, is_time)),
        known => {
            let value = if is_time { json!({ "timestamp": value }) } else { value.clone() };
            let newer = json!({ "op": ">=", "args": [{ "property": field }, value] });
            let all = match known {
                Some(Filter::Json(known)) => json!({ "op": "and", "args": [known, newer] }),
                _ => newer,
            };
            Filter::Json(all.as_object().cloned().unwrap_or_default())
        }
    }
}

fn since_text(field: &str, value: &Value, is_time: bool) -> String {
    match value.as_str() {
        Some(time) if is_time => format!("\"{field}\" >= TIMESTAMP('{}')", time.replace('\'', "''")),
        _ => format!("\"{field}\" >= {value}"),
    }
}

/// `-122` rather than `-122.0`.
fn plain_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}

fn as_parameter(name: &str, value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(list) if matches!(name, "collections" | "ids" | "bbox") => {
            list.iter().map(plain).collect::<Vec<_>>().join(",")
        }
        value => plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::landing::Extensions;
    use super::*;

    fn endpoint(how: How) -> Endpoint {
        let can = Extensions { query: true, fields: true, sort: true, filter: true, text: true, json: true };
        Endpoint { url: Url::parse("https://a.example/search").unwrap(), how, can }
    }

    fn search() -> Search {
        Search {
            bbox: Some(vec![-122.5, 37.0, -122.0, 38.0]),
            ids: vec!["a".into(), "b".into()],
            fields: Some(Fields { include: vec!["id".into()], exclude: vec!["geometry".into()] }),
            sortby: vec![("properties.datetime".into(), true), ("id".into(), false)],
            query: json!({ "eo:cloud_cover": { "lt": 10 } }).as_object().cloned(),
            limit: 10,
            ..Search::default()
        }
    }

    fn asking(collections: &[String]) -> Asking<'_> {
        let datetime = Interval::parse("2024-01-01T00:00:00Z/..").ok();
        Asking { collections, datetime, since: None, limit: 10 }
    }

    #[test]
    fn one_search_in_two_forms() {
        let first = search().first(&endpoint(How::Post), &asking(&["c".into()])).unwrap();
        assert_eq!(
            Value::Object(first.body.unwrap()),
            json!({
                "collections": ["c"], "ids": ["a", "b"], "bbox": [-122.5, 37, -122, 38],
                "datetime": "2024-01-01T00:00:00Z/..", "query": { "eo:cloud_cover": { "lt": 10 } },
                "fields": { "include": ["id"], "exclude": ["geometry"] },
                "sortby": [
                    { "field": "properties.datetime", "direction": "desc" },
                    { "field": "id", "direction": "asc" },
                ],
                "limit": 10,
            })
        );
        let first = search().first(&endpoint(How::Get), &asking(&["c".into()])).unwrap();
        let pairs: Vec<_> = first.url.query_pairs().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            pairs,
            [
                "bbox=-122.5,37,-122,38",
                "collections=c",
                "datetime=2024-01-01T00:00:00Z/..",
                "ids=a,b",
                "limit=10",
                r#"query={"eo:cloud_cover":{"lt":10}}"#,
                "fields=id,-geometry",
                "sortby=-properties.datetime,+id",
            ]
        );
    }

    #[test]
    fn collections_without_a_search_have_their_own_urls() {
        let search = Search { limit: 5, ..Search::default() };
        let mut endpoint = endpoint(How::Items);
        endpoint.url = Url::parse("https://a.example/v1/collections/").unwrap();
        let first = search.first(&endpoint, &asking(&["a b/c".into()])).unwrap();
        assert!(
            first.url.as_str().starts_with("https://a.example/v1/collections/a%20b%2Fc/items?datetime="),
            "{}",
            first.url
        );
    }

    #[test]
    fn newer_is_asked_for_in_the_language_at_hand() {
        let since = CursorValue::Text("2024-01-01T00:00:00Z".into());
        let ask = |search: Search, query: bool, filter: bool| {
            let mut endpoint = endpoint(How::Post);
            (endpoint.can.query, endpoint.can.filter) = (query, filter);
            let search = Search { updated: Some("updated".into()), ..search };
            let asking = Asking { since: Some(&since), ..Asking::default() };
            let body = search.first(&endpoint, &asking).unwrap().body.unwrap();
            (body.get("query").cloned(), body.get("filter").cloned())
        };
        let newer = json!({ "op": ">=", "args": [{ "property": "updated" }, { "timestamp": "2024-01-01T00:00:00Z" }] });
        assert_eq!(
            ask(Search::default(), true, true).0.unwrap(),
            json!({ "updated": { "gte": "2024-01-01T00:00:00Z" } })
        );
        assert_eq!(ask(Search::default(), false, true), (None, Some(newer.clone())));
        let mine = json!({ "op": "=", "args": [1, 1] });
        let with = |filter: Filter| Search { filter: Some(filter), ..Search::default() };
        let both = ask(with(Filter::Json(mine.as_object().cloned().unwrap())), true, true).1.unwrap();
        assert_eq!(both, json!({ "op": "and", "args": [mine, newer] }));
        let text = ask(with(Filter::Text("a = 1 OR b = 2".into())), true, true).1.unwrap();
        assert_eq!(text, json!("(a = 1 OR b = 2) AND \"updated\" >= TIMESTAMP('2024-01-01T00:00:00Z')"));
        assert_eq!(ask(Search::default(), false, false), (None, None));
    }

    #[test]
    fn what_is_not_taken_is_an_error() {
        let mut weak = endpoint(How::Post);
        weak.can = Extensions::default();
        let error = search().check(&weak).unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Config);
        assert!(error.message().contains("`query`, `fields`, `sortby`"), "{error}");
        weak.how = How::Items;
        assert!(search().check(&weak).unwrap_err().message().contains("`ids`"));
        let text = Search { filter: Some(Filter::Text("a = 1".into())), ..Search::default() };
        let mut json_only = endpoint(How::Post);
        json_only.can.text = false;
        assert!(text.check(&json_only).unwrap_err().message().contains("CQL2 JSON only"));
        assert!(text.check(&endpoint(How::Post)).is_ok());
    }
}
