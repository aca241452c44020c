//! Reading an answer to its end, and never further than agreed.

use busta_core::units::ByteSize;
use busta_core::{Error, Result};
use bytes::{Bytes, BytesMut};

use super::transport;

/// What to do with a body that is longer than its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// It is an error.
    Fail,
    /// Its beginning will do.
    Cut,
}

/// A length that a server merely claims reserves no more than this, once its second chunk is there. What is large is
/// only address space until it is filled.
const MAX_RESERVED: u64 = 8 << 20;

/// The body, of at most `cap` bytes after decompression; `seen` counts them as they come.
pub(super) async fn read(
    answer: &mut reqwest::Response,
    cap: u64,
    overflow: Overflow,
    seen: &mut u64,
) -> Result<Bytes> {
    let too_long = || {
        Error::data(format!("the answer is longer than {}", ByteSize(cap)))
            .hint("ask for smaller pages, or raise `max_response_size`")
    };
    if overflow == Overflow::Fail && answer.content_length().is_some_and(|length| length > cap) {
        return Err(too_long());
    }
    let Some(first) = answer.chunk().await.map_err(transport::error)? else { return Ok(Bytes::new()) };
    *seen += first.len() as u64;
    let mut body: Option<BytesMut> = None;
    while *seen <= cap {
        let Some(chunk) = answer.chunk().await.map_err(transport::error)? else {
            return Ok(body.map_or(first, BytesMut::freeze));
        };
        *seen += chunk.len() as u64;
        let claimed = answer.content_length().unwrap_or(0).min(MAX_RESERVED).min(cap);
        let expected = claimed.max(*seen * 2) as usize;
        let all = body.get_or_insert_with(|| {
            let mut all = BytesMut::with_capacity(expected);
            all.extend_from_slice(&first);
            all
        });
        all.extend_from_slice(&chunk);
    }
    match overflow {
        Overflow::Fail => Err(too_long()),
        Overflow::Cut => {
            let all = body.map_or(first, BytesMut::freeze);
            Ok(all.slice(..all.len().min(cap as usize)))
        }
    }
}
