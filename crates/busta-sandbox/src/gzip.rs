//! Compression, for routes that are asked to and clients that accept it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use crate::body::Content;
use crate::reply::Reply;

/// The same answer compressed, if the profile has `gzip` on, the client accepts it and there is a body.
pub(crate) async fn encode(mut reply: Reply, request: &HeaderMap, on: bool) -> Reply {
    if !on || !accepts(request) || !reply.content.is_at_hand() {
        return reply;
    }
    let plain = reply.content.into_bytes();
    if plain.is_empty() {
        reply.content = Content::whole(plain);
        return reply;
    }
    let copy = plain.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(copy.len() / 4), Compression::fast());
        encoder.write_all(&copy).and_then(|()| encoder.finish())
    })
    .await;
    match packed {
        Ok(Ok(packed)) => {
            reply.content = Content::whole(packed);
            reply.header("content-encoding", "gzip").header("vary", "accept-encoding")
        }
        _ => {
            reply.content = Content::whole(plain);
            reply
        }
    }
}

fn accepts(request: &HeaderMap) -> bool {
    let codings = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    codings.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        matches!(name.trim(), "gzip" | "*") && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}
