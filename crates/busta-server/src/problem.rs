//! Errors as clients see them: problem documents. <https://www.rfc-editor.org/rfc/rfc9457>

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use busta_core::secret::redact;
use busta_core::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problem documents.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong with a request: the answer, on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Document>);

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:busta:problem:not-found",
    "title": "Not Found",
    "status": 404,
    "detail": "there is no source \"ordres\"",
    "hint": "the sources are orders, news",
    "instance": "/api/v1/sources/ordres",
}))]
pub(crate) struct Document {
    /// What kind of problem it is: `urn:busta:problem:` and a word for each status.
    #[serde(rename = "type")]
    kind: String,
    /// The same for people.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What happened, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// What is wrong with each parameter or field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// What is wrong with one parameter, or one field of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The parameter of the query or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The field of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What is wrong with it.
    reason: String,
}

impl Fault {
    pub(crate) fn parameter(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), field: None, reason: reason.into() }
    }

    pub(crate) fn field(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { parameter: None, field: Some(name.into()), reason: reason.into() }
    }
}

impl Problem {
    /// A problem that its status says all about.
    pub(crate) fn of(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let word = title.to_ascii_lowercase().replace(' ', "-");
        Self(Box::new(Document {
            kind: format!("urn:busta:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            hint: None,
            instance: None,
            errors: Vec::new(),
            retry_after_s: None,
        }))
    }

    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut problem = Self::of(status);
        problem.0.detail = Some(detail.into());
        problem
    }

    /// The service made a mistake, which nobody outside needs to know.
    pub(crate) fn mistake() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server made a mistake; its log says which")
    }

    /// Parameters or fields are wrong.
    pub(crate) fn invalid(errors: Vec<Fault>) -> Self {
        let reasons: Vec<&str> = errors.iter().map(|fault| fault.reason.as_str()).collect();
        let mut problem = Self::new(StatusCode::BAD_REQUEST, reasons.join("; "));
        problem.0.errors = errors;
        problem
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// When it may be tried again; whole seconds, one at least.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after_s = Some(wait.as_secs_f64().ceil().max(1.0) as u64);
        self
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer as it goes out, for the request of this path.
    pub(crate) fn render(mut self, path: &str, response: &mut Response) {
        self.0.instance = Some(path.to_owned());
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        *response.body_mut() = body.into();
    }
}

impl IntoResponse for Problem {
    /// Without a body: that is [rendered](Problem::render) where the path is known, once for all answers.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"busta\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Config | ErrorKind::Data => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Auth | ErrorKind::Corrupt | ErrorKind::Cancelled | ErrorKind::Bug => {
                // Who asks cannot mend it, and need not know it.
                tracing::error!(kind = %error.kind(), "{}", redact(&error.to_string()));
                return Self::mistake();
            }
        };
        let problem = Self::new(status, redact(error.message()));
        let problem = match error.hint_text() {
            Some(hint) => problem.hint(redact(hint)),
            None => problem,
        };
        match (status, error.wait()) {
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, wait) => {
                problem.retry_after(wait.unwrap_or(Duration::from_secs(1)))
            }
            _ => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_errors_become_statuses() {
        let table = [
            (ErrorKind::Config, 400),
            (ErrorKind::Data, 400),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Conflict, 409),
            (ErrorKind::RateLimited, 429),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Auth, 500),
            (ErrorKind::Corrupt, 500),
            (ErrorKind::Cancelled, 500),
            (ErrorKind::Bug, 500),
        ];
        for (kind, status) in table {
            let problem = Problem::from(Error::new(kind, "what happened").hint("what to do"));
            assert_eq!(problem.0.status, status, "{kind}");
            let told = problem.0.detail.as_deref() == Some("what happened") && problem.0.hint.is_some();
            assert_eq!(told, status != 500, "only what the client can mend is told: {kind}");
        }
    }

    #[test]
    fn what_may_work_later_says_when() {
        let wait = Some(Duration::from_millis(2500));
        assert_eq!(Problem::from(Error::rate_limited("slow", wait)).0.retry_after_s, Some(3));
        assert_eq!(Problem::from(Error::unavailable("locked")).0.retry_after_s, Some(1));
        assert_eq!(Problem::from(Error::not_found("x")).0.retry_after_s, None);
    }
}
