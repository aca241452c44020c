use std::fmt;
use std::sync::Arc;

use busta_core::secret::Secret;
use busta_core::{Error, Result};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// To look.
    Read,
    /// To look, and to start, stop, pause and retry.
    Operate,
}

impl Role {
    /// The role's name in tables and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Operate].into_iter().find(|role| role.as_str() == name)
    }
}

/// A new token: its text, which is shown once, and what is kept of it.
#[derive(Debug)]
pub struct Token {
    /// What a client sends. `busta_` in front lets scanners for leaked secrets know it.
    pub text: Secret,
    /// What the server keeps.
    pub hash: TokenHash,
}

impl Token {
    /// A token of 256 bits of chance from the system. Fails if the system has none.
    pub fn generate() -> Result<Self> {
        let text = format!("busta_{}", random_hex()?);
        let hash = TokenHash::of(&text);
        Ok(Self { text: Secret::new(text), hash })
    }
}

/// 256 bits of chance as 64 hex digits.
pub(super) fn random_hex() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::unavailable(format!("the system gives no random numbers: {error}")))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a token.
///
/// A slow hash with salt, as for passwords, would gain nothing: it makes guessing dear, and 256 random bits
/// cannot be guessed; but every request would pay for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of what a client sent.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The hash from its 32 bytes, as they were stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}…)", hex(&self.0[..4]))
    }
}

/// The tokens that are valid now.
#[derive(Clone, Debug, Default)]
pub struct TokenSet {
    valid: Vec<(TokenHash, Role)>,
    /// Nobody gets in without one, even if there is none.
    closed: bool,
}

impl TokenSet {
    /// These tokens.
    pub fn new(tokens: impl IntoIterator<Item = (TokenHash, Role)>) -> Self {
        Self { valid: tokens.into_iter().collect(), closed: false }
    }

    /// The same, but never open: there have been tokens. To revoke the last one must not let everybody in.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { closed: true, ..self }
    }

    /// Whether nobody needs one.
    pub fn is_open(&self) -> bool {
        self.valid.is_empty() && !self.closed
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.valid.is_empty()
    }

    /// Whether the token of this hash is one of them. The hash is not what a client sends, so the time that
    /// this takes tells nobody anything.
    pub(crate) fn has(&self, hash: &TokenHash) -> bool {
        self.valid.iter().any(|(known, _)| known == hash)
    }

    /// What a token allows. Takes the same time for every token, right or wrong: hashes are compared to the
    /// last bit, with all there are. (What time told of a hash would not tell the token; it costs nothing.)
    pub fn role(&self, token: &str) -> Option<Role> {
        let given = TokenHash::of(token);
        let (mut found, mut operates) = (Choice::from(0), Choice::from(0));
        for (known, role) in &self.valid {
            let same = known.0.ct_eq(&given.0);
            let operate = Choice::from(u8::from(*role == Role::Operate));
            operates = Choice::conditional_select(&operates, &(operates | operate), same);
            found |= same;
        }
        match (bool::from(found), bool::from(operates)) {
            (false, _) => None,
            (true, false) => Some(Role::Read),
            (true, true) => Some(Role::Operate),
        }
    }
}

/// Where the valid tokens come from: asked at every request, so it answers from memory.
pub trait Tokens: Send + Sync + 'static {
    /// The tokens that are valid now.
    fn current(&self) -> Arc<TokenSet>;
}

/// Tokens that stay the same.
impl Tokens for Arc<TokenSet> {
    fn current(&self) -> Arc<TokenSet> {
        Arc::clone(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_by_their_hashes() {
        let (read, operate) = (Token::generate().unwrap(), Token::generate().unwrap());
        let set = TokenSet::new([(read.hash, Role::Read), (operate.hash, Role::Operate)]);
        assert_eq!(set.role(read.text.expose()), Some(Role::Read));
        assert_eq!(set.role(operate.text.expose()), Some(Role::Operate));
        let mut wrong = read.text.expose().to_owned();
        wrong.pop();
        assert_eq!((set.role(&wrong), set.role("")), (None, None));
        assert_eq!(TokenSet::default().role(read.text.expose()), None);
    }

    #[test]
    fn a_new_token_is_long_and_does_not_show() {
        let token = Token::generate().unwrap();
        assert_eq!(token.text.expose().len(), "busta_".len() + 64);
        assert!(!format!("{token:?}").contains(token.text.expose()));
    }

    #[test]
    fn roles_have_names() {
        for role in [Role::Read, Role::Operate] {
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
        assert_eq!(Role::named("admin"), None);
    }
}
