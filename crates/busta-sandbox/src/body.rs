//! Bodies: the honest one, and those that are cut, drip, or never end. Each carries the visit of its
//! request, so that the judge sees when it has been handed out or its client is gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::archive;
use crate::objects::Stretch;
use crate::scope::Place;
use crate::stats::Visit;

/// A flooding body ends after so many bytes, for the sake of the machine it runs on.
const FLOOD_BYTES: u64 = 5 << 30;
/// In how many pieces a slow body comes.
const PIECES: u64 = 20;

/// What is handed out.
pub(crate) struct Content(Box<Shape>);

enum Shape {
    /// All of it, as fast as it is taken.
    Honest(Source),
    /// Half of a body that was announced whole, and then an error, which closes the connection.
    Cut { announced: u64, half: Source, waited: bool },
    /// A body in small pieces with pauses before them.
    Drip { rest: Source, piece: u64, pause: Duration, timer: Pin<Box<Sleep>> },
    /// The head, and then the same chunk again and again.
    Flood { head: Bytes, chunk: Bytes, left: u64 },
}

/// Where the bytes of an honest body come from.
enum Source {
    /// Up to three parts in a row: the envelope around a page that is shared with other answers.
    Parts([Bytes; 3]),
    /// Bytes of an object, made when they are taken.
    Object(Stretch),
    /// Pieces of a file, shared with other answers.
    Blob(archive::Stretch),
}

impl Source {
    fn left(&self) -> u64 {
        match self {
            Self::Parts(parts) => parts.iter().map(|part| part.len() as u64).sum(),
            Self::Object(stretch) => stretch.left(),
            Self::Blob(stretch) => stretch.left(),
        }
    }

    /// The next bytes, `most` at most; none only at the end.
    fn take(&mut self, most: u64) -> Bytes {
        match self {
            Self::Parts(parts) => match parts.iter_mut().find(|part| !part.is_empty()) {
                Some(part) => part.split_to(most.min(part.len() as u64) as usize),
                None => Bytes::new(),
            },
            Self::Object(stretch) => stretch.take(most),
            Self::Blob(stretch) => stretch.take(most),
        }
    }

    /// The first `length` bytes of it.
    fn first(self, length: u64) -> Self {
        match self {
            Self::Parts(parts) => {
                let mut left = length;
                Self::Parts(parts.map(|part| {
                    let kept = left.min(part.len() as u64);
                    left -= kept;
                    part.slice(..kept as usize)
                }))
            }
            Self::Object(stretch) => Self::Object(stretch.first(length)),
            Self::Blob(stretch) => Self::Blob(stretch.first(length)),
        }
    }

    /// The same with another byte in its middle.
    fn corrupt(self) -> Self {
        match self {
            Self::Parts(parts) => {
                let mut whole = parts.concat();
                let middle = whole.len() / 2;
                whole.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 0x01);
                Self::Parts([whole.into(), Bytes::new(), Bytes::new()])
            }
            Self::Object(stretch) => Self::Object(stretch.corrupt()),
            Self::Blob(stretch) => Self::Blob(stretch.corrupt()),
        }
    }
}

impl Content {
    fn new(shape: Shape) -> Self {
        Self(Box::new(shape))
    }

    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::parts([bytes.into(), Bytes::new(), Bytes::new()])
    }

    pub(crate) fn parts(parts: [Bytes; 3]) -> Self {
        Self::new(Shape::Honest(Source::Parts(parts)))
    }

    /// Bytes of an object, which are never in memory as a whole.
    pub(crate) fn object(stretch: Stretch) -> Self {
        Self::new(Shape::Honest(Source::Object(stretch)))
    }

    /// Part of a file that is made of shared pieces.
    pub(crate) fn blob(stretch: archive::Stretch) -> Self {
        Self::new(Shape::Honest(Source::Blob(stretch)))
    }

    /// `head`, and then `chunk` until there were [`FLOOD_BYTES`].
    pub(crate) fn flood(head: Bytes, chunk: Bytes) -> Self {
        Self::new(Shape::Flood { head, chunk, left: FLOOD_BYTES })
    }

    /// Whether it lies in memory, whole and undamaged.
    pub(crate) fn is_at_hand(&self) -> bool {
        matches!(*self.0, Shape::Honest(Source::Parts(_)))
    }

    /// The bytes in one piece if it [is at hand](Self::is_at_hand), else none.
    pub(crate) fn into_bytes(self) -> Bytes {
        match *self.0 {
            Shape::Honest(Source::Parts([first, second, third])) => {
                if second.is_empty() && third.is_empty() {
                    return first;
                }
                [first, second, third].concat().into()
            }
            _ => Bytes::new(),
        }
    }

    /// Does something to an honest body; others stay as they are.
    fn honest(self, then: impl FnOnce(Source) -> Shape) -> Self {
        match *self.0 {
            Shape::Honest(source) => Self::new(then(source)),
            other => Self::new(other),
        }
    }

    /// The same body, of which only half will come.
    pub(crate) fn cut(self) -> Self {
        self.honest(|whole| {
            let announced = whole.left();
            Shape::Cut { announced, half: whole.first(announced / 2), waited: false }
        })
    }

    /// The same body over `total` time.
    pub(crate) fn drip(self, total: Duration) -> Self {
        self.honest(|rest| {
            let piece = rest.left().div_ceil(PIECES).max(1);
            let pause = total / PIECES as u32;
            Shape::Drip { rest, piece, pause, timer: Box::pin(sleep(pause)) }
        })
    }

    /// The same body with another byte in its middle.
    pub(crate) fn corrupt(self) -> Self {
        self.honest(|source| Shape::Honest(source.corrupt()))
    }

    fn left(&self) -> u64 {
        match &*self.0 {
            Shape::Honest(source) => source.left(),
            Shape::Cut { announced, .. } => *announced,
            Shape::Drip { rest, .. } => rest.left(),
            Shape::Flood { left, .. } => *left,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut *self.0 {
            Shape::Honest(source) => {
                let bytes = source.take(u64::MAX);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Shape::Cut { announced, half, waited } => {
                let bytes = half.take(u64::MAX);
                if !bytes.is_empty() {
                    *announced -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
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
                if rest.left() == 0 {
                    return Poll::Ready(None);
                }
                ready!(timer.as_mut().poll(cx));
                timer.set(sleep(*pause));
                Poll::Ready(Some(Ok(rest.take(*piece))))
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
