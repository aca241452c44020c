//! A stream as it is read: its configuration, checked and compiled.

use busta_core::{Error, HostKey, Result, Split, StreamSpec};
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::cut::Cut;
use super::pagination::Pagination;
use super::part::Part;
use super::path::{RecordsPath, Segment};
use super::since::Since;
use super::template::{FieldRef, Fields, JsonTemplate, Template, plain};
use crate::http::HttpClient;
use crate::jq::Program;

/// The source: its streams and what they share.
pub struct Api {
    /// The APIs that they are read from.
    pub services: Vec<Service>,
    /// An answer longer than this is an error.
    pub max_response_bytes: u64,
    /// The streams, in the order of the configuration.
    pub streams: Vec<Stream>,
}

/// An API.
pub struct Service {
    /// What all paths start with, without a slash at its end.
    pub base: Url,
    /// Sends requests, with credentials.
    pub client: HttpClient,
}

/// One kind of record.
pub struct Stream {
    /// What the destination needs to know.
    pub spec: StreamSpec,
    /// The place of its API in [`Api::services`].
    pub service: usize,
    /// What it is read once for, if it has no parent.
    pub combinations: Vec<Fields>,
    /// Whether `with` gives some of the fields that its splits carry.
    pub has_with: bool,
    /// How it is asked for; `None` if it is made from its parent's records.
    pub endpoint: Option<Endpoint>,
    /// The further requests that its answers ask for, by kind.
    pub follow: Vec<Follow>,
    /// How pages follow one another.
    pub pagination: Pagination,
    /// The field that says how new a record is.
    pub since: Option<Since>,
    /// A split ends after so many records.
    pub max_records: Option<usize>,
    /// Fields of what its splits are read for that go into its records.
    pub include: Vec<(String, FieldRef)>,
    /// Statuses that are no failure where they answer a split's first request.
    pub skip: Vec<u16>,
    /// What its splits carry that tells no request from another.
    pub idle: Vec<String>,
    /// The streams that come from its records.
    pub children: Vec<Child>,
    /// The streams below it, itself included, by name: whose start cursors its splits carry.
    pub family: Vec<String>,
}

/// What is asked, and what is made of the answer.
pub struct Endpoint {
    /// The request.
    pub asked: Asked,
    /// Where the items are.
    pub records: RecordsPath,
    /// The items and the values for pagination, where the text can be cut without a tree.
    pub cut: Cut,
    /// Where the values for pagination are.
    pub values: Vec<Option<Vec<Segment>>>,
    /// Makes records of items.
    pub map: Option<Program>,
}

/// How something is asked for.
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

/// The further requests that answers ask for.
pub struct Follow {
    /// How they are asked for.
    pub endpoint: Endpoint,
    /// Finds them in an item.
    pub find: Option<Program>,
    /// Says which are the largest.
    pub largest: Option<Program>,
    /// At most so many for each request of the stream itself.
    pub limit: u32,
    /// What of the objects found its splits carry, and whether it must be there: because it stands in a placeholder.
    pub fields: Vec<(FieldRef, bool)>,
}

/// A stream that comes from the records of its parent.
pub struct Child {
    /// Its place in [`Api::streams`].
    pub stream: usize,
    /// The fields that its splits carry, for itself and the streams below it: from the parent's
    /// record, or from the split that the parent's record came with.
    pub fields: Vec<FieldRef>,
    /// How it comes from them.
    pub means: Means,
}

/// How a stream comes from the records of its parent.
pub enum Means {
    /// By requests, one split for each record; with values that programs make of it.
    Read(Vec<(String, Program)>),
    /// By a program, or as they are, without a request.
    Made(Option<Program>),
}

impl Stream {
    /// How the splits that `part` describes are asked for.
    pub fn endpoint(&self, part: &Part) -> Result<&Endpoint> {
        let endpoint = match part.share {
            Some(_) => self.follow.get(part.kind).map(|follow| &follow.endpoint),
            None => self.endpoint.as_ref(),
        };
        endpoint.ok_or_else(|| {
            let name = &self.spec.name;
            Error::config(format!(
                "the stream {name} is no longer read in the way in which this split was found"
            ))
            .hint("start a new run instead of resuming this one")
        })
    }

    /// Whether programs run on its items or records.
    pub fn runs_programs(&self) -> bool {
        let maps = |endpoint: &Endpoint| endpoint.map.is_some();
        let children = self.children.iter().any(|child| match &child.means {
            Means::Read(with) => !with.is_empty(),
            Means::Made(_) => true,
        });
        children || !self.follow.is_empty() || self.endpoint.as_ref().is_some_and(maps)
    }
}

impl Api {
    /// The API that `stream` is read from.
    pub fn service(&self, stream: &Stream) -> &Service {
        &self.services[stream.service]
    }

    /// Whose limits the requests of `stream` count against.
    pub fn host(&self, stream: &Stream) -> HostKey {
        let service = self.service(stream);
        service.client.host_key(&service.base)
    }

    /// The split of `stream` that `part` describes.
    pub fn split(&self, stream: &Stream, part: &Part) -> Result<Split> {
        let host = part.made.is_none().then(|| self.host(stream));
        let subject = part.fields.iter().map(|(field, value)| (field.clone(), plain(value)));
        let split = Split::new(part.id(stream), stream.spec.name.clone(), host, part)?;
        Ok(split.about(subject.collect()))
    }
}
