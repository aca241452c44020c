//! A request that is under way between two calls of a reader: one page ahead.
//!
//! A page is taken apart, handed on and encoded before its reader is asked for the next one. A reader that knows
//! the next request as soon as an answer has come sends it then, if the engine gives leave
//! ([`Meter::ahead`](busta_core::meter::Meter::ahead)), and finds the answer, or the error, in its next call. The
//! request lives in the reader and is dropped with it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use busta_core::Result;
use tokio::task::yield_now;

use super::client::HttpClient;
use super::request::Request;
use super::response::Response;

/// The answer to a request that was sent ahead, if one was.
#[derive(Default)]
pub struct UnderWay(State);

#[derive(Default)]
enum State {
    #[default]
    Nothing,
    Waiting(Pin<Box<dyn Future<Output = Result<Response>> + Send>>),
    Come(Box<Result<Response>>),
}

impl UnderWay {
    /// Begins `request`, if there is leave for it; the page before it had so many `bytes`. It is sent as soon as
    /// it is [attended](Self::attend) to.
    pub fn begin(client: &HttpClient, request: Request, bytes: usize) -> Self {
        if !client.ahead(request.url(), bytes) {
            return Self::default();
        }
        let client = client.clone();
        Self(State::Waiting(Box::pin(async move {
            // The connection that the page before it came on is free in a moment; else another one is opened.
            yield_now().await;
            client.send(request).await
        })))
    }

    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        !matches!(self.0, State::Nothing)
    }

    /// Goes on with it, as far as that goes without waiting.
    pub fn attend(&mut self, context: &mut Context<'_>) {
        if let State::Waiting(answer) = &mut self.0
            && let Poll::Ready(answer) = answer.as_mut().poll(context)
        {
            self.0 = State::Come(Box::new(answer));
        }
    }

    /// Carries `own` out, and goes on with the request meanwhile.
    pub async fn beside<T>(&mut self, own: impl Future<Output = T>) -> T {
        let mut own = pin!(own);
        poll_fn(|context| {
            self.attend(context);
            own.as_mut().poll(context)
        })
        .await
    }

    /// Waits for the answer; `None` if nothing was sent.
    pub async fn answer(self) -> Option<Result<Response>> {
        match self.0 {
            State::Nothing => None,
            State::Waiting(answer) => Some(answer.await),
            State::Come(answer) => Some(*answer),
        }
    }
}
