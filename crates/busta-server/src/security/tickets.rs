use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::token::random_hex;
use super::{Pass, TokenHash};
use crate::problem::Problem;

/// How long a ticket may be used: as long as a browser takes to open a stream, also on a poor line.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// How many unused tickets there may be.
const MOST: usize = 10_000;

/// Tickets for the activity stream: a browser's `EventSource` cannot send a header, and a token in an address
/// would end up in logs. A ticket works once, soon, and for nothing else.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<[u8; 32], Ticket>>);

struct Ticket {
    until: Instant,
    /// Of the one who asked for it.
    pass: Pass,
}

impl Tickets {
    /// A new ticket for who was let in with `pass`.
    pub(crate) fn issue(&self, pass: Pass) -> Result<String, Problem> {
        let text = random_hex()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if open.len() >= MOST {
            open.retain(|_, ticket| ticket.until > now);
        }
        if open.len() >= MOST {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many tickets are waiting to be used",
            )
            .retry_after(LIFETIME));
        }
        // Kept as a hash: its lookup then takes a time that tells nothing of any ticket.
        open.insert(*TokenHash::of(&text).as_bytes(), Ticket { until: now + LIFETIME, pass });
        Ok(text)
    }

    /// Uses a ticket up and gives the pass of the one who asked for it; `None` if it is unknown, used or
    /// expired.
    pub(crate) fn redeem(&self, ticket: &str) -> Option<Pass> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = open.remove(TokenHash::of(ticket).as_bytes())?;
        (ticket.until > Instant::now()).then_some(ticket.pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_works_once_and_soon() {
        let tickets = Tickets::default();
        let pass = Pass::Token(TokenHash::of("t"));
        let (first, second) = (tickets.issue(pass).unwrap(), tickets.issue(Pass::Open).unwrap());
        assert_eq!(tickets.redeem(&first), Some(pass));
        assert_eq!(tickets.redeem(&first), None, "used");
        tokio::time::advance(LIFETIME).await;
        assert_eq!(tickets.redeem(&second), None, "expired");
        assert_eq!(tickets.redeem("made up"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_do_not_pile_up() {
        let tickets = Tickets::default();
        for _ in 0..MOST {
            tickets.issue(Pass::Open).unwrap();
        }
        assert_eq!(tickets.issue(Pass::Open).unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::advance(LIFETIME).await;
        tickets.issue(Pass::Open).unwrap();
        assert_eq!(tickets.0.lock().unwrap().len(), 1);
    }
}
