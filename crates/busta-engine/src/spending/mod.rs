//! What sources may spend: how many requests, of a run and of a day.
//!
//! A request is counted before it is sent, by whoever sends it ([`Meter::permit`](busta_core::meter::Meter)),
//! so no cap is exceeded however many readers ask at once. Where the cap is, the pull that was refused counts
//! for nothing, the source's other pulls come to their end and are committed, and the rest is left for when
//! the run is resumed.
//!
//! What a run will take is estimated once its splits are known ([`estimate`]), from what a split of each
//! stream took in the last run that was complete.

mod day;
mod estimate;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use busta_core::{BudgetSettings, Error, Result};

pub use day::{DailyLimit, DayCounts};
pub use estimate::{EarlierRequests, Requests, StreamRequests, estimate};

/// What a source may send in one run.
pub struct Allowance {
    settings: BudgetSettings,
    cap: Option<u64>,
    taken: AtomicU64,
    day: Option<Arc<DailyLimit>>,
    /// Why a request was refused, once one was.
    refused: Mutex<Option<String>>,
}

impl Allowance {
    /// All that `settings` allow a run, and `day` all runs of a day.
    pub fn new(settings: BudgetSettings, day: Option<Arc<DailyLimit>>) -> Arc<Self> {
        let cap = settings.run_cap();
        Arc::new(Self { settings, cap, taken: AtomicU64::new(0), day, refused: Mutex::default() })
    }

    /// Counts one request, which is then to be sent; an error if the budget has none left.
    pub async fn take(&self) -> Result<()> {
        let more = |taken: u64| self.cap.is_none_or(|cap| taken < cap).then_some(taken + 1);
        if self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return Err(self.refuse(format!(
                "its budget for a run is used up: {}, as many as {} allows",
                self.settings.words(self.cap.unwrap_or_default()),
                self.settings.run_cap_words()
            )));
        }
        let Some(day) = &self.day else { return Ok(()) };
        let left = day.take().await;
        if !matches!(left, Ok(true)) {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        match left {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.refuse(day.used_up())),
            Err(error) => Err(error.at("counting the requests of the day")),
        }
    }

    /// Why a request was refused, if one was.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, reason: String) -> Error {
        let error = Error::cancelled(reason.clone());
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        error
    }
}

/// That a source is not collected, since it is expected to take more than a run may.
pub fn too_much(settings: &BudgetSettings, estimate: u64) -> Option<Error> {
    let cap = settings.run_cap().filter(|cap| estimate > *cap)?;
    let error = Error::config(format!(
        "its budget does not pay for this run: it is expected to take {}, and {} allows {}",
        settings.words(estimate),
        settings.run_cap_words(),
        settings.words(cap)
    ));
    Some(error.hint(
        "raise the cap in `budget:`, or collect less at once; `busta sources collect --dry-run` shows the \
         estimate without collecting",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(requests: u64) -> BudgetSettings {
        BudgetSettings { requests_per_run: Some(requests), ..BudgetSettings::default() }
    }

    #[tokio::test]
    async fn a_run_gets_what_it_may_and_no_more() {
        let allowance = Allowance::new(capped(2), None);
        assert!(allowance.take().await.is_ok() && allowance.take().await.is_ok());
        assert_eq!(allowance.refused(), None);
        let error = allowance.take().await.unwrap_err();
        assert!(
            error.to_string().contains("2 requests") && error.to_string().contains("requests_per_run: 2")
        );
        assert!(allowance.refused().unwrap().contains("is used up"));
    }

    #[tokio::test]
    async fn many_at_once_get_no_more_either() {
        let allowance = Allowance::new(capped(100), None);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let allowance = allowance.clone();
            tasks.spawn(async move {
                let mut got = 0;
                while allowance.take().await.is_ok() {
                    got += 1;
                    tokio::task::yield_now().await;
                }
                got
            });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<u32>(), 100);
    }

    #[test]
    fn an_estimate_above_the_cap_is_refused_with_both() {
        let settings =
            BudgetSettings { cost_per_request: Some(0.01), per_run: Some(5.0), ..BudgetSettings::default() };
        assert!(too_much(&settings, 500).is_none());
        let error = too_much(&settings, 501).unwrap();
        let text = error.to_string();
        for part in ["501 requests (5.01)", "`budget.per_run: 5.00`", "500 requests (5.00)", "raise the cap"]
        {
            assert!(text.contains(part) || error.hint_text().is_some_and(|h| h.contains(part)), "{text}");
        }
    }
}
