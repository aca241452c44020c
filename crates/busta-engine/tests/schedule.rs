//! The scheduler under a clock that only the test moves.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use busta_core::SourceName;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use busta_engine::schedule::{CronTimes, DueKind, Observed, Overlap, Schedule, Scheduled, Scheduler, When};

const MINUTE: Duration = Duration::from_secs(60);

/// A time of 2026 in UTC: `03-29 01:30:00`.
fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{}Z", text.replace(' ', "T")).parse().unwrap()
}

fn schedule(when: When) -> Schedule {
    Schedule {
        when,
        initial_delay: Duration::from_secs(5),
        jitter: Duration::ZERO,
        overlap: Overlap::Skip,
        catch_up: true,
    }
}

fn every(minutes: u32) -> Schedule {
    schedule(When::Every(MINUTE * minutes))
}

fn cron(pattern: &str, zone: &str) -> Schedule {
    schedule(When::Cron(CronTimes::parse(pattern, Some(zone)).unwrap()))
}

fn scheduled(schedule: Schedule, since: DateTime<Utc>) -> Scheduled {
    Scheduled { source: name(), schedule, since, last_due_at: None, paused: false, history: Vec::new() }
}

fn name() -> SourceName {
    "a".into()
}

/// A scheduler of one source that it sees for the first time.
fn fresh(schedule: Schedule, now: DateTime<Utc>) -> Scheduler {
    Scheduler::new(vec![scheduled(schedule, now)], now)
}

/// A scheduler of one source, started again at `now`.
fn again(schedule: Schedule, last: DateTime<Utc>, now: DateTime<Utc>) -> Scheduler {
    let known = Scheduled { last_due_at: Some(last), ..scheduled(schedule, last) };
    Scheduler::new(vec![known], now)
}

/// Lets the clock jump from one wake to the next until `end`; every run is over at once. The times at
/// which something was started, and why.
fn runs_until(scheduler: &mut Scheduler, end: DateTime<Utc>) -> Vec<(String, DueKind)> {
    let mut starts = Vec::new();
    while let Some(now) = scheduler.next_wake().filter(|now| *now <= end) {
        for due in scheduler.due(now) {
            starts.push((now.format("%m-%d %T").to_string(), due.kind));
            scheduler.finished(&due.source, now, Some(&Observed::default()));
        }
    }
    starts
}

fn times(scheduler: &mut Scheduler, end: &str) -> Vec<String> {
    runs_until(scheduler, at(end)).into_iter().map(|(time, _)| time).collect()
}

#[test]
fn every_goes_in_even_steps_from_the_first_time() {
    let mut scheduler = fresh(every(30), at("05-01 10:00:00"));
    assert_eq!(
        times(&mut scheduler, "05-01 11:10:00"),
        ["05-01 10:00:05", "05-01 10:30:05", "05-01 11:00:05"]
    );
}

#[test]
fn every_keeps_its_steps_over_a_restart_and_makes_up_for_what_was_missed_once() {
    let (last, end) = (at("05-01 10:00:00"), at("05-01 12:10:00"));
    let mut soon = again(every(30), last, at("05-01 10:20:00"));
    assert_eq!(runs_until(&mut soon, end)[0], ("05-01 10:30:00".to_owned(), DueKind::Schedule));
    let mut late = again(every(30), last, at("05-01 11:40:00"));
    let starts = runs_until(&mut late, end);
    assert_eq!(starts[0], ("05-01 11:40:05".to_owned(), DueKind::CatchUp));
    assert_eq!(starts[1], ("05-01 12:00:00".to_owned(), DueKind::Schedule));
    assert_eq!(starts.len(), 2);
    let mut careless = again(Schedule { catch_up: false, ..every(30) }, last, at("05-01 11:40:00"));
    assert_eq!(times(&mut careless, "05-01 12:10:00"), ["05-01 12:00:00"]);
}

#[test]
fn cron_catches_up_only_what_it_has_seen_being_missed() {
    let daily = cron("0 4 * * *", "UTC");
    let mut first = fresh(daily.clone(), at("05-01 10:00:00"));
    assert_eq!(times(&mut first, "05-02 10:00:00"), ["05-02 04:00:00"]);
    // Seen before the time, down at the time, and never collected.
    let known = scheduled(daily.clone(), at("05-01 03:00:00"));
    let mut missed = Scheduler::new(vec![known], at("05-01 10:00:00"));
    let starts = runs_until(&mut missed, at("05-02 10:00:00"));
    assert_eq!(starts[0], ("05-01 10:00:05".to_owned(), DueKind::CatchUp));
    assert_eq!(starts[1], ("05-02 04:00:00".to_owned(), DueKind::Schedule));
    let mut heeded = again(daily, at("05-01 04:00:00"), at("05-01 10:00:00"));
    assert_eq!(times(&mut heeded, "05-01 23:00:00"), [""; 0]);
}

