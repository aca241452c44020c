//! Who may ask for what.
//!
//! Without tokens the server is open, and only then does it serve loopback addresses alone, guard against
//! pages of other origins ([`origin`]), and need no more: a browser sends no token by itself, so where tokens
//! are needed no foreign page can act in its user's name.

mod guard;
mod headers;
mod origin;
mod pass;
mod rate;
mod tickets;
mod token;

pub(crate) use guard::{guard, too_large};
pub(crate) use headers::{TEXT_PAGE_POLICY, add as add_headers};
pub(crate) use pass::Pass;
pub use rate::RateLimit;
pub(crate) use rate::Rates;
pub(crate) use tickets::{LIFETIME as TICKET_LIFETIME, Tickets};
pub use token::{Role, Token, TokenHash, TokenSet, Tokens};
