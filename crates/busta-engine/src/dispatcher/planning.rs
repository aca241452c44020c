//! Planning: what is there already, and what there is to do.

use std::collections::HashMap;

use busta_core::event::Action;
use busta_core::secret::redact;
use busta_core::{Cursors, Destination, Error, Result, Source, Split, SplitId, Stage, StreamSpec, WriteMode};
use tokio::time::Instant;

use super::Planned;
use crate::retry::{Again, MAX_WAITS_OF_PLANNING, Tries};
use crate::slot::{SourceShared, deadline_passed, millis};

/// The streams as this run writes them.
pub(super) fn specs(source: &dyn Source, full_refresh: bool) -> Vec<StreamSpec> {
    let mut specs = source.streams().to_vec();
    if full_refresh {
        for spec in &mut specs {
            spec.write_mode = WriteMode::Replace;
        }
    }
    specs
}

/// Asks the destination what is there and the source what there is to do. What goes wrong is tried again, like
/// a split; says how often that was.
pub(super) async fn plan(
    shared: &SourceShared,
    full_refresh: bool,
    chance: fastrand::Rng,
) -> (Tries, Planned) {
    let mut tries = Tries::default();
    let deadline = async {
        match shared.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let planned = tokio::select! {
        biased;
        () = shared.stop.cancelled() => Err(Error::cancelled("the run was stopped")),
        planned = plan_patiently(shared, full_refresh, chance, &mut tries) => planned,
        () = deadline => Err(deadline_passed()),
    };
    (tries, planned)
}

async fn plan_patiently(
    shared: &SourceShared,
    full_refresh: bool,
    mut chance: fastrand::Rng,
    tries: &mut Tries,
) -> Planned {
    loop {
        let error = match plan_once(shared, full_refresh).await {
            Ok(planned) => return Ok(planned),
            Err(error) => error,
        };
        let Some((again, wait)) = tries.again(&error, &shared.retry, &mut chance) else {
            return Err(error);
        };
        if tries.waits > MAX_WAITS_OF_PLANNING {
            let waits = format!("planning was told to slow down {MAX_WAITS_OF_PLANNING} times");
            return Err(error
                .at(waits)
                .hint("a `rate_limit` for the host lets it make all its requests, or name less to plan"));
        }
        let until = Instant::now() + wait;
        if shared.deadline().is_some_and(|deadline| until >= deadline) {
            return Err(error.at("the deadline comes before the next attempt"));
        }
        let action = if again == Again::Retry { Action::Retrying } else { Action::RateLimited };
        shared.feed.emit(action, |event| {
            event.source = Some(shared.name.clone());
            event.attempt = Some(tries.attempt());
            event.duration_ms = Some(millis(wait));
            event.error = Some(error.kind());
            event.stage = Some(Stage::Read);
            event.message = Some(format!("planning: {}", redact(&error.to_string())));
        });
        tokio::time::sleep_until(until).await;
    }
}

async fn plan_once(shared: &SourceShared, full_refresh: bool) -> Planned {
    let specs = specs(shared.source.as_ref(), full_refresh);
    let destination: &dyn Destination = shared.destination.as_ref();
    if let Some(transform) = &shared.transform {
        transform.prepare().await?;
    }
    let mut checkpoint = destination.prepare(&shared.run, &shared.name, &specs).await?;
    if full_refresh {
        checkpoint.starts = Cursors::default();
    }
    let splits = shared.source.plan(&checkpoint).await?;
    check_ids(&splits)?;
    Ok((checkpoint, splits))
}

/// The same split twice is the same work; two of one id that differ would be one that is never read.
fn check_ids(splits: &[Split]) -> Result<()> {
    let mut known: HashMap<&SplitId, &Split> = HashMap::with_capacity(splits.len());
    let clash =
        splits.iter().find(|split| known.insert(&split.id, split).is_some_and(|first| first != *split));
    clash.map_or(Ok(()), |split| {
        Err(Error::bug(format!("two different splits have the id {}, so one would never be read", split.id))
            .hint("the connector must give each its own; please report it"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_one_split_each() {
        let split = |id: &str, payload: u32| Split::new(id, "a".into(), None, &payload).unwrap();
        check_ids(&[split("a", 1), split("b", 1), split("a", 1)]).unwrap();
        let error = check_ids(&[split("a", 1), split("b", 1), split("a", 2)]).unwrap_err();
        assert!(error.to_string().contains("the id a,"), "{error}");
    }
}
