use super::{TokenHash, TokenSet};

/// As whom a request was let in. The guard puts it beside the request, for answers that go on and on: they
/// end when it does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Nobody needed a token.
    Open,
    /// With this token, or with a ticket that was got with it.
    Token(TokenHash),
}

impl Pass {
    /// Whether it would let somebody in now.
    pub(crate) fn holds(&self, tokens: &TokenSet) -> bool {
        match self {
            Self::Open => tokens.is_open(),
            Self::Token(hash) => tokens.has(hash),
        }
    }
}
