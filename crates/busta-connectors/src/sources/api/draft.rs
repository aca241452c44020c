//! A request while it is put together.

use busta_core::{Error, Result};
use serde_json::Value;
use url::Url;

use super::config::Place;

/// The parts of a request that pagination and cursors change.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it goes, without `params`.
    pub url: Url,
    /// Query parameters.
    pub params: Vec<(String, String)>,
    /// The JSON body.
    pub body: Option<Value>,
}

impl Draft {
    /// Sets a parameter, in the place of one with its name.
    pub fn set(&mut self, place: Place, name: &str, value: impl Into<Value>) -> Result<()> {
        let value = value.into();
        match place {
            Place::Query => {
                self.params.retain(|(known, _)| known != name);
                self.params.push((name.to_owned(), super::template::plain(&value)));
                Ok(())
            }
            Place::Body => {
                put(self.body.get_or_insert_with(|| Value::Object(Default::default())), name, value)
            }
        }
    }

    /// Goes to a complete URL instead, which has its own parameters.
    pub fn go_to(&mut self, url: Url) {
        self.url = url;
        self.params.clear();
    }

    /// The URL with its parameters.
    pub fn full_url(&self) -> Url {
        let mut url = self.url.clone();
        if !self.params.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.params);
        }
        url
    }
}

/// Puts `value` at a dotted path, making objects on the way.
fn put(body: &mut Value, path: &str, value: Value) -> Result<()> {
    let mut place = body;
    for name in path.split('.') {
        if place.is_null() {
            *place = Value::Object(Default::default());
        }
        let Value::Object(map) = place else {
            return Err(Error::config(format!(
                "`{path}` cannot be put into the body: `{name}` has no object"
            )));
        };
        place = map.entry(name).or_insert(Value::Null);
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(body: Option<Value>) -> Draft {
        let url = Url::parse("http://a.example/x?fixed=1").unwrap();
        Draft { url, params: vec![("page".into(), "1".into()), ("q".into(), "a b".into())], body }
    }

    #[test]
    fn parameters_are_replaced() {
        let mut draft = draft(None);
        draft.set(Place::Query, "page", 2).unwrap();
        assert_eq!(draft.full_url().as_str(), "http://a.example/x?fixed=1&q=a+b&page=2");
        draft.go_to(Url::parse("http://a.example/y?z=1").unwrap());
        assert_eq!(draft.full_url().as_str(), "http://a.example/y?z=1");
    }

    #[test]
    fn values_go_deep_into_bodies() {
        let mut draft = draft(Some(json!({"query": {"a": 1}, "text": "x"})));
        draft.set(Place::Body, "query.page.after", "c").unwrap();
        assert_eq!(draft.body, Some(json!({"query": {"a": 1, "page": {"after": "c"}}, "text": "x"})));
        assert!(draft.set(Place::Body, "text.page", 1).is_err());
    }
}
