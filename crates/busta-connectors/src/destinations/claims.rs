//! Claims: which runs may take a source over with their first commit.
//!
//! A run that was prepared is only a guest: the source is still the last run's, which may be
//! resumed. The claim remembers whose source it was when the run was prepared, and holds only as long
//! as that is so: if two runs were prepared side by side, the first to write wins, and the other one
//! is refused as a conflict.

use std::collections::HashMap;

use busta_core::{Error, RunId, SourceName};

/// Claims kept per source. A run that finds nothing new never uses its own, so old ones must go.
const KEPT: usize = 16;

/// The claims of one instance of a destination.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<SourceName, Vec<Claim>>);

#[derive(Debug)]
struct Claim {
    run: RunId,
    seen: Option<RunId>,
}

impl Claims {
    /// `run` was prepared when `source` was the `stored` run's.
    pub fn prepared(&mut self, source: &SourceName, run: &RunId, stored: Option<&RunId>) {
        let claims = self.0.entry(source.clone()).or_default();
        // Those of which another run got ahead can never be used.
        claims.retain(|claim| claim.run != *run && claim.seen.as_ref() == stored);
        if stored != Some(run) {
            if claims.len() == KEPT {
                claims.remove(0);
            }
            claims.push(Claim { run: run.clone(), seen: stored.cloned() });
        }
    }

    /// Whether `run` may take `source` over from the `stored` run.
    pub fn allow(&self, source: &SourceName, run: &RunId, stored: Option<&RunId>) -> bool {
        let claims = self.0.get(source).into_iter().flatten();
        claims.into_iter().any(|claim| claim.run == *run && claim.seen.as_ref() == stored)
    }

    /// `source` is `run`'s now: whoever takes it away later does so for good.
    pub fn settle(&mut self, source: &SourceName, run: &RunId) {
        if let Some(claims) = self.0.get_mut(source) {
            claims.retain(|claim| claim.run != *run);
        }
    }
}

/// A run without a claim wants to write to a source of the `stored` run.
pub(super) fn refused(source: &SourceName, run: &RunId, stored: Option<&RunId>) -> Error {
    let error = match stored {
        Some(other) => Error::conflict(format!("run {run} of {source} has been taken over by run {other}")),
        None => Error::conflict(format!("run {run} of {source} was not prepared here")),
    };
    error.hint("another run has begun since; start again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (SourceName, RunId, RunId, RunId) {
        ("shop".into(), "R1".into(), "R2".into(), "R3".into())
    }

    #[test]
    fn a_claim_holds_until_somebody_else_writes() {
        let (shop, r1, r2, r3) = ids();
        let mut claims = Claims::default();
        claims.prepared(&shop, &r2, Some(&r1));
        claims.prepared(&shop, &r3, Some(&r1));
        assert!(claims.allow(&shop, &r2, Some(&r1)) && claims.allow(&shop, &r3, Some(&r1)));
        claims.settle(&shop, &r2);
        assert!(!claims.allow(&shop, &r3, Some(&r2)));
        // The older run is resumed and takes the source back.
        assert!(!claims.allow(&shop, &r2, Some(&r1)));
    }

    #[test]
    fn a_resumed_run_needs_no_claim() {
        let (shop, r1, ..) = ids();
        let mut claims = Claims::default();
        claims.prepared(&shop, &r1, None);
        claims.prepared(&shop, &r1, Some(&r1));
        assert!(claims.0[&shop].is_empty());
    }

    #[test]
    fn claims_that_nobody_uses_go() {
        let (shop, r1, ..) = ids();
        let mut claims = Claims::default();
        for n in 0..100 {
            claims.prepared(&shop, &format!("idle {n}").as_str().into(), Some(&r1));
        }
        assert_eq!(claims.0[&shop].len(), KEPT);
        assert!(claims.allow(&shop, &"idle 99".into(), Some(&r1)));
    }
}
