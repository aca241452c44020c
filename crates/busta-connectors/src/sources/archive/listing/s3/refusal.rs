//! Error documents of S3. <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use busta_core::{Error, ErrorKind};

use super::document::local;
use crate::formats::markup::entity::{Declared, decode};
use crate::formats::markup::token::{Token, Tokens};
use crate::http::excerpt;

/// What an error document says: its `Code` and `Message`, and what to do. `None` if the body is none.
pub fn refusal(body: &[u8]) -> Option<Error> {
    let text = String::from_utf8_lossy(body);
    let said = Said::read(&text)?;
    let (kind, hint) = meaning(&said.code);
    let mut message = format!("the bucket answers {}", excerpt(said.code.as_bytes()));
    if !said.message.is_empty() {
        message.push_str(&format!(": {}", excerpt(said.message.trim_end_matches('.').as_bytes())));
    }
    let error = Error::new(kind, message);
    Some(match (said.endpoint, hint) {
        (Some(endpoint), _) => error.hint(format!("the bucket is at {}", excerpt(endpoint.as_bytes()))),
        (None, Some(hint)) => error.hint(hint),
        (None, None) => error,
    })
}

#[derive(Default)]
struct Said {
    code: String,
    message: String,
    endpoint: Option<String>,
}

impl Said {
    fn read(text: &str) -> Option<Self> {
        let mut said = Self::default();
        let mut path: Vec<&str> = Vec::new();
        for token in Tokens::new(text) {
            match token {
                Token::Start { name, empty, .. } => {
                    if path.is_empty() && local(name) != "Error" {
                        return None;
                    }
                    if !empty {
                        path.push(local(name));
                    }
                }
                Token::End { .. } => {
                    path.pop();
                }
                Token::Text(text) | Token::CData(text) => {
                    let text = || decode(text.trim(), &Declared::default()).into_owned();
                    match path.as_slice() {
                        ["Error", "Code"] => said.code = text(),
                        ["Error", "Message"] => said.message = text(),
                        ["Error", "Endpoint"] => said.endpoint = Some(text()),
                        _ => {}
                    }
                }
                Token::Doctype(_) => {}
            }
        }
        (!said.code.is_empty()).then_some(said)
    }
}

/// What a code means, and what to do about it.
fn meaning(code: &str) -> (ErrorKind, Option<&'static str>) {
    match code {
        "AccessDenied" | "AllAccessDisabled" => (
            ErrorKind::Auth,
            Some(
                "the bucket may not be listed without credentials; `discover: {type: template}` needs no listing",
            ),
        ),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
            (ErrorKind::Auth, Some("check the credentials"))
        }
        "NoSuchBucket" | "NoSuchKey" => (ErrorKind::NotFound, Some("check the address of the bucket")),
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => {
            (ErrorKind::Data, Some("take the address of the bucket's own region"))
        }
        "SlowDown" | "RequestLimitExceeded" | "TooManyRequests" => (ErrorKind::RateLimited, None),
        "InternalError" | "ServiceUnavailable" | "RequestTimeout" | "OperationAborted" => {
            (ErrorKind::Unavailable, None)
        }
        _ => (ErrorKind::Data, None),
    }
}