#[test]
fn a_job_in_the_missing_hour_runs_once_when_it_is_over() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC.
    let mut scheduler = fresh(cron("30 2 * * *", "Europe/Berlin"), at("03-28 00:00:00"));
    let expected = ["03-28 01:30:00", "03-29 01:00:00", "03-30 00:30:00"];
    assert_eq!(times(&mut scheduler, "03-30 12:00:00"), expected);
}

#[test]
fn a_job_in_the_doubled_hour_runs_once_and_a_repeating_one_in_both() {
    // New York, 1 November 2026: 02:00 becomes 01:00 again, which is 06:00 UTC.
    let mut once = fresh(cron("30 1 * * *", "America/New_York"), at("10-31 12:00:00"));
    assert_eq!(times(&mut once, "11-02 12:00:00"), ["11-01 05:30:00", "11-02 06:30:00"]);
    let mut often = fresh(cron("*/30 * * * *", "America/New_York"), at("11-01 05:10:00"));
    let expected = ["11-01 05:30:00", "11-01 06:00:00", "11-01 06:30:00", "11-01 07:00:00", "11-01 07:30:00"];
    assert_eq!(times(&mut often, "11-01 07:45:00"), expected);
}

#[test]
fn six_fields_begin_with_seconds_and_time_zones_count() {
    let mut scheduler = fresh(cron("15 0 9 * * MON", "Asia/Kolkata"), at("05-01 00:00:00"));
    assert_eq!(times(&mut scheduler, "05-12 00:00:00"), ["05-04 03:30:15", "05-11 03:30:15"]);
}

#[test]
fn patterns_that_are_wrong_or_never_come_are_told_apart() {
    for wrong in ["", "* * * *", "* * * * * * *", "61 * * * *", "a b c d e"] {
        assert!(CronTimes::parse(wrong, None).unwrap_err().contains("is not a cron pattern"), "{wrong}");
    }
    assert!(CronTimes::parse("* * * * *", Some("Mars/Base")).unwrap_err().contains("Europe/Berlin"));
    assert_eq!(fresh(cron("0 0 30 2 *", "UTC"), at("05-01 00:00:00")).next_wake(), None);
}

#[test]
fn what_is_due_while_it_runs_is_skipped() {
    let mut scheduler = fresh(every(10), at("05-01 10:00:00"));
    assert_eq!(scheduler.due(at("05-01 10:00:05")).len(), 1);
    assert!(scheduler.due(at("05-01 10:10:05")).is_empty());
    assert_eq!(scheduler.skipped().len(), 1);
    scheduler.finished(&name(), at("05-01 10:15:00"), Some(&Observed::default()));
    assert_eq!(scheduler.next_wake(), Some(at("05-01 10:20:05")));
}

#[test]
fn what_is_due_while_it_runs_waits_once_if_it_is_to_be_queued() {
    let mut scheduler = fresh(Schedule { overlap: Overlap::Queue, ..every(10) }, at("05-01 10:00:00"));
    scheduler.started(&name());
    for due in ["05-01 10:00:05", "05-01 10:10:05", "05-01 10:20:05"] {
        assert!(scheduler.due(at(due)).is_empty() && scheduler.skipped().is_empty());
    }
    let end = at("05-01 10:25:00");
    scheduler.finished(&name(), end, Some(&Observed::default()));
    assert!(scheduler.next_wake().unwrap() <= end, "at once");
    let due = scheduler.due(end);
    assert_eq!((due.len(), due[0].due_at), (1, at("05-01 10:20:05")));
    assert!(scheduler.due(end).is_empty());
    scheduler.finished(&name(), end, Some(&Observed::default()));
    assert_eq!(scheduler.next_wake(), Some(at("05-01 10:30:05")));
}

#[test]
fn a_machine_that_slept_makes_up_for_it_once() {
    let mut scheduler = fresh(every(10), at("05-01 10:00:00"));
    scheduler.due(at("05-01 10:00:05"));
    scheduler.finished(&name(), at("05-01 10:01:00"), Some(&Observed::default()));
    let due = scheduler.due(at("05-01 17:02:00"));
    assert_eq!((due[0].kind, due[0].due_at), (DueKind::CatchUp, at("05-01 17:00:05")));
    assert_eq!(scheduler.next_of(&name()), Some(at("05-01 17:10:05")));
    let careless = Schedule { catch_up: false, ..every(10) };
    let mut scheduler = again(careless, at("05-01 10:00:00"), at("05-01 10:00:10"));
    assert!(scheduler.due(at("05-01 17:02:00")).is_empty());
    assert_eq!((scheduler.skipped().len(), scheduler.next_of(&name())), (1, Some(at("05-01 17:10:00"))));
}

