//! A server as a function of its load.

use std::collections::VecDeque;
use std::time::Duration;

use busta_core::meter::RateHints;

/// What a server does when it gets too much.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// It has no limit.
    None,
    /// It serves so many at once; with more, all take the longer: served is the same.
    Queue(usize),
    /// With more than so many at once, fewer are served.
    Collapse(usize),
    /// 429 for more than so many at once.
    Refuse(usize),
    /// 429 for more than so many in a window, which begins with the first request after the last.
    Rate(u32, Duration),
}

/// Seconds.
const WAY_BACK: f64 = 0.002;

/// What the server's clock is ahead of full seconds when the simulation begins.
const CLOCK: f64 = 0.4;

#[derive(Clone, Debug)]
pub struct Server {
    base: f64,
    jitter: f64,
    limit: Limit,
    loss: f64,
    tells: bool,
    mute: bool,
    window: Option<(f64, u32)>,
    served_until: VecDeque<f64>,
}

/// Status, seconds, hints.
pub type Reply = (u16, f64, RateHints);

impl Server {
    pub fn new(millis: u64) -> Self {
        Self {
            base: millis as f64 / 1000.0,
            jitter: 0.0,
            limit: Limit::None,
            loss: 0.0,
            tells: false,
            mute: false,
            window: None,
            served_until: VecDeque::new(),
        }
    }

    pub fn limit(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }

    /// Up to so much more, evenly.
    pub fn jitter(self, millis: u64) -> Self {
        Self { jitter: millis as f64 / 1000.0, ..self }
    }

    /// Answers this share with 503.
    pub fn loses(self, loss: f64) -> Self {
        Self { loss, ..self }
    }

    /// Sends `X-RateLimit` headers.
    pub fn tells(self) -> Self {
        Self { tells: true, ..self }
    }

    /// Says nothing about when to come back.
    pub fn mute(self) -> Self {
        Self { mute: true, ..self }
    }

    /// Seconds that an answer takes in the mean, when there is no load.
    pub fn latency(&self) -> f64 {
        self.base + self.jitter / 2.0
    }

    /// What it does when it gets too much.
    pub fn limited_by(&self) -> Limit {
        self.limit
    }

    /// Requests a second, if that is its limit.
    pub fn rate(&self) -> Option<f64> {
        match self.limit {
            Limit::Rate(count, per) => Some(f64::from(count) / per.as_secs_f64()),
            _ => None,
        }
    }

    pub fn answer(&mut self, now: f64, chance: &mut fastrand::Rng) -> Reply {
        self.served_until.retain(|until| *until > now);
        let others = self.served_until.len();
        let mut seconds = self.base + self.jitter * chance.f64();
        let mut hints = RateHints::default();
        let load = |most: usize| ((others + 1) as f64 / most as f64).max(1.0);
        match self.limit {
            Limit::None => {}
            Limit::Queue(most) => seconds *= load(most),
            Limit::Collapse(most) => seconds *= load(most).powi(2),
            Limit::Refuse(most) if others >= most => return self.refusal(1.0, hints),
            Limit::Refuse(_) => {}
            Limit::Rate(count, per) => {
                let window = match &mut self.window {
                    Some(window) if now < window.0 + per.as_secs_f64() => window,
                    none => none.insert((now, 0)),
                };
                let end = window.0 + per.as_secs_f64();
                let granted = window.1 < count;
                window.1 += u32::from(granted);
                if self.tells {
                    hints.remaining = Some(u64::from(count - window.1));
                    // A time in full seconds, as most have it.
                    hints.reset = Some(Duration::from_secs_f64((end + CLOCK).ceil() - CLOCK - now));
                }
                if !granted {
                    return self.refusal((end - now).ceil(), hints);
                }
            }
        }
        if chance.f64() < self.loss {
            return (503, 0.005, hints);
        }
        // The last of it is the way back: it is done before its client knows.
        self.served_until.push_back(now + seconds - WAY_BACK);
        (200, seconds, hints)
    }

    fn refusal(&self, wait: f64, hints: RateHints) -> Reply {
        let retry_after = (!self.mute).then(|| Duration::from_secs_f64(wait));
        (429, 0.005, RateHints { retry_after, ..hints })
    }
}
