//! `busta token`.

use anyhow::{Result, ensure};
use busta_store::{StateStore, TokenRole as Stored};
use clap::Subcommand;

use super::Context;
use crate::config::TokenRole;
use crate::exit::Exit;
use crate::output::{line, line_as_it_is, note};
use crate::report::table;
use crate::wiring;

/// The longest name of a token.
const LONGEST_NAME: usize = 64;

#[derive(Subcommand, Debug)]
pub enum Token {
    /// Make a token for the server and print it, this once
    #[command(after_help = "Examples:
  busta token new --name grafana --role read
  curl -H \"Authorization: Bearer $(busta token new --name me --role operate)\" localhost:8080/api/v1/runs

Only the token's SHA-256 is stored, beside the history of runs; a server that is running knows it at once.")]
    New {
        /// Who uses it
        #[arg(long)]
        name: String,
        /// What it allows: `read` is looking at everything, `operate` also starting, stopping and pausing
        #[arg(long, value_enum)]
        role: TokenRole,
    },
    /// List the tokens there are, without themselves
    #[command(after_help = "Examples:\n  busta token list\n  busta token list --json")]
    List {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Make a token invalid
    #[command(after_help = "Examples:\n  busta token revoke grafana")]
    Revoke {
        /// Its name
        name: String,
    },
}

impl Token {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let draft = wiring::draft(context.config.as_ref())?;
        let store = StateStore::at(draft.state);
        match self {
            Self::New { name, role } => new(&store, &name, role).await,
            Self::List { json } => list(context, &store, json).await,
            Self::Revoke { name } => {
                store.revoke_token(&name, wiring::clock().now()).await?;
                line(&format!("the token {name} is revoked"))?;
                Ok(Exit::Done)
            }
        }
    }
}

async fn new(store: &StateStore, name: &str, role: TokenRole) -> Result<Exit> {
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
    ensure!(fits && !name.chars().any(char::is_control), "a name has 1 to {LONGEST_NAME} characters");
    let role = match role {
        TokenRole::Read => Stored::Read,
        TokenRole::Operate => Stored::Operate,
    };
    let token = busta_server::Token::generate()?;
    store.create_token(name, role, *token.hash.as_bytes(), wiring::clock().now()).await?;
    note(&format!("this is the token {name}, which may {role}; it is not shown again"));
    line_as_it_is(token.text.expose())?;
    Ok(Exit::Done)
}

async fn list(context: &Context, store: &StateStore, json: bool) -> Result<Exit> {
    let tokens = if store.exists() { store.tokens().await? } else { Vec::new() };
    if json {
        line_as_it_is(&serde_json::to_string_pretty(&tokens)?)?;
        return Ok(Exit::Done);
    }
    if tokens.is_empty() {
        note("there is no token yet; `busta token new` makes one");
        return Ok(Exit::Done);
    }
    let mut table = table::plain(&["name", "role", "made", "revoked"], context.colour);
    for token in &tokens {
        let revoked = token.revoked.map_or_else(String::new, |at| at.format("%F %T UTC").to_string());
        table.add_row(vec![
            token.name.clone(),
            token.role.to_string(),
            token.created.format("%F %T UTC").to_string(),
            revoked,
        ]);
    }
    line(&table::trimmed(&table))?;
    Ok(Exit::Done)
}
