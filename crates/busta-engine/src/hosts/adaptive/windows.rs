//! What a host tells of its windows, for whoever keeps a pace within them.
//!
//! A window of which a pace has used so many requests, and left so many, would have been used up by so much more of
//! that pace: however long it is, and whenever it began.

use std::time::Duration;

use tokio::time::Instant;

/// A window of which fewer were used says little.
const LEAST_USED: u64 = 5;

/// The windows of a host, one after another.
#[derive(Default)]
pub struct Windows {
    /// The most that it ever told of, and the least in this window.
    most: u64,
    least: u64,
    /// The pace when this window began, if one was kept.
    pace: Option<f64>,
    /// When the request left whose answer told the last of it.
    sent: Option<Instant>,
}

impl Windows {
    /// An answer told what is left, while a pace is kept or not. Says which pace would have used up a whole window,
    /// if one has ended.
    pub fn told(&mut self, now: Instant, latency: Duration, left: u64, pace: Option<f64>) -> Option<f64> {
        let sent = now.checked_sub(latency).unwrap_or(now);
        if self.sent.is_some_and(|before| sent < before) {
            return None;
        }
        self.sent = Some(sent);
        self.most = self.most.max(left);
        // Half of what was used is back; what answers that overtake each other tell is not so far apart.
        if left <= u64::midpoint(self.least, self.most) {
            self.least = self.least.min(left);
            return None;
        }
        let used = self.most - std::mem::replace(&mut self.least, left);
        let kept =
            std::mem::replace(&mut self.pace, pace).filter(|_| pace.is_some() && used >= LEAST_USED)?;
        Some(kept * (self.most as f64 + 1.0) / (used as f64 + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is learnt from windows of 50 requests, by a pace of which each takes 20.
    #[tokio::test(start_paused = true)]
    async fn one_whole_window_is_enough() {
        let (mut windows, mut now) = (Windows::default(), Instant::now());
        let mut learnt = Vec::new();
        for n in 0..100 {
            now += Duration::from_millis(10);
            // Every third is overtaken by the one after it.
            let late = Duration::from_millis(if n % 3 == 0 { 15 } else { 0 });
            learnt.extend(windows.told(now + late, late + late, 49 - n % 20, (n > 5).then_some(20.0)));
        }
        assert_eq!(learnt.len(), 3, "{learnt:?}");
        assert!(learnt.iter().all(|rate| (50.0..53.0).contains(rate)), "{learnt:?}");
    }
}
