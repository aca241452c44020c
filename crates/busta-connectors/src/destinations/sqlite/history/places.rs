//! Places in a log: from a run or a time to a number.

use busta_core::reading::history::{Place, PlaceMark};
use busta_core::{Error, Result};
use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension;

use super::super::errors::At;
use super::View;
use super::tables::stamp;

impl View<'_> {
    /// The number of a place whose rows are known.
    pub fn seq_of(&self, place: &Place) -> Result<i64> {
        let state = &self.state;
        if !state.active {
            return Err(Error::data(format!("the change log of `{}` is switched off", self.table.name))
                .hint("set `change_log: true` of the dataset again; what happens until then is not known"));
        }
        let seq = match place {
            Place::Now => state.seq,
            Place::Seq(seq) if *seq > state.seq as u64 => {
                return Err(Error::data(format!("the log ends at seq:{}", state.seq)));
            }
            Place::Seq(seq) => *seq as i64,
            Place::Run(run) => self.end_of_run(run.as_str()).at(self.path)?.ok_or_else(|| {
                Error::not_found(format!("run {run} has changed nothing in `{}`", self.table.name))
                    .hint("`history` lists the runs that did")
            })?,
            Place::At(time) if stamp(*time) < state.since => return Err(self.too_early()),
            Place::At(time) => self.at_time(*time).at(self.path)?,
        };
        if seq < state.base { Err(self.too_early()) } else { Ok(seq) }
    }

    fn too_early(&self) -> Error {
        let what = format!("the rows of `{}` are not known before {}", self.table.name, self.state.since);
        Error::data(what).hint(format!("the first place that is known is seq:{}", self.state.base))
    }

    fn end_of_run(&self, run: &str) -> rusqlite::Result<Option<i64>> {
        let sql =
            "SELECT max(coalesce(ended_seq, seq)) FROM _busta_episodes WHERE table_name = ?1 AND run = ?2";
        self.connection.prepare_cached(sql)?.query_row([&self.table.name, run], |row| row.get(0))
    }

    /// The last entry that is not later, by halving: times never go back along a log.
    fn at_time(&self, time: DateTime<Utc>) -> rusqlite::Result<i64> {
        let time = stamp(time);
        let sql = format!("SELECT seq, at FROM {} WHERE seq > ?1 ORDER BY seq LIMIT 1", self.log());
        let mut next = self.connection.prepare_cached(&sql)?;
        // The entry at `low` is not later, that behind `high` is.
        let (mut low, mut high) = (self.state.base, self.state.seq);
        while low < high {
            let middle = low + (high - low) / 2;
            let found: Option<(i64, String)> =
                next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            match found {
                Some((seq, at)) if at <= time => low = seq,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// When a place was and how many rows there were.
    pub fn mark(&self, seq: i64) -> Result<PlaceMark> {
        let read = || -> rusqlite::Result<(Option<String>, i64)> {
            let at = |comparison: &str| {
                let sql = format!(
                    "SELECT at, count + CASE WHEN before IS NULL THEN ?2 WHEN after IS NULL THEN -?2 ELSE 0 END
                     FROM {} WHERE {comparison}",
                    self.log()
                );
                self.connection.prepare_cached(&sql)
            };
            let entry = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
            let own = at("seq = ?1")?.query_row([seq, 0], entry).optional()?;
            if let Some((time, count)) = own {
                return Ok((Some(time), count));
            }
            let time = (seq > 0 && seq == self.state.base).then(|| self.state.since.clone());
            let next = at("seq > ?1 ORDER BY seq LIMIT 1")?.query_row([seq, -1], entry).optional()?;
            Ok((time, next.map_or(self.state.count, |(_, count)| count)))
        };
        let (at, count) = read().at(self.path)?;
        let at = at.as_deref().map(super::episodes::time).transpose()?;
        Ok(PlaceMark { seq: seq as u64, at, count: count as u64 })
    }
}
