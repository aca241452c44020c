//! The names of the places where a test can kill the process: the same for every kind of lake, behind
//! the kind's own name.

/// Named places (see [`busta_core::failpoint`]).
#[derive(Debug)]
pub(in crate::destinations) struct Points {
    pub(in crate::destinations) commit_begin: &'static str,
    pub(in crate::destinations) commit_rows_written: &'static str,
    pub(in crate::destinations) commit_rows_synced: &'static str,
    pub(in crate::destinations) commit_manifest_written: &'static str,
    pub(in crate::destinations) commit_after: &'static str,
    pub(in crate::destinations) seal_before_rename: &'static str,
    pub(in crate::destinations) seal_after_rename: &'static str,
    pub(in crate::destinations) finish_begin: &'static str,
    pub(in crate::destinations) finish_compared: &'static str,
    pub(in crate::destinations) finish_rewritten: &'static str,
    pub(in crate::destinations) finish_synced: &'static str,
    pub(in crate::destinations) finish_manifest_written: &'static str,
    pub(in crate::destinations) finish_trashed: &'static str,
    pub(in crate::destinations) finish_settled: &'static str,
    pub(in crate::destinations) compact_written: &'static str,
    pub(in crate::destinations) compact_before_rename: &'static str,
    pub(in crate::destinations) compact_after_rename: &'static str,
    /// Of files that are brought to the wider types of newer ones, which few runs do.
    pub(in crate::destinations) finish_evened: &'static str,
    /// Of a purge, which is no part of a run.
    pub(in crate::destinations) purge_manifest_written: &'static str,
    /// Of the log of failures that is written anew, which few runs and purges do.
    pub(in crate::destinations) failures_written: &'static str,
    pub(in crate::destinations) failures_manifest_written: &'static str,
}

impl Points {
    /// Those of a run, in its order.
    pub(in crate::destinations) const fn list(&self) -> [&'static str; 17] {
        [
            self.commit_begin,
            self.commit_rows_written,
            self.commit_rows_synced,
            self.commit_manifest_written,
            self.seal_before_rename,
            self.seal_after_rename,
            self.commit_after,
            self.finish_begin,
            self.finish_compared,
            self.finish_rewritten,
            self.finish_synced,
            self.finish_manifest_written,
            self.finish_trashed,
            self.finish_settled,
            self.compact_written,
            self.compact_before_rename,
            self.compact_after_rename,
        ]
    }
}

/// The points of a kind of lake.
macro_rules! points {
    ($kind:literal) => {
        $crate::destinations::lake::Points {
            commit_begin: concat!($kind, ".commit.begin"),
            commit_rows_written: concat!($kind, ".commit.rows_written"),
            commit_rows_synced: concat!($kind, ".commit.rows_synced"),
            commit_manifest_written: concat!($kind, ".commit.manifest_written"),
            commit_after: concat!($kind, ".commit.after"),
            seal_before_rename: concat!($kind, ".seal.before_rename"),
            seal_after_rename: concat!($kind, ".seal.after_rename"),
            finish_begin: concat!($kind, ".finish.begin"),
            finish_compared: concat!($kind, ".finish.compared"),
            finish_rewritten: concat!($kind, ".finish.rewritten"),
            finish_synced: concat!($kind, ".finish.synced"),
            finish_manifest_written: concat!($kind, ".finish.manifest_written"),
            finish_trashed: concat!($kind, ".finish.trashed"),
            finish_settled: concat!($kind, ".finish.settled"),
            compact_written: concat!($kind, ".compact.written"),
            compact_before_rename: concat!($kind, ".compact.before_rename"),
            compact_after_rename: concat!($kind, ".compact.after_rename"),
            finish_evened: concat!($kind, ".finish.evened"),
            purge_manifest_written: concat!($kind, ".purge.manifest_written"),
            failures_written: concat!($kind, ".failures.written"),
            failures_manifest_written: concat!($kind, ".failures.manifest_written"),
        }
    };
}
pub(in crate::destinations) use points;