#[test]
fn a_paused_source_rests_and_goes_on_with_its_next_time() {
    let mut scheduler = fresh(every(10), at("05-01 10:00:00"));
    assert_eq!(times(&mut scheduler, "05-01 10:05:00").len(), 1);
    assert!(scheduler.pause(&name()) && scheduler.is_paused(&name()));
    assert_eq!((scheduler.next_wake(), scheduler.upcoming(&name(), 3).len()), (None, 0));
    assert!(scheduler.due(at("05-01 10:45:00")).is_empty());
    assert!(scheduler.resume(&name(), at("05-01 10:45:00")));
    assert_eq!(scheduler.next_wake(), Some(at("05-01 10:50:05")));
    assert!(!scheduler.pause(&"other".into()));
    // A restart of a paused source, and its resumption: nothing was missed.
    let known = Scheduled { paused: true, ..scheduled(cron("0 4 * * *", "UTC"), at("04-01 00:00:00")) };
    let mut scheduler = Scheduler::new(vec![known], at("05-01 10:00:00"));
    assert_eq!(scheduler.next_wake(), None);
    scheduler.resume(&name(), at("05-01 11:00:00"));
    assert_eq!(scheduler.next_wake(), Some(at("05-02 04:00:00")));
}

#[test]
fn a_clock_that_goes_back_stops_nothing() {
    let mut scheduler = fresh(every(10), at("05-01 10:00:00"));
    assert_eq!(times(&mut scheduler, "05-01 10:05:00").len(), 1);
    assert!(scheduler.due(at("05-01 10:04:30")).is_empty(), "the clock is being kept right");
    assert_eq!(scheduler.next_wake(), Some(at("05-01 10:10:05")));
    assert!(scheduler.due(at("02-01 00:00:00")).is_empty());
    assert_eq!(scheduler.next_wake(), Some(at("02-01 00:10:00")));
    let mut scheduler = fresh(cron("0 * * * *", "UTC"), at("05-01 10:00:00"));
    scheduler.due(at("03-01 10:30:00"));
    assert_eq!(scheduler.next_wake(), Some(at("03-01 11:00:00")));
    // A time of the future in the store does not silence it either.
    let mut scheduler = again(every(10), at("12-01 00:00:00"), at("05-01 10:00:00"));
    assert_eq!(times(&mut scheduler, "05-01 10:01:00"), ["05-01 10:00:05"]);
}

#[test]
fn auto_follows_what_is_found_and_goes_on_from_the_history() {
    let auto = schedule(When::Auto { min: MINUTE, max: MINUTE * 1440 });
    let mut scheduler = fresh(auto.clone(), at("05-01 10:00:00"));
    let (news, start) = (Observed { records: 1, ..Observed::default() }, at("05-01 10:00:05"));
    assert_eq!(scheduler.due(start).len(), 1);
    assert_eq!(scheduler.next_wake(), None, "it depends on what is found");
    scheduler.finished(&name(), start, Some(&news));
    let first = scheduler.next_wake().unwrap() - start;
    assert_eq!(first.num_seconds(), 1138);
    // Collected by hand in between: the next check is later.
    scheduler.started(&name());
    scheduler.finished(&name(), start + TimeDelta::minutes(5), Some(&Observed::default()));
    assert_eq!((scheduler.next_wake().unwrap() - start).num_seconds(), 1707 + 300);
    let history = vec![news; 6];
    let known = Scheduled { last_due_at: Some(start), history, ..scheduled(auto, start) };
    let scheduler = Scheduler::new(vec![known], start);
    assert_eq!(scheduler.next_wake(), Some(start + TimeDelta::minutes(1)));
}

#[test]
fn sources_with_the_same_schedule_are_spread_and_stay_where_they_are() {
    let spread = Schedule { jitter: MINUTE * 5, ..cron("0 * * * *", "UTC") };
    let (now, due) = (at("05-01 10:30:00"), at("05-01 11:00:00"));
    let starts = || -> Vec<_> {
        (0..200)
            .map(|n| Scheduled { source: format!("s{n}").into(), ..scheduled(spread.clone(), now) })
            .map(|known| Scheduler::new(vec![known], now).next_wake().unwrap() - due)
            .collect()
    };
    let delays = starts();
    assert_eq!(delays, starts(), "the same after a restart");
    assert!(delays.iter().all(|delay| (0..=300).contains(&delay.num_seconds())));
    let late = delays.iter().filter(|delay| delay.num_seconds() > 150).count();
    assert!((60..140).contains(&late), "{late} of 200 in the second half");
}

