//! What the API speaks: JSON bodies, with the comments that become their description.
//!
//! Times are RFC 3339 in UTC, durations are numbers whose name ends in their unit, sizes are bytes.
//! Fields that do not apply are absent. Enumerations are lower-case words, the spec's.

mod activity;
mod collect;
mod data;
mod failure;
mod history;
mod host;
mod overview;
mod page;
mod resources;
mod run;
mod settings;
mod source;
mod views;

pub use activity::{ActivityEvent, ActivityQuery};
pub use collect::{Accepted, CollectRequest, EstimateView, RetryRequest, SourceCollectRequest};
pub use data::{Column, Dataset, DatasetSchema, DatasetView, ExportFormat, RecordQuery};
pub use failure::{FailureGroup, FailureQuery, FailureView, GroupBy};
pub use history::{
    Change, ChangeAction, ChangeQuery, ChangedRecord, Difference, DifferenceQuery, EditAction, EditQuery,
    Edited, Episode, EpisodeKind, InsertRequest, PlaceMark, RemoveRequest, SnapshotMark,
};
pub use host::{HostView, PoolView};
pub use overview::{Health, Overview, Readiness, ThroughputSample};
pub use page::{Limit, Page, PageQuery};
pub use resources::{ResourceSample, Resources};
pub use run::{
    LiveRun, PhaseProgress, RunDetail, RunQuery, RunState, RunSummary, RunTotals, SourceRun, StoppedView,
    TimeSpent, Trigger, WorkerAction, WorkerView,
};
pub use settings::{BudgetView, PresetView, SettingOrigin, SettingView, SettingsView};
pub use source::{PauseView, ScheduleView, SourceDetail, SourceHealth, SourceView, StreamView};
pub use views::{
    BucketMood, Few, GroupMood, Length, Mood, RecentQuery, RisingRecord, RisingTerm, SentimentLabel,
    SentimentStats, StatsQuery, Trending, TrendingQuery,
};
