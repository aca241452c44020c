//! How many requests a host gets at once: a window that opens while it helps and closes when it hurts.
//!
//! - **Optimistic start.** The window begins at [`START`] places, which the default caps do not reach, and
//!   doubles each round until the first sign of trouble, as TCP's slow start (RFC 5681, 3.1); from then on
//!   it grows by one, and by ever more the longer there is none. It grows only while all of it is used (RFC
//!   7661): what nobody needed proves nothing.
//! - **Refusals** (429, and 503 with `Retry-After`) close it at once, for the requests of one round trip by as
//!   many as were refused of them: those that are left were accepted together. So the first round shows what the
//!   host bears, however far above that it began. If none is left, it was not for their number. The refused level is
//!   tried again only when that costs little ([`Hold`]).
//! - **Latency** is judged by rounds. As in TCP Vegas (Brakmo and Peterson, 1995) and in Netflix's gradient
//!   limit (<https://github.com/Netflix/concurrency-limits>), `places * (1 - calm / latency)` is how many
//!   requests wait at the host instead of being served. Few let the window grow, many close it in the
//!   proportion in which latency rose. What may be chance is taken off before ([`Round::doubt`]).
//! - **Doing is believing.** Latency also rises for reasons that are not ours. If it does not fall when the
//!   window has been closed, the window is opened again and that latency is the new calm. And since a host
//!   that was never seen calm looks calm, now and then a round is run with three quarters of the requests:
//!   if that serves as many, it is kept.

use std::time::Duration;

use tokio::time::Instant;

use super::Answer;
use super::hold::Hold;
use super::latency::Round;

/// Places at the beginning: as many as the largest pool has by default.
const START: f64 = 20.0;

/// What failures leave of the places.
const BACK_OFF: f64 = 0.5;

/// The most that one judgement of latency takes away, and the least, so that its effect can be seen.
const MOST_CLOSED: f64 = 0.5;
const LEAST_CLOSED: f64 = 0.9;

/// Latency that rose by fewer seconds than this is no sign: this machine's own scheduling does as much, and
/// so do a few large answers among small ones. What a host gains by it is not worth what we would lose.
const NOISE: f64 = 0.010;

/// More waiting than this many times a few are too many.
const MANY: f64 = 1.5;

/// How fast calm latency is forgotten: by this share of the difference with each round.
const FORGET: f64 = 1.0 / 64.0;

/// A look down is taken with this share of the requests, first after so many rounds, then ever more rarely,
/// and not where there are too few places to take any away.
const LOOK_DOWN: f64 = 0.75;
const FIRST_LOOK: u32 = 10;
const LAST_LOOK: u32 = 320;
const LEAST_LOOKED_AT: f64 = 4.0;

/// It grows no faster than after so many times without trouble.
const MOST_GROWN: u32 = 5;

/// The share of 503 that closes the window when it is this much above what is usual.
const FAILING: f64 = 0.2;

/// What a refusal is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The request left before the last change, so it says nothing about the present.
    Nothing,
    /// It was alone, and nothing was accepted since the last refusal, which still goes on.
    Same,
    /// Too many at once.
    Places,
    /// As many at once were borne just before, or not one was borne now: too many in a time.
    Rate,
}

/// The places of one host.
pub struct Window {
    limit: f64,
    starting: bool,
    /// How often it has grown since there was trouble.
    grown: u32,
    /// Answers to requests that left before the last change say nothing about latency, and refusals of
    /// those that left before it was last closed say nothing new.
    changed_at: Option<Instant>,
    closed_at: Option<Instant>,
    /// What was under way when it was last closed for a refusal.
    burst: Option<Burst>,
    /// The most in flight since the round began.
    peak: f64,
    round: Round,
    /// Mean latency where nothing waits, in seconds.
    calm: Option<f64>,
    row: Row,
    hold: Hold,
    trial: Option<Trial>,
    rounds_to_look: u32,
    look_every: u32,
    failing: Failing,
}

/// Good answers since the last refusal or change.
#[derive(Default)]
struct Row {
    answers: f64,
    peak: f64,
    /// The most in flight that has been borne for as many answers.
    proven: f64,
    /// The same of the row before the window grew.
    before: f64,
}

/// Requests of one round trip, some of which were refused.
struct Burst {
    /// Places before.
    limit: f64,
    /// As many as were borne before, whatever else is refused.
    borne: f64,
    /// Those that have not been refused so far.
    others: f64,
}

/// A window that was closed to see what that does.
struct Trial {
    level: f64,
    limit: f64,
    mean: f64,
    /// Closed because of latency, not out of curiosity.
    alarmed: bool,
}

/// The share of 503, now and usually. A host that loses one request in twenty whatever we do is not
/// helped by fewer requests.
#[derive(Default)]
struct Failing {
    now: f64,
    usual: f64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            limit: START,
            starting: true,
            grown: 0,
            changed_at: None,
            closed_at: None,
            burst: None,
            peak: 0.0,
            round: Round::default(),
            calm: None,
            row: Row::default(),
            hold: Hold::default(),
            trial: None,
            rounds_to_look: FIRST_LOOK,
            look_every: FIRST_LOOK,
            failing: Failing::default(),
        }
    }
}

