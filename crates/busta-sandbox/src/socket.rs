//! The socket under a connection, with the two faults that no HTTP library can make.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What goes over the line instead of an answer when it is noisy.
const NOISE: &[u8] = b"\x16\x03\x01\xff\xfe SSH-2.0-???\x00\x01\x02 this is not HTTP\n\xc3\x28\n";

/// What a handler can do to the connection its request came over.
pub(crate) struct Line {
    /// The address that was connected to.
    pub(crate) host: SocketAddr,
    reset: AtomicBool,
    noise: AtomicBool,
}

impl Line {
    pub(crate) fn new(host: SocketAddr) -> Self {
        Self { host, reset: AtomicBool::new(false), noise: AtomicBool::new(false) }
    }

    /// The connection ends with a TCP reset instead of an orderly close.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// Whatever is written from now on is replaced by bytes that are not HTTP.
    pub(crate) fn noise(&self) {
        self.noise.store(true, Ordering::Release);
    }
}

/// A TCP stream that does what its [`Line`] says.
pub(crate) struct Socket {
    stream: TcpStream,
    line: Arc<Line>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, line: Arc<Line>) -> Self {
        Self { stream, line }
    }

    fn noisy(&self) -> bool {
        self.line.noise.load(Ordering::Acquire)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.reset.load(Ordering::Acquire) {
            // A socket that lingers for no time is closed with RST. If the option cannot be set, the
            // socket is gone already.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.noisy() {
            ready!(Pin::new(&mut self.stream).poll_write(cx, NOISE))?;
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.noisy() {
            ready!(Pin::new(&mut self.stream).poll_write(cx, NOISE))?;
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
