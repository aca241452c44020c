//! Planning: what is there already, and what there is to do.

use busta_core::{Destination, Error, Source, StreamSpec, WriteMode};

use super::Planned;
use crate::slot::{SourceShared, deadline_passed};

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

/// Asks the destination what is there and the source what there is to do.
pub(super) async fn plan(shared: &SourceShared, full_refresh: bool) -> Planned {
    let specs = specs(shared.source.as_ref(), full_refresh);
    let planning = async {
        let destination: &dyn Destination = shared.destination.as_ref();
        let mut checkpoint = destination.prepare(&shared.run, &shared.name, &specs).await?;
        if full_refresh {
            checkpoint.starts.clear();
        }
        let splits = shared.source.plan(&checkpoint).await?;
        Ok((checkpoint, splits))
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Err(Error::cancelled("the run was stopped")),
        planned = async {
            match shared.deadline {
                Some(deadline) => {
                    tokio::time::timeout_at(deadline, planning).await.unwrap_or_else(|_| Err(deadline_passed()))
                }
                None => planning.await,
            }
        } => planned,
    }
}