impl Window {
    /// Places now.
    pub fn places(&self) -> usize {
        self.limit as usize
    }

    /// A request leaves; with it, so many are under way.
    pub fn left(&mut self, in_flight: usize) {
        self.peak = self.peak.max(in_flight as f64);
    }

    /// A good answer. Says whether it closed the window.
    pub fn answered(&mut self, now: Instant, latency: Duration, in_flight: usize) -> bool {
        self.failing.count(false);
        self.hold.answered();
        if left_before(self.changed_at, now, latency) {
            return false;
        }
        self.row.add(in_flight as f64);
        self.round.add(latency);
        self.round.is_enough(self.peak.min(self.limit)) && self.judge(now)
    }

    /// The host had too much, and asks to be left alone for `wait`. `paced` says that a pace and not the
    /// window held requests back.
    pub fn refused(&mut self, now: Instant, answer: &Answer, wait: Duration, paced: bool) -> Blame {
        if left_before(self.closed_at, now, answer.latency) {
            return self.also_refused();
        }
        if self.closed_at.is_some() && self.row.answers < 1.0 && answer.in_flight <= 1 {
            return Blame::Same;
        }
        let level = (answer.in_flight as f64).min(self.limit.floor()).max(1.0);
        // Refused before anything that left since the last refusal was answered: whatever their pace, it is their
        // number, if any of them is borne.
        let paced = paced && (self.row.answers >= 1.0 || self.closed_at.is_none());
        let blame = if paced || level <= self.row.proven.max(1.0) { Blame::Rate } else { Blame::Places };
        self.burst = None;
        if blame == Blame::Places {
            let borne = self.row.proven.max(self.row.before).max(1.0);
            self.burst = Some(Burst { limit: self.limit, borne, others: level - 1.0 });
            self.limit = (level - 1.0).max(borne);
            self.hold.begin(now, wait, 1);
        }
        (self.starting, self.grown) = (false, 0);
        self.trial = None;
        self.closed_at = Some(now);
        self.start_over(now);
        blame
    }

    /// Another request of the same round trip was refused.
    fn also_refused(&mut self) -> Blame {
        let Some(burst) = &mut self.burst else { return Blame::Nothing };
        burst.others -= 1.0;
        if burst.others < 1.0 {
            // Not one was accepted, so that it cannot have been for their number.
            self.limit = burst.limit;
            self.burst = None;
            return Blame::Rate;
        }
        self.limit = burst.others.max(burst.borne);
        Blame::Nothing
    }

    /// The host failed with 503 without a word about load: a sign only if it does so far more than usual.
    pub fn failed(&mut self, now: Instant, latency: Duration, in_flight: usize) -> bool {
        self.failing.count(true);
        if left_before(self.closed_at, now, latency) || !self.failing.is_alarming() {
            return false;
        }
        self.failing.now = self.failing.usual;
        self.limit = (self.limit.min(in_flight as f64) * BACK_OFF).max(1.0);
        (self.starting, self.grown) = (false, 0);
        self.closed_at = Some(now);
        self.start_over(now);
        true
    }

    fn start_over(&mut self, now: Instant) {
        self.new_round(now);
        self.row = Row::default();
    }

    /// What was borne before goes on to count.
    fn new_round(&mut self, now: Instant) {
        self.changed_at = Some(now);
        self.round = Round::default();
        self.peak = 0.0;
    }

    fn judge(&mut self, now: Instant) -> bool {
        let round = std::mem::take(&mut self.round);
        let level = std::mem::take(&mut self.peak).min(self.limit.floor()).max(1.0);
        let saturated = level >= self.limit.floor();
        if let Some(trial) = self.trial.take() {
            self.try_out(now, &trial, &round, level);
            return false;
        }
        let calm = self.calm_after(&round);
        let sure = round.mean() - round.doubt();
        let waiting = if sure - calm < NOISE { 0.0 } else { level * (1.0 - calm / sure) };
        if waiting > few(level) * MANY {
            return self.close(now, &round, level, calm);
        }
        if self.is_time_to_look(level) {
            self.trial = Some(Trial { level, limit: self.limit, mean: round.mean(), alarmed: false });
            self.limit = (level * LOOK_DOWN).floor();
            self.new_round(now);
        } else if saturated && waiting < few(level) && self.hold.is_over(now) {
            self.grow(now);
        }
        false
    }

    fn calm_after(&mut self, round: &Round) -> f64 {
        let calm = match self.calm {
            None => round.mean(),
            // Half way down, so that one lucky round does not become the measure of all others.
            Some(calm) if round.mean() < calm => f64::midpoint(calm, round.mean()),
            Some(calm) => calm + (round.mean() - calm) * FORGET,
        };
        self.calm = Some(calm);
        calm
    }

