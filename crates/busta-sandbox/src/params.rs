//! The parameters of a request: those of the query, and behind them those of a JSON or form body.

use serde_json::Value;
use url::form_urlencoded;

use crate::reply::Reply;

/// Names and values in their order. Where a name comes twice, the first counts, so the query wins
/// over the body: a `next` URL can be asked for with the body of the first request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    query: Vec<(String, String)>,
    body: Vec<(String, String)>,
}

impl Params {
    /// Reads the query and, if there is one, the body: a JSON object, or a form.
    pub(crate) fn read(query: &str, media_type: &str, body: &[u8]) -> Result<Self, Reply> {
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let body = match (body.is_empty(), media_type.starts_with("application/x-www-form-urlencoded")) {
            (true, _) => Vec::new(),
            (false, true) => form_urlencoded::parse(body).into_owned().collect(),
            (false, false) => read_json(body)?,
        };
        Ok(Self { query, body })
    }

    /// The value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().chain(&self.body).find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` as a number, or the 400 that says it is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Reply> {
        let wrong = |text| Reply::bad_request(&format!("`{name}={text}` is not a whole number from 0 up"));
        self.get(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// All of them, in their order.
    pub(crate) fn all(&self) -> Vec<(&str, &str)> {
        self.query.iter().chain(&self.body).map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// Whether `name` is set to something that means yes.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "0" | "false" | "no"))
    }

    /// The query without `name`.
    pub(crate) fn query_without(&self, name: &str) -> String {
        let others = self.query.iter().filter(|(key, _)| key != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish()
    }

    /// The query with `name` set to `value`.
    pub(crate) fn query_with(&self, name: &str, value: &str) -> String {
        let others = self.query.iter().filter(|(key, _)| key != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(name, value).finish()
    }
}

fn read_json(body: &[u8]) -> Result<Vec<(String, String)>, Reply> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(Reply::bad_request("the body is not a JSON object"));
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    Ok(fields.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_over_the_body() {
        let params = Params::read("page=2&q=a%20b", "application/json", br#"{"page":1,"limit":5,"x":null}"#)
            .ok()
            .unwrap();
        assert_eq!(params.get("page"), Some("2"));
        assert_eq!(params.number("limit").ok().unwrap(), Some(5));
        assert_eq!(params.get("q"), Some("a b"));
        assert_eq!(params.get("x"), None);
        assert_eq!(params.query_with("page", "3"), "q=a+b&page=3");
        assert!(params.number("q").is_err());
        assert!(Params::read("", "application/json", b"[1]").is_err());
    }

    #[test]
    fn forms_are_read() {
        let params =
            Params::read("", "application/x-www-form-urlencoded", b"grant_type=password&a=%2B").ok().unwrap();
        assert_eq!((params.get("grant_type"), params.get("a")), (Some("password"), Some("+")));
    }
}
