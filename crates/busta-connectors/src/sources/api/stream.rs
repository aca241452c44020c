//! A stream as it is read: its configuration, checked and compiled.

use std::collections::BTreeMap;

use busta_core::{CursorValue, Error, HostKey, Result, Split, StreamSpec};
use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use url::Url;

use super::cut::Cut;
use super::draft::Draft;
use super::pagination::{Pagination, Place, Range};
use super::path::RecordsPath;
use super::since::Since;
use super::template::{FieldRef, Fields, JsonTemplate, Template, path_encoded, plain};
use crate::http::{HttpClient, Request, same_origin};

/// The source: its streams and what they share.
pub struct Api {
    /// What all paths start with, without a slash at its end.
    pub base: Url,
    /// Sends requests, with credentials.
    pub client: HttpClient,
    /// An answer longer than this is an error.
    pub max_response_bytes: u64,
    /// The streams, in the order of the configuration.
    pub streams: Vec<Stream>,
}

/// One kind of record, from one endpoint.
pub struct Stream {
    /// What the destination needs to know.
    pub spec: StreamSpec,
    /// How it is asked for.
    pub asked: Asked,
    /// Where the records are.
    pub records: RecordsPath,
    /// The records and the values for pagination, where the text can be cut without a tree.
    pub cut: Cut,
    /// How pages follow one another.
    pub pagination: Pagination,
    /// The field that says how new a record is.
    pub since: Option<Since>,
    /// Parents' fields that go into its records.
    pub include: Vec<(String, FieldRef)>,
    /// The streams that are read once for each of its records.
    pub children: Vec<Child>,
    /// The streams below it, itself included, by name: whose start cursors its splits carry.
    pub family: Vec<String>,
}

/// How a stream is asked for.
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path after the base URL.
    pub path: Template,
    /// Query parameters.
    pub params: Vec<(String, Template)>,
    /// Headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// A JSON body.
    pub body: Option<JsonTemplate>,
    /// A form.
    pub form: Option<Vec<(String, Template)>>,
}

/// A stream that is read once for each record of its parent.
pub struct Child {
    /// Its place in [`Api::streams`].
    pub stream: usize,
    /// The fields that its splits carry, for itself and the streams below it: from the parent's
    /// record, or from the split that the parent's record came with.
    pub fields: Vec<FieldRef>,
}

/// What a split of this connector is: stored with the checkpoint, so old forms must stay readable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The fields of the parents' records.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// Where the streams of the family start this time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, CursorValue>,
    /// Its pages, if it is not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

impl Api {
    /// Whose limits the requests count against.
    pub fn host(&self) -> HostKey {
        self.client.host_key(&self.base)
    }

    /// The split of `stream` that `part` describes.
    ///
    /// Its id names the parents' values and the pages: `orders`, `order_lines/17`,
    /// `orders?page=2-33`, `orders?page=34-`. Slashes in values are encoded.
    pub fn split(&self, stream: &Stream, part: &Part) -> Result<Split> {
        let mut id = stream.spec.name.as_str().to_owned();
        for value in part.fields.values() {
            id.push('/');
            id.push_str(&path_encoded(&plain(value)));
        }
        if let Some(range) = &part.range {
            let to = range.to.map(|to| to.to_string()).unwrap_or_default();
            id.push_str(&format!("?page={}-{to}", range.from + 1));
        }
        let subject = part.fields.iter().map(|(field, value)| (field.clone(), plain(value)));
        let split = Split::new(id, stream.spec.name.clone(), Some(self.host()), part)?;
        Ok(split.about(subject.collect()))
    }

    /// The request for the page of `stream` at `place`.
    pub fn request(&self, stream: &Stream, part: &Part, place: &Place) -> Result<Request> {
        let asked = &stream.asked;
        let mut draft = Draft {
            url: self.url(&asked.path, &part.fields)?,
            params: render(&asked.params, &part.fields),
            body: asked.body.as_ref().map(|body| body.render(&part.fields)),
        };
        if let Some(since) = &stream.since {
            since.ask(part.since.get(stream.spec.name.as_str()), &mut draft)?;
        }
        stream.pagination.ask(place, &mut draft)?;
        let url = draft.full_url();
        let at_home = same_origin(&self.base, &url);
        let mut request = Request::new(asked.method.clone(), url)
            .accept("application/json, */*;q=0.5")
            .max_response_bytes(self.max_response_bytes);
        if at_home {
            for (name, value) in &asked.headers {
                request = request.private_header(name.clone(), value.clone());
            }
        }
        match (&draft.body, &asked.form) {
            (Some(body), _) => request.json(body),
            (None, Some(form)) => {
                let fields = render(form, &part.fields);
                Ok(request.form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
            }
            (None, None) => Ok(request),
        }
    }

    fn url(&self, path: &Template, fields: &Fields) -> Result<Url> {
        let path = path.render_path(fields);
        let text = format!("{}/{}", self.base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
        Url::parse(&text).map_err(|e| Error::config(format!("`{path}` after `base_url` is no URL: {e}")))
    }
}

fn render(params: &[(String, Template)], fields: &Fields) -> Vec<(String, String)> {
    params.iter().map(|(name, template)| (name.clone(), template.render(fields))).collect()
}
