//! The sandbox on a runtime of its own.

use std::time::{Duration, Instant};

use busta_sandbox::{Sandbox, SandboxConfig, Stats};
use tokio::runtime::Runtime;

pub struct Origin {
    runtime: Runtime,
    sandbox: Sandbox,
}

impl Origin {
    pub fn new(config: SandboxConfig) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(config)).unwrap();
        Self { runtime, sandbox }
    }

    pub fn url(&self) -> String {
        self.sandbox.url()
    }

    pub fn stats(&self) -> Stats {
        self.sandbox.stats()
    }

    /// Waits until it has seen so many requests: the run is under way.
    pub fn until_under_way(&self, requests: u64) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.stats().total.requests < requests {
            assert!(Instant::now() < until, "nothing happens");
            std::thread::yield_now();
        }
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self::new(SandboxConfig::default())
    }
}
