use std::str::FromStr;

use busta_core::event::{Action, Event};

use crate::model::ActivityQuery;
use crate::problem::{Fault, Problem};

/// Which events of the feed a client wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    runs: Vec<String>,
    sources: Vec<String>,
    workers: Vec<u32>,
    actions: Vec<Action>,
    phases: Vec<String>,
}

impl Filter {
    /// Reads comma lists; says all that is wrong with them.
    pub(crate) fn read(query: &ActivityQuery) -> Result<Self, Problem> {
        let mut faults = Vec::new();
        let workers = parsed(query.worker.as_deref(), |text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = u32::from_str(text).ok().filter(|_| digits);
            number.ok_or_else(|| format!("{text:?} is not the number of a worker"))
        });
        let actions = parsed(query.action.as_deref(), action);
        let filter = Self {
            runs: words(query.run.as_deref()).map(str::to_owned).collect(),
            sources: words(query.source.as_deref()).map(str::to_owned).collect(),
            workers: workers.unwrap_or_else(|reason| fault(&mut faults, "worker", reason)),
            actions: actions.unwrap_or_else(|reason| fault(&mut faults, "action", reason)),
            phases: words(query.phase.as_deref()).map(str::to_owned).collect(),
        };
        if faults.is_empty() { Ok(filter) } else { Err(Problem::invalid(faults)) }
    }

    /// Whether this one passes.
    pub(crate) fn passes(&self, event: &Event) -> bool {
        let source = event.source.as_ref().map(|source| source.as_str());
        (self.runs.is_empty() || self.runs.iter().any(|run| run == event.run.as_str()))
            && (self.sources.is_empty()
                || source.is_some_and(|name| self.sources.iter().any(|one| one == name)))
            && (self.workers.is_empty() || self.workers.contains(&event.worker_id))
            && (self.actions.is_empty() || self.actions.contains(&event.action))
            && (self.phases.is_empty()
                || event.phase.as_ref().is_some_and(|phase| self.phases.contains(phase)))
    }
}

fn words(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.into_iter().filter(|list| !list.is_empty()).flat_map(|list| list.split(','))
}

fn parsed<T>(list: Option<&str>, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    words(list).map(one).collect()
}

fn fault<T>(faults: &mut Vec<Fault>, name: &str, reason: String) -> Vec<T> {
    faults.push(Fault::parameter(name, reason));
    Vec::new()
}

fn action(word: &str) -> Result<Action, String> {
    ACTIONS.into_iter().find(|action| action.as_str() == word).ok_or_else(|| {
        let known: Vec<&str> = ACTIONS.iter().map(|action| action.as_str()).collect();
        format!("there is no action {word:?}; there are {}", known.join(", "))
    })
}

/// All actions.
pub(crate) const ACTIONS: [Action; 16] = [
    Action::Started,
    Action::Fetching,
    Action::Found,
    Action::Retrying,
    Action::RateLimited,
    Action::Paused,
    Action::Resumed,
    Action::Adapted,
    Action::Warning,
    Action::Error,
    Action::Uploading,
    Action::Inserted,
    Action::Updated,
    Action::Deduped,
    Action::Schema,
    Action::Complete,
];

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn query(run: &str, source: &str, worker: &str, action: &str) -> ActivityQuery {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ActivityQuery {
            run: given(run),
            source: given(source),
            worker: given(worker),
            action: given(action),
            ..ActivityQuery::default()
        }
    }

    #[test]
    fn values_of_a_field_are_alternatives_and_fields_are_conditions() {
        let event = Event {
            source: Some("news".into()),
            worker_id: 3,
            ..Event::new(DateTime::UNIX_EPOCH, &"r1".into(), Action::Found)
        };
        let passes = |query: &ActivityQuery| Filter::read(query).unwrap().passes(&event);
        assert!(passes(&query("", "", "", "")));
        assert!(passes(&query("r0,r1", "news", "3", "found,error")));
        assert!(!passes(&query("r0", "news", "3", "found")));
        assert!(!passes(&query("", "orders", "", "")));
        assert!(!passes(&query("", "", "0", "")));
        assert!(!passes(&query("", "", "", "error")));
        let phase = |phase: &str| ActivityQuery { phase: Some(phase.to_owned()), ..ActivityQuery::default() };
        assert!(!passes(&phase("search")), "it belongs to none");
        let event = Event { phase: Some("search".to_owned()), ..event.clone() };
        let passes = |query: &ActivityQuery| Filter::read(query).unwrap().passes(&event);
        assert!(passes(&phase("list,search")) && !passes(&phase("list")));
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let problem = Filter::read(&query("", "", "1,,one", "downloading")).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("not the number") && text.contains("rate_limited"), "{text}");
    }

    #[test]
    fn every_action_is_known() {
        // The compiler says so when an action is added.
        for action in ACTIONS {
            match action {
                Action::Started | Action::Fetching | Action::Found | Action::Retrying => {}
                Action::RateLimited | Action::Paused | Action::Resumed | Action::Adapted => {}
                Action::Warning | Action::Error | Action::Uploading => {}
                Action::Inserted | Action::Updated => {}
                Action::Deduped | Action::Schema | Action::Complete => {}
            }
        }
    }
}
