use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::TokenHash;
use super::token::random_hex;
use crate::problem::Problem;

/// How long a ticket may be used: as long as a browser takes to open a stream, also on a poor line.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// How many unused tickets there may be.
const MOST: usize = 10_000;

/// Tickets for the activity stream: a browser's `EventSource` cannot send a header, and a token in an address
/// would end up in logs. A ticket works once, soon, and for nothing else.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<[u8; 32], Instant>>);

impl Tickets {
    /// A new ticket.
    pub(crate) fn issue(&self) -> Result<String, Problem> {
        let text = random_hex()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if open.len() >= MOST {
            open.retain(|_, until| *until > now);
        }
        if open.len() >= MOST {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many tickets are waiting to be used",
            )
            .retry_after(LIFETIME));
        }
        // Kept as a hash: its lookup then takes a time that tells nothing of any ticket.
        open.insert(*TokenHash::of(&text).as_bytes(), now + LIFETIME);
        Ok(text)
    }

    /// Uses a ticket up; false if it is unknown, used or expired.
    pub(crate) fn redeem(&self, ticket: &str) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(TokenHash::of(ticket).as_bytes()).is_some_and(|until| until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_works_once_and_soon() {
        let tickets = Tickets::default();
        let (first, second) = (tickets.issue().unwrap(), tickets.issue().unwrap());
        assert!(tickets.redeem(&first));
        assert!(!tickets.redeem(&first), "used");
        tokio::time::advance(LIFETIME).await;
        assert!(!tickets.redeem(&second), "expired");
        assert!(!tickets.redeem("made up"));
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_do_not_pile_up() {
        let tickets = Tickets::default();
        for _ in 0..MOST {
            tickets.issue().unwrap();
        }
        assert_eq!(tickets.issue().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::advance(LIFETIME).await;
        tickets.issue().unwrap();
        assert_eq!(tickets.0.lock().unwrap().len(), 1);
    }
}
