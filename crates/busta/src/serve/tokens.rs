//! The tokens that are valid now: those of the configuration, and those of the state store.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use busta_core::Result;
use busta_server::{Role, TokenHash, TokenSet, Tokens};
use busta_store::StateStore;
use tokio_util::sync::CancellationToken;

use crate::config::{ConfiguredToken, TokenRole};

/// How soon `busta token new` and `revoke` are heeded.
const EVERY: Duration = Duration::from_secs(2);

/// Cheap to clone.
#[derive(Clone)]
pub struct TokenBook {
    configured: Arc<[(TokenHash, Role)]>,
    current: Arc<RwLock<Arc<TokenSet>>>,
}

impl TokenBook {
    /// Reads the tokens there are.
    pub async fn open(store: &StateStore, configured: &[ConfiguredToken]) -> Result<Self> {
        let role = |role: TokenRole| match role {
            TokenRole::Read => Role::Read,
            TokenRole::Operate => Role::Operate,
        };
        let configured = configured.iter().map(|token| (token.token.0, role(token.role)));
        let book = Self { configured: configured.collect(), current: Arc::default() };
        book.refresh(store).await?;
        Ok(book)
    }

    /// Whether nobody needs one.
    pub fn is_empty(&self) -> bool {
        self.current().is_empty()
    }

    /// Reads the tokens again now and then, until `stop`.
    pub async fn keep_fresh(self, store: StateStore, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.refresh(&store).await {
                tracing::warn!(error = %error, "the tokens cannot be read; those known stay valid");
            }
        }
    }

    async fn refresh(&self, store: &StateStore) -> Result<()> {
        let stored = store.tokens().await?;
        let valid = stored.iter().filter(|token| token.revoked.is_none()).map(|token| {
            let role = match token.role {
                busta_store::TokenRole::Read => Role::Read,
                busta_store::TokenRole::Operate => Role::Operate,
            };
            (TokenHash::from_bytes(token.hash), role)
        });
        let set = TokenSet::new(self.configured.iter().copied().chain(valid));
        // A token that was revoked has been needed: its end must not open the door.
        let set = Arc::new(if stored.is_empty() { set } else { set.closed() });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }
}

impl Tokens for TokenBook {
    fn current(&self) -> Arc<TokenSet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
