//! Who may use the server. Of a token only its SHA-256 is kept: 256 random bits need no slow hash.

use std::fmt;

use busta_core::{Error, Result};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use crate::row::parse_time;
use crate::schema::of_sqlite;
use crate::state::StateStore;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenRole {
    /// Looking at everything.
    Read,
    /// Also starting, stopping and pausing.
    Operate,
}

impl TokenRole {
    /// The role as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }

    fn from_stored(text: &str) -> Result<Self> {
        match text {
            "read" => Ok(Self::Read),
            "operate" => Ok(Self::Operate),
            other => Err(Error::data(format!("a stored token has the unknown role {other}"))),
        }
    }
}

impl fmt::Display for TokenRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A token as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct StoredToken {
    /// Its name: who uses it.
    pub name: String,
    /// What it allows.
    pub role: TokenRole,
    /// Its SHA-256.
    #[serde(skip)]
    pub hash: [u8; 32],
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was revoked, if it was.
    pub revoked: Option<DateTime<Utc>>,
}

impl StateStore {
    /// Stores a token. Refused while a token of that name is valid; one that was revoked gives its name
    /// free.
    pub async fn create_token(
        &self,
        name: &str,
        role: TokenRole,
        hash: [u8; 32],
        at: DateTime<Utc>,
    ) -> Result<()> {
        let name = name.to_owned();
        self.write(move |db, path| {
            let stored = db
                .execute(
                    "INSERT INTO token (name, role, hash, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET role = ?2, hash = ?3, created_at = ?4, revoked_at = NULL
                     WHERE revoked_at IS NOT NULL",
                    params![name, role.as_str(), hash, at.to_rfc3339()],
                )
                .map_err(|e| of_sqlite(path, e))?;
            if stored == 0 {
                return Err(Error::conflict(format!("there is a token named {name} already"))
                    .hint(format!("choose another name, or `busta token revoke {name}` first")));
            }
            Ok(())
        })
        .await
    }

    /// All tokens by name, those that were revoked among them.
    pub async fn tokens(&self) -> Result<Vec<StoredToken>> {
        self.read(|db, path| {
            let failed = |e| of_sqlite(path, e);
            let mut query = db
                .prepare_cached("SELECT name, role, hash, created_at, revoked_at FROM token ORDER BY name")
                .map_err(failed)?;
            let mut rows = query.query([]).map_err(failed)?;
            let mut tokens = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let revoked: Option<String> = row.get(4).map_err(failed)?;
                tokens.push(StoredToken {
                    name: row.get(0).map_err(failed)?,
                    role: TokenRole::from_stored(&row.get::<_, String>(1).map_err(failed)?)?,
                    hash: row.get(2).map_err(failed)?,
                    created: parse_time(row.get(3).map_err(failed)?)?,
                    revoked: revoked.map(parse_time).transpose()?,
                });
            }
            Ok(tokens)
        })
        .await
    }

    /// Makes a token invalid. Its row stays, so that it shows when it was valid.
    pub async fn revoke_token(&self, name: &str, at: DateTime<Utc>) -> Result<()> {
        let name = name.to_owned();
        self.write(move |db, path| {
            let failed = |e| of_sqlite(path, e);
            let changed = db
                .execute(
                    "UPDATE token SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
                    params![name, at.to_rfc3339()],
                )
                .map_err(failed)?;
            if changed > 0 {
                return Ok(());
            }
            let known = db
                .query_row("SELECT 1 FROM token WHERE name = ?1", [&name], |_| Ok(()))
                .optional()
                .map_err(failed)?;
            Err(match known {
                Some(()) => Error::conflict(format!("the token {name} is revoked already")),
                None => Error::not_found(format!("there is no token {name}"))
                    .hint("`busta token list` shows them"),
            })
        })
        .await
    }
}
