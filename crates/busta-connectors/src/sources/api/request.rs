//! The request for a page.

use busta_core::{Error, Result};
use url::Url;

use super::draft::Draft;
use super::pagination::Place;
use super::part::Part;
use super::stream::{Api, Stream};
use super::template::{FieldRef, Fields, Template, plain};
use crate::http::{Request, same_origin};

impl Api {
    /// The request for the page of `stream` at `place`.
    pub fn request(&self, stream: &Stream, part: &Part, place: &Place) -> Result<Request> {
        let base = &self.service(stream).base;
        let asked = &stream.endpoint(part)?.asked;
        let mut draft = Draft {
            url: url(base, &asked.path, &part.fields)?,
            params: render(&asked.params, &part.fields),
            body: asked.body.as_ref().map(|body| body.render(&part.fields)),
        };
        // What `follow` found stands alone: it has one page, and is as new as it is.
        if part.share.is_none() {
            if let Some(since) = &stream.since {
                since.ask(part.since.get(stream.spec.name.as_str()), &mut draft)?;
            }
            stream.pagination.ask(place, &mut draft)?;
        }
        let url = draft.full_url();
        let at_home = same_origin(base, &url);
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
}

fn url(base: &Url, path: &Template, fields: &Fields) -> Result<Url> {
    if let Some(field) = path.fields().find(|field| is_no_segment(field, fields)) {
        return Err(Error::data(format!(
            "`{}` is empty, `.` or `..`, which cannot stand in a path",
            field.key()
        )));
    }
    let path = path.render_path(fields);
    let text = format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
    Url::parse(&text).map_err(|e| Error::config(format!("`{path}` after `base_url` is no URL: {e}")))
}

fn is_no_segment(field: &FieldRef, fields: &Fields) -> bool {
    matches!(fields.get(&field.key()).map(plain).as_deref(), None | Some("" | "." | ".."))
}

fn render(params: &[(String, Template)], fields: &Fields) -> Vec<(String, String)> {
    params.iter().map(|(name, template)| (name.clone(), template.render(fields))).collect()
}
