//! `busta serve`.

use std::net::SocketAddr;

use anyhow::Result;
use clap::Args;

use super::Context;
use crate::exit::Exit;
use crate::wiring::{self, Wired};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta serve                                   http://127.0.0.1:8080
  busta serve -c busta.yaml --log info
  busta token new --name grafana --role read    then: busta serve --bind 0.0.0.0:8080")]
pub struct Serve {
    /// The address and port to listen at, instead of `server.bind`; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
}

impl Serve {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let wired = Wired::new(wiring::draft(context.config.as_ref())?)?;
        crate::serve::serve(wired, self.bind).await
    }
}
