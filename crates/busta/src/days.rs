//! The requests of days, counted in the state.

use async_trait::async_trait;
use busta_core::{Result, SourceName};
use busta_engine::DayCounts;
use busta_store::StateStore;
use chrono::NaiveDate;

/// Counts in a state, which all processes share that name it.
pub struct DayBook(pub StateStore);

#[async_trait]
impl DayCounts for DayBook {
    async fn take(&self, source: &SourceName, day: NaiveDate, wanted: u64, most: u64) -> Result<u64> {
        self.0.take_requests(source, day, wanted, most).await
    }

    async fn give_back(&self, source: &SourceName, day: NaiveDate, count: u64) -> Result<()> {
        self.0.give_back_requests(source, day, count).await
    }
}
