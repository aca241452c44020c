//! The tail of the activity feed.
//!
//! A page looks at a bounded number of events, so that a search for what hardly ever happens is answered
//! as quickly as any other; it then says where the search goes on.

use busta_core::{Error, Result, RunId, SourceName};
use chrono::{DateTime, TimeZone, Utc};
use rusqlite::{CachedStatement, Connection, Row, Rows, params};

use crate::row::integer;
use crate::schema::of_sqlite;
use crate::state::{Durability, StateStore};

/// So many events are looked at for one page.
const LOOKED_AT: usize = 20_000;

/// So many values of one field are searched for side by side, each with its own place in the index.
const SIDE_BY_SIDE: usize = 16;

/// One thing that happened, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the feed. Ids only grow; at most `i64::MAX`.
    pub id: u64,
    /// When; kept in microseconds.
    pub at: DateTime<Utc>,
    /// The run.
    pub run: RunId,
    /// The worker; 0 is the system.
    pub worker: u32,
    /// The action, as a word.
    pub action: String,
    /// The source, if it is about one.
    pub source: Option<SourceName>,
    /// The part of the source's work, if it belongs to one.
    pub phase: Option<String>,
    /// All of it as a JSON text, which is given back as it is.
    pub body: String,
}

/// Which events to list. An empty list of values means all of them.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only of these runs.
    pub runs: Vec<RunId>,
    /// Only of these sources.
    pub sources: Vec<SourceName>,
    /// Only of these workers.
    pub workers: Vec<u32>,
    /// Only these actions.
    pub actions: Vec<String>,
    /// Only of these parts of their source's work.
    pub phases: Vec<String>,
    /// Only those with a smaller id: where the page before has ended.
    pub before: Option<u64>,
    /// Only those with a greater id.
    pub after: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// Newest first. There may be fewer than were asked for, even none, and more behind.
    pub events: Vec<StoredEvent>,
    /// The `before` that goes on behind it; `None` at the end.
    pub next: Option<u64>,
}