#[test]
fn the_next_times_are_those_that_come() {
    for schedule in
        [every(30), cron("*/20 3 * * *", "Europe/Berlin"), Schedule { jitter: MINUTE, ..every(7) }]
    {
        let mut scheduler = fresh(schedule, at("05-01 10:00:00"));
        let shown = scheduler.upcoming(&name(), 5);
        let come = times(&mut scheduler, "05-09 00:00:00");
        let shown: Vec<_> = shown.iter().map(|time| time.format("%m-%d %T").to_string()).collect();
        assert_eq!(shown, come[..5]);
    }
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]);
    let pattern = prop::sample::select(vec!["*/10 * * * *", "30 1,2 * * *", "0 0 * * SUN", "15 */7 3 * * *"]);
    let when = prop_oneof![
        (1_u32..5000).prop_map(|minutes| When::Every(MINUTE * minutes)),
        (zone, pattern)
            .prop_map(|(zone, pattern)| When::Cron(CronTimes::parse(pattern, Some(zone)).unwrap())),
        (1_u32..60, 60_u32..5000).prop_map(|(min, max)| When::Auto { min: MINUTE * min, max: MINUTE * max }),
    ];
    (when, 0_u64..100, 0_u64..59, any::<bool>(), any::<bool>()).prop_map(
        |(when, delay, jitter, queue, catch_up)| Schedule {
            when,
            initial_delay: Duration::from_secs(delay),
            jitter: Duration::from_secs(jitter),
            overlap: if queue { Overlap::Queue } else { Overlap::Skip },
            catch_up,
        },
    )
}

proptest! {
    /// Whatever happens when: due times strictly increase and are never in the future, nothing starts
    /// before its delay or while it runs, and after each look the next one lies ahead.
    #[test]
    fn times_only_go_forward(
        schedule in any_schedule(),
        begin in 0_i64..31_000_000,
        steps in prop::collection::vec((1_i64..200_000, 0_u8..6, 0_u64..3), 1..60),
    ) {
        let mut now = at("01-01 00:00:00") + TimeDelta::seconds(begin);
        let ready = now + TimeDelta::from_std(schedule.initial_delay).unwrap();
        let mut scheduler = fresh(schedule, now);
        let (mut last, mut running) = (None, false);
        for (seconds, what, records) in steps {
            now += TimeDelta::seconds(seconds);
            match what {
                0 => { scheduler.pause(&name()); }
                1 => { scheduler.resume(&name(), now); }
                2 | 3 if running => {
                    scheduler.finished(&name(), now, Some(&Observed { records, ..Observed::default() }));
                    running = false;
                }
                _ => {}
            }
            for due in scheduler.due(now) {
                prop_assert!(!running, "two runs at once");
                prop_assert!(due.due_at <= now && now >= ready);
                prop_assert!(last.is_none_or(|last| due.due_at > last), "{last:?} then {due:?}");
                last = Some(due.due_at);
                running = true;
            }
            prop_assert!(scheduler.next_wake().is_none_or(|wake| wake > now), "it would be asked for ever");
            let upcoming = scheduler.upcoming(&name(), 4);
            prop_assert!(upcoming.first().is_none_or(|time| *time > now));
        }
    }

    /// A restart at any moment neither repeats a time nor loses more than those that came while it was down.
    #[test]
    fn a_restart_changes_no_time(schedule in any_schedule(), begin in 0_i64..31_000_000, down in 0_i64..100_000) {
        prop_assume!(!matches!(schedule.when, When::Auto { .. }));
        let start = at("01-01 00:00:00") + TimeDelta::seconds(begin);
        let mut scheduler = fresh(schedule.clone(), start);
        let Some(first) = scheduler.next_wake() else { return Ok(()) };
        let due_at = scheduler.due(first)[0].due_at;
        scheduler.finished(&name(), first, Some(&Observed::default()));
        let now = first + TimeDelta::seconds(down);
        let known = Scheduled { last_due_at: Some(due_at), ..scheduled(schedule.clone(), start) };
        let mut again = Scheduler::new(vec![known], now);
        let Some(wake) = again.next_wake() else { return Ok(()) };
        let due = &again.due(wake)[0];
        prop_assert!(due.due_at > due_at, "the same time twice");
        let next = schedule.when.next_after(Some(due_at), due_at).unwrap();
        let expected = if next > now { next } else if schedule.catch_up {
            schedule.when.missed(due_at, now).unwrap()
        } else {
            schedule.when.next_after(Some(due_at), now).unwrap()
        };
        prop_assert_eq!(due.due_at, expected);
    }
}