    fn close(&mut self, now: Instant, round: &Round, level: f64, calm: f64) -> bool {
        let share = (calm / round.mean() + few(level) / level).clamp(MOST_CLOSED, LEAST_CLOSED);
        let limit = (level * share).round().min(level - 1.0).max(1.0);
        (self.starting, self.grown) = (false, 0);
        if limit < level {
            self.closed_at = Some(now);
            self.trial = Some(Trial { level, limit: self.limit, mean: round.mean(), alarmed: true });
            self.limit = limit;
            self.start_over(now);
        }
        limit < level
    }

    /// Whether fewer requests did any good: it did if those that are left are answered so much faster that
    /// no fewer are served.
    fn try_out(&mut self, now: Instant, trial: &Trial, round: &Round, level: f64) {
        let served = (level / round.mean()) / (trial.level / trial.mean);
        let kept = level / trial.level;
        // Alarmed, the half of what would be is enough; out of curiosity, nearly all of it must be.
        let enough = if trial.alarmed { f64::midpoint(1.0, kept) } else { 0.95 };
        if served >= enough && kept < 1.0 {
            self.calm = Some(self.calm.map_or(round.mean(), |calm| calm.min(round.mean())));
            (self.starting, self.grown) = (false, 0);
            if trial.alarmed {
                self.hold.rest(now);
            } else {
                (self.look_every, self.rounds_to_look) = (FIRST_LOOK, 1);
            }
            return;
        }
        self.limit = trial.limit;
        if trial.alarmed {
            self.calm = Some(round.mean());
        } else {
            self.look_every = (self.look_every * 2).min(LAST_LOOK);
            self.rounds_to_look = self.look_every;
        }
        self.new_round(now);
    }

    fn is_time_to_look(&mut self, level: f64) -> bool {
        self.rounds_to_look = self.rounds_to_look.saturating_sub(1);
        self.rounds_to_look == 0 && level >= LEAST_LOOKED_AT
    }

    fn grow(&mut self, now: Instant) {
        // By one, twice, which is where the trouble was if it is there still; then by two, four and so on.
        let step = 2.0_f64.powi(self.grown.min(MOST_GROWN).saturating_sub(1) as i32);
        self.grown += 1;
        self.limit = if self.starting { self.limit * 2.0 } else { (self.limit + step).floor() };
        let before = self.row.proven;
        self.start_over(now);
        self.row.before = before;
    }
}

/// Whether an answer is to a request that left before a change.
fn left_before(change: Option<Instant>, now: Instant, latency: Duration) -> bool {
    change.is_some_and(|change| now.checked_sub(latency).is_none_or(|sent| sent < change))
}

/// So many waiting requests are none to speak of, and keep the host busy.
fn few(level: f64) -> f64 {
    (level / 10.0).max(1.0)
}

impl Row {
    fn add(&mut self, in_flight: f64) {
        self.answers += 1.0;
        self.peak = self.peak.max(in_flight);
        if self.answers >= self.peak {
            self.proven = self.peak;
        }
    }
}

impl Failing {
    fn count(&mut self, failed: bool) {
        let failed = f64::from(u8::from(failed));
        self.now += (failed - self.now) / 32.0;
        self.usual += (failed - self.usual) / 512.0;
    }

    fn is_alarming(&self) -> bool {
        self.now > 2.0 * self.usual + FAILING
    }
}

#[cfg(test)]
mod tests {
    use busta_core::meter::RateHints;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quick_and_less_quick_answers_in_turn_are_no_strain() {
        let mut window = Window::default();
        let mut now = Instant::now();
        for n in 0..2_000u64 {
            // Objects of a few KB, and pages of items between them, at one host.
            let latency = Duration::from_millis(if n / 12 % 2 == 0 { 1 } else { 6 });
            now += latency;
            window.left(8);
            window.answered(now, latency, 8);
            assert!(window.places() >= 6, "{} places after {n} answers", window.places());
        }
    }

    fn refusal(in_flight: usize) -> Answer {
        let latency = Duration::from_millis(5);
        Answer { status: Some(429), latency, limits: RateHints::default(), in_flight, paced: false }
    }

    /// A window of [`START`] requests that left at once, of which so many are refused.
    fn refused(count: usize) -> (Window, Vec<Blame>) {
        let mut window = Window::default();
        let now = Instant::now();
        let answers = (0..count).map(|n| refusal(START as usize - n));
        let blames = answers.map(|answer| window.refused(now, &answer, Duration::ZERO, false)).collect();
        (window, blames)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_round_shows_what_is_borne() {
        for count in 1..START as usize {
            let (window, blames) = refused(count);
            assert_eq!((window.places(), blames[0]), (START as usize - count, Blame::Places));
            assert!(blames[1..].iter().all(|blame| *blame == Blame::Nothing), "{blames:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_none_is_borne_it_is_not_for_their_number() {
        let (window, blames) = refused(START as usize);
        assert_eq!((window.places(), blames.last()), (START as usize, Some(&Blame::Rate)));
    }
}
