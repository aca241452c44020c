//! Bodies: the honest one, and those that are cut, drip, or never end. Each carries the visit of its
//! request, so that the judge sees when it has been handed out or its client is gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::scope::Place;
use crate::stats::Visit;

/// A flooding body ends after so many bytes, for the sake of the machine it runs on.
const FLOOD_BYTES: u64 = 5 << 30;
/// In how many pieces a slow body comes.
const PIECES: usize = 20;

/// What is handed out.
pub(crate) struct Content(Box<Shape>);

enum Shape {
    /// Up to three parts in a row: the envelope around a page that is shared with other answers.
    Parts { parts: [Bytes; 3], next: usize },
    /// Half of a body that was announced whole, and then an error, which closes the connection.
    Cut { announced: u64, half: Bytes, waited: bool },
    /// A body in small pieces with pauses before them.
    Drip { rest: Bytes, piece: usize, pause: Duration, timer: Pin<Box<Sleep>> },
    /// The head, and then the same chunk again and again.
    Flood { head: Bytes, chunk: Bytes, left: u64 },
}

impl Content {
    fn new(shape: Shape) -> Self {
        Self(Box::new(shape))
    }

    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::parts([bytes.into(), Bytes::new(), Bytes::new()])
    }

    pub(crate) fn parts(parts: [Bytes; 3]) -> Self {
        Self::new(Shape::Parts { parts, next: 0 })
    }

    /// `head`, and then `chunk` until there were [`FLOOD_BYTES`].
    pub(crate) fn flood(head: Bytes, chunk: Bytes) -> Self {
        Self::new(Shape::Flood { head, chunk, left: FLOOD_BYTES })
    }

    /// Whether nothing was done to it yet.
    pub(crate) fn is_honest(&self) -> bool {
        matches!(*self.0, Shape::Parts { .. })
    }

    /// The bytes of an honest body in one piece; those of another are none of anybody's business.
    pub(crate) fn into_bytes(self) -> Bytes {
        match *self.0 {
            Shape::Parts { parts: [first, second, third], .. } if second.is_empty() && third.is_empty() => {
                first
            }
            Shape::Parts { parts, .. } => parts.concat().into(),
            Shape::Cut { half: rest, .. } | Shape::Drip { rest, .. } | Shape::Flood { head: rest, .. } => {
                rest
            }
        }
    }

    /// The same body, of which only half will come.
    pub(crate) fn cut(self) -> Self {
        let whole = self.into_bytes();
        let half = whole.slice(..whole.len() / 2);
        Self::new(Shape::Cut { announced: whole.len() as u64, half, waited: false })
    }

    /// The same body over `total` time.
    pub(crate) fn drip(self, total: Duration) -> Self {
        let rest = self.into_bytes();
        let piece = rest.len().div_ceil(PIECES).max(1);
        let pause = total / PIECES as u32;
        Self::new(Shape::Drip { rest, piece, pause, timer: Box::pin(sleep(pause)) })
    }

    fn left(&self) -> u64 {
        match &*self.0 {
            Shape::Parts { parts, next } => parts[*next..].iter().map(|part| part.len() as u64).sum(),
            Shape::Cut { announced, .. } => *announced,
            Shape::Drip { rest, .. } => rest.len() as u64,
            Shape::Flood { left, .. } => *left,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut *self.0 {
            Shape::Parts { parts, next } => {
                while let Some(part) = parts.get_mut(*next) {
                    *next += 1;
                    if !part.is_empty() {
                        return Poll::Ready(Some(Ok(std::mem::take(part))));
                    }
                }
                Poll::Ready(None)
            }
            Shape::Cut { announced, half, waited } => {
                if !half.is_empty() {
                    *announced -= half.len() as u64;
                    return Poll::Ready(Some(Ok(std::mem::take(half))));
                }
                if !*waited {
                    // What came before is written out while this body waits once.
                    *waited = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(io::Error::other("cut off on purpose"))))
            }
            Shape::Drip { rest, piece, pause, timer } => {
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                ready!(timer.as_mut().poll(cx));
                timer.set(sleep(*pause));
                let size = (*piece).min(rest.len());
                Poll::Ready(Some(Ok(rest.split_to(size))))
            }
            Shape::Flood { head, chunk, left } => {
                let next = if head.is_empty() { chunk.clone() } else { std::mem::take(head) };
                if *left == 0 {
                    return Poll::Ready(None);
                }
                *left = left.saturating_sub(next.len() as u64);
                Poll::Ready(Some(Ok(next)))
            }
        }
    }
}

/// A body, and the request's count as in flight.
pub(crate) struct Body {
    content: Content,
    held: Option<(Visit, Place)>,
}

impl Body {
    /// `silent` answers (to HEAD) are complete with their header.
    pub(crate) fn new(content: Content, mut visit: Visit, place: Place, silent: bool) -> Self {
        visit.complete = silent || content.left() == 0;
        Self { content, held: Some((visit, place)) }
    }

    /// A body that the judge does not see.
    pub(crate) fn uncounted(content: Content) -> Self {
        Self { content, held: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = ready!(self.content.poll(cx));
        let ended = self.content.left() == 0;
        if let (Some(Ok(bytes)), Some((visit, _))) = (&frame, &mut self.held) {
            visit.bytes += bytes.len() as u64;
            visit.complete |= ended;
        }
        if ended {
            self.held = None;
        }
        Poll::Ready(frame.map(|frame| frame.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.content.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        match *self.content.0 {
            Shape::Flood { .. } => SizeHint::default(),
            _ => SizeHint::with_exact(self.content.left()),
        }
    }
}
