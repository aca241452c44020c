//! What the tests of the whole binary share: an origin, a working folder, runs, and what landed.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test support"
)]

pub mod landed;
pub mod origin;
pub mod pgstac;
pub mod praw;
pub mod server;
pub mod world;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A working folder with a `busta.yaml`.
pub struct Desk {
    folder: TempDir,
}

/// A process that has ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new(yaml: &str) -> Self {
        let desk = Self { folder: TempDir::new().unwrap() };
        desk.write("busta.yaml", yaml);
        desk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_busta"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for name in ["BUSTA_LOG", "BUSTA_FAILPOINT", "BUSTA_CONFIG", "BUSTA_TOKEN"] {
            command.env_remove(name);
        }
        command
    }

    pub fn busta(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    /// A token for `busta serve`.
    pub fn new_token(&self, role: &str) -> String {
        let made = self.busta(&["token", "new", "--name", role, "--role", role]);
        made.stdout.split_whitespace().find(|word| word.starts_with("busta_")).unwrap().to_owned()
    }

    /// Collects in parallel; the report is that of `--json`.
    pub fn collect(&self, more: &[&str]) -> (Ended, Value) {
        let ended = self.busta(&[&COLLECT[..], more].concat());
        let report = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|e| panic!("no report: {e}\nstdout: {}\nstderr: {}", ended.stdout, ended.stderr));
        (ended, report)
    }

    /// Collects, and everything must go well.
    pub fn collect_well(&self, more: &[&str]) -> Value {
        let (ended, report) = self.collect(more);
        assert_eq!(ended.code, 0, "{}\n{report:#}", ended.stderr);
        report
    }

    /// Collects, and dies at a failpoint such as `engine.commit.after:3`, if that is passed so often.
    pub fn dies_at(&self, point: &str, more: &[&str]) -> bool {
        let mut command = self.command(&[&COLLECT[..], more].concat());
        let ended = Ended::from(command.env("BUSTA_FAILPOINT", point).output().unwrap());
        assert!([0, 134].contains(&ended.code), "{point}: {}: {}", ended.code, ended.stderr);
        ended.code == 134
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// The main command, with the report on stdout.
pub const COLLECT: [&str; 6] = ["sources", "collect", "--parallel", "--concurrency", "8", "--json"];

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: exit_code(output.status),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The exit code; 128 and more for a signal, as shells have it.
pub fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// One source of a report.
pub fn source<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["sources"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap()
}
