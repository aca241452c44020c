//! `schedule:` of a source, or of all that have none.

use std::time::Duration;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::units::Span;
use busta_engine::schedule::{CronTimes, Overlap, Schedule, When};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// More than this is not a schedule.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Less than this is a stream.
const SHORTEST: Duration = Duration::from_secs(1);

/// When a source is collected by itself while `busta serve` runs. One of `every`, `cron` and `auto` says
/// at which times; instead of the mapping, a duration may stand for `every`, `auto` for `auto` within its
/// default bounds, and `none` for no schedule where there is one for all sources.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSection {
    /// In even steps, from `initial_delay` after the first start: `30m`.
    pub every: Option<Span>,
    /// By a cron pattern of five fields, or six with seconds first: `"0 */15 * * *"`.
    pub cron: Option<String>,
    /// The time zone of the cron pattern, such as `Europe/Berlin`; UTC if left out.
    pub timezone: Option<String>,
    /// As often as it is worth it, by what the source says, how often something is new, and how long a
    /// collection takes.
    pub auto: Option<AutoSection>,
    /// How long after the start of the server the first collection waits at least; overrides
    /// `server.initial_delay`.
    pub initial_delay: Option<Span>,
    /// Up to so much is added to each time, so that not all sources start at once.
    pub jitter: Option<Span>,
    /// What happens when it is due while it is still being collected.
    pub overlap: OverlapWord,
    /// Whether a time that was missed while the server was down is made up for, once.
    pub catch_up: Option<bool>,
}

/// The bounds of `auto`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AutoSection {
    /// The shortest time from one collection to the next.
    pub min: Span,
    /// The longest.
    pub max: Span,
}

impl Default for AutoSection {
    fn default() -> Self {
        Self { min: Span(Duration::from_secs(60)), max: Span(Duration::from_secs(86_400)) }
    }
}

/// What happens when a source is due while it is still being collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OverlapWord {
    /// Nothing: its next time counts.
    #[default]
    Skip,
    /// It is collected once more when it is done.
    Queue,
}

/// Reads a section. `Ok(None)` is no schedule.
pub fn read(section: Value, initial_delay: Duration) -> Built<Option<Schedule>> {
    let section = match section {
        Value::String(word) if word == "none" => return Ok(None),
        Value::String(word) if word == "auto" => json!({ "auto": {} }),
        Value::String(step) => json!({ "every": step }),
        other => other,
    };
    read_config::<ScheduleSection>(section)?.schedule(initial_delay).map(Some)
}

impl ScheduleSection {
    fn schedule(self, initial_delay: Duration) -> Built<Schedule> {
        let mut problems = Vec::new();
        let when = self.when(&mut problems);
        let jitter = self.jitter.map_or(Duration::ZERO, |jitter| jitter.0);
        if let (Some(When::Every(step)), Some(_)) = (&when, self.jitter)
            && jitter >= *step
        {
            let message = format!("{} is not less than `every`, {}", Span(jitter), Span(*step));
            problems.push(ConfigProblem::new("jitter", message));
        }
        bounded(&mut problems, "jitter", self.jitter, Duration::ZERO);
        bounded(&mut problems, "initial_delay", self.initial_delay, Duration::ZERO);
        match when {
            Some(when) if problems.is_empty() => Ok(Schedule {
                when,
                initial_delay: self.initial_delay.map_or(initial_delay, |delay| delay.0),
                jitter,
                overlap: match self.overlap {
                    OverlapWord::Skip => Overlap::Skip,
                    OverlapWord::Queue => Overlap::Queue,
                },
                catch_up: self.catch_up.unwrap_or(true),
            }),
            _ => Err(problems),
        }
    }

    fn when(&self, problems: &mut Vec<ConfigProblem>) -> Option<When> {
        if self.timezone.is_some() && self.cron.is_none() {
            problems.push(ConfigProblem::new("timezone", "only the times of `cron` have a time zone"));
        }
        match (self.every, &self.cron, self.auto) {
            (Some(step), None, None) => {
                bounded(problems, "every", Some(step), SHORTEST);
                Some(When::Every(step.0))
            }
            (None, Some(pattern), None) => self.cron(pattern, problems),
            (None, None, Some(AutoSection { min, max })) => {
                bounded(problems, "auto.min", Some(min), SHORTEST);
                bounded(problems, "auto.max", Some(max), SHORTEST);
                if min > max {
                    problems.push(ConfigProblem::new("auto.min", format!("{min} is more than max, {max}")));
                }
                Some(When::Auto { min: min.0, max: max.0 })
            }
            (None, None, None) => {
                let message =
                    "nothing says when: write one of `every: 30m`, `cron: \"0 4 * * *\"` and `auto: {}`";
                problems.push(ConfigProblem::new("", message));
                None
            }
            _ => {
                let message = "only one of `every`, `cron` and `auto` can say when";
                problems.push(ConfigProblem::new("", message));
                None
            }
        }
    }

    fn cron(&self, pattern: &str, problems: &mut Vec<ConfigProblem>) -> Option<When> {
        let zone = self.timezone.as_deref();
        if let Some(Err(message)) = zone.map(CronTimes::parse_timezone) {
            problems.push(ConfigProblem::new("timezone", message));
        }
        match CronTimes::parse(pattern, None) {
            Ok(_) => CronTimes::parse(pattern, zone).ok().map(When::Cron),
            Err(message) => {
                problems.push(ConfigProblem::new("cron", message));
                None
            }
        }
    }
}

fn bounded(problems: &mut Vec<ConfigProblem>, path: &str, span: Option<Span>, least: Duration) {
    let Some(Span(span)) = span else { return };
    if span < least {
        let message = format!("{} is too short; the least is {}", Span(span), Span(least));
        problems.push(ConfigProblem::new(path, message));
    } else if span > LONGEST {
        problems.push(ConfigProblem::new(path, format!("{} is too long; the most is 366d", Span(span))));
    }
}
