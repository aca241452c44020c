//! SIGINT and SIGTERM: the first stops the run gently, the second ends the process.

use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

/// What asked us to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill`, a service manager, `busta runs cancel`.
    Terminate,
}

impl Signal {
    /// 128 + the signal's number, as a shell has it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Listens for both.
pub struct Signals {
    interrupt: Listener,
    terminate: Listener,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
