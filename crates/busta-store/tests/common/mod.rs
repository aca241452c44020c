//! What the tests of the store share.

#![allow(dead_code, reason = "each test file uses its part")]

use busta_core::RunId;
use busta_core::report::{RunReport, SourceReport, Status};
use busta_store::{NewRun, StateStore, Trigger};
use chrono::{DateTime, TimeZone, Utc};

pub fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + seconds, 0).unwrap()
}

pub fn new_run(n: i64, sources: &[&str]) -> NewRun {
    NewRun {
        id: RunId::new(at(n), 7),
        started: at(n),
        trigger: Trigger::Command,
        sources: sources.iter().map(|&name| name.into()).collect(),
        full_refresh: n % 2 == 1,
        limit: Some(5),
    }
}

/// A report of the sources that are given.
pub fn report(id: &RunId, status: Status, sources: &[&str]) -> RunReport {
    RunReport {
        run_id: id.clone(),
        status,
        started_at: at(0),
        finished_at: at(9),
        duration_s: 9.0,
        records: 1,
        bytes: 2,
        requests: 3,
        retries: 4,
        failures: 5,
        peak_rss_bytes: 6,
        cpu_s: 7.0,
        cost: None,
        sources: sources.iter().map(|name| source(name, status)).collect(),
        hosts: Vec::new(),
    }
}

fn source(name: &str, status: Status) -> SourceReport {
    SourceReport {
        name: name.into(),
        kind: "files".to_owned(),
        status,
        records: 1,
        deduped: 0,
        bytes: 2,
        requests: 3,
        retries: 4,
        rate_limited: 0,
        failures: 5,
        splits: 1,
        duration_s: 9.0,
        busy_s: 9.0,
        dropped: 0,
        warnings: 0,
        first_warnings: Vec::new(),
        skipped: None,
        phases: Default::default(),
        quality: Vec::new(),
        fresh_s: None,
        cost: None,
        estimate: None,
        stopped: None,
        progress: Vec::new(),
        gaps: None,
        error: None,
    }
}

/// A folder with a store in it.
pub struct Home(pub tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Another process would open the file anew, too.
    pub fn open(&self) -> StateStore {
        StateStore::at(self.0.path().join(".busta/state.db"))
    }
}
