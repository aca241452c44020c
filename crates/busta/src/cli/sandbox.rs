//! `busta sandbox`.

use anyhow::Result;
use busta_sandbox::{Sandbox as Origin, SandboxConfig};
use clap::Args;

use crate::exit::Exit;
use crate::output::{line, note};
use crate::signals::Signals;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta sandbox
  busta sandbox --port 8800 --records 100000
  curl 'http://127.0.0.1:8800/with/latency=50ms/rest/page/orders?per_page=100'")]
pub struct Sandbox {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many records each stream has
    #[arg(long, value_name = "N", default_value_t = 1000)]
    records: u64,
    /// What the data is drawn from: the same seed gives the same records
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Sandbox {
    pub async fn run(&self) -> Result<Exit> {
        let mut signals = Signals::listen()?;
        let config = SandboxConfig {
            port: self.port,
            records: self.records,
            seed: self.seed,
            ..SandboxConfig::default()
        };
        let origin = Origin::start(config).await?;
        let url = origin.url();
        line(&url)?;
        note(&format!(
            "the sandbox is up; Ctrl-C ends it\n  \
             what it saw:  {url}/_sandbox\n  \
             a stream:     {url}/rest/page/orders?per_page=100\n  \
             a feed:       {url}/feeds/rss2/news?entries=20\n  \
             a STAC API:   {url}/stac/10000\n  \
             with trouble: {url}/with/latency=50ms,fail=500:every:7/rest/next_url/orders"
        ));
        // Ending on request is what it is for, so it is a success.
        signals.next().await;
        origin.shutdown().await;
        Ok(Exit::Done)
    }
}