impl StateStore {
    /// Stores events, all or none of them. One whose id is there already is left as it is, so a batch
    /// may be given twice. A power cut may take the newest batches back; the death of the process not.
    pub async fn append_events(&self, events: Vec<StoredEvent>) -> Result<()> {
        self.write_with(Durability::Relaxed, move |db, path| {
            let failed = |e| of_sqlite(path, e);
            let mut insert = db
                .prepare_cached(
                    "INSERT OR IGNORE INTO event (id, at, run, worker, action, source, body, phase)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )
                .map_err(failed)?;
            for event in &events {
                let id = i64::try_from(event.id)
                    .map_err(|_| Error::bug(format!("the event id {} is out of range", event.id)))?;
                let source = event.source.as_ref().map(SourceName::as_str);
                let at = event.at.timestamp_micros();
                let run = event.run.as_str();
                insert
                    .execute(params![
                        id,
                        at,
                        run,
                        event.worker,
                        event.action,
                        source,
                        event.body,
                        event.phase
                    ])
                    .map_err(failed)?;
            }
            Ok(())
        })
        .await
    }

    /// The greatest id there is.
    pub async fn newest_event_id(&self) -> Result<Option<u64>> {
        self.read(|db, path| {
            let newest: Option<i64> = db
                .query_row("SELECT max(id) FROM event", [], |row| row.get(0))
                .map_err(|e| of_sqlite(path, e))?;
            Ok(newest.and_then(|id| u64::try_from(id).ok()))
        })
        .await
    }

    /// A page of events, newest first.
    pub async fn events_page(&self, filter: EventFilter) -> Result<EventPage> {
        self.read(move |db, path| page(db, &filter).map_err(|e| of_sqlite(path, e))).await
    }
}

/// What every split does, over and over: an index of these narrows a search down least.
const COMMON: [&str; 8] =
    ["started", "fetching", "found", "uploading", "inserted", "updated", "deduped", "complete"];

/// The column whose index is walked, and the values to walk it for: the one that is likely to leave least.
fn driving(filter: &EventFilter) -> (Option<&'static str>, Vec<&str>) {
    let actions: Vec<&str> = filter.actions.iter().map(String::as_str).collect();
    let runs = filter.runs.iter().map(RunId::as_str).collect();
    let sources = filter.sources.iter().map(SourceName::as_str).collect();
    let is_rare = !actions.iter().any(|action| COMMON.contains(action));
    let first = if is_rare { actions.clone() } else { Vec::new() };
    for (column, mut values) in [("action", first), ("run", runs), ("source", sources), ("action", actions)] {
        values.sort_unstable();
        values.dedup();
        if (1..=SIDE_BY_SIDE).contains(&values.len()) {
            return (Some(column), values);
        }
    }
    (None, vec![""])
}

fn page(db: &Connection, filter: &EventFilter) -> rusqlite::Result<EventPage> {
    let (column, values) = driving(filter);
    let condition = column.map_or_else(|| "?1 = ''".to_owned(), |column| format!("{column} = ?1"));
    let sql = format!(
        "SELECT id, at, run, worker, action, source, body, phase FROM event
         WHERE {condition} AND id < ?2 AND id > ?3 ORDER BY id DESC"
    );
    let before = filter.before.map_or(i64::MAX, integer);
    let after = filter.after.map_or(-1, integer);
    let mut statements = values
        .iter()
        .map(|_| db.prepare_cached(&sql))
        .collect::<rusqlite::Result<Vec<CachedStatement<'_>>>>()?;
    let mut walks = Vec::with_capacity(values.len());
    for (statement, value) in statements.iter_mut().zip(&values) {
        let mut walk = Walk { rows: statement.query(params![value, before, after])?, head: None };
        walk.step(filter)?;
        walks.push(walk);
    }
    gather(&mut walks, filter)
}

/// Takes the newest of all walks until the page is full, or enough was looked at.
fn gather(walks: &mut [Walk<'_>], filter: &EventFilter) -> rusqlite::Result<EventPage> {
    let mut page = EventPage::default();
    for looked_at in 0.. {
        let Some(walk) = walks.iter_mut().max_by_key(|walk| walk.id()) else { break };
        let Some((id, event)) = walk.head.take() else { break };
        if page.events.len() >= filter.limit || looked_at >= LOOKED_AT {
            return Ok(page);
        }
        page.events.extend(event);
        page.next = u64::try_from(id).ok();
        walk.step(filter)?;
    }
    page.next = None;
    Ok(page)
}

/// The events with one value of the driving column, newest first.
struct Walk<'a> {
    rows: Rows<'a>,
    /// The id of the next event, and the event if it is wanted.
    head: Option<(i64, Option<StoredEvent>)>,
}

impl Walk<'_> {
    fn id(&self) -> Option<i64> {
        self.head.as_ref().map(|(id, _)| *id)
    }

    fn step(&mut self, filter: &EventFilter) -> rusqlite::Result<()> {
        self.head = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, wanted(row, filter)?)),
            None => None,
        };
        Ok(())
    }
}

/// The event of a row, if the filter lets it through. Of the others hardly anything is read.
fn wanted(row: &Row<'_>, filter: &EventFilter) -> rusqlite::Result<Option<StoredEvent>> {
    let (run, action) = (row.get_ref(2)?.as_str()?, row.get_ref(4)?.as_str()?);
    let (worker, source) = (row.get(3)?, row.get_ref(5)?.as_str_or_null()?);
    let phase = row.get_ref(7)?.as_str_or_null()?;
    let passes = (filter.runs.is_empty() || filter.runs.iter().any(|wanted| wanted.as_str() == run))
        && (filter.sources.is_empty() || filter.sources.iter().any(|wanted| Some(wanted.as_str()) == source))
        && (filter.workers.is_empty() || filter.workers.contains(&worker))
        && (filter.actions.is_empty() || filter.actions.iter().any(|wanted| wanted == action))
        && (filter.phases.is_empty() || filter.phases.iter().any(|wanted| Some(wanted.as_str()) == phase));
    if !passes {
        return Ok(None);
    }
    Ok(Some(StoredEvent {
        id: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
        at: Utc.timestamp_micros(row.get(1)?).single().unwrap_or(DateTime::UNIX_EPOCH),
        run: run.into(),
        worker,
        action: action.to_owned(),
        source: source.map(SourceName::from),
        phase: phase.map(str::to_owned),
        body: row.get(6)?,
    }))
}
