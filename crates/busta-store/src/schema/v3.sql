-- A source that was paused by itself, after too many failures: why, by which run, and how often it was
-- looked since whether it answers again. NULL: somebody has paused it.
ALTER TABLE schedule ADD COLUMN pause_reason TEXT;
ALTER TABLE schedule ADD COLUMN pause_run TEXT;
ALTER TABLE schedule ADD COLUMN probes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE schedule ADD COLUMN probed_at TEXT;

-- Requests that were sent, or may be sent without asking again.
CREATE TABLE request_day (
    source   TEXT NOT NULL,
    -- In UTC: 2026-11-23.
    day      TEXT NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (source, day)
) WITHOUT ROWID;

-- What the last complete run took: one that began at the beginning, and one that went on from another.
CREATE TABLE stream_requests (
    source   TEXT NOT NULL,
    onward   INTEGER NOT NULL,
    stream   TEXT NOT NULL,
    requests INTEGER NOT NULL,
    splits   INTEGER NOT NULL,
    -- Those of them that were known before the run.
    planned  INTEGER NOT NULL,
    PRIMARY KEY (source, onward, stream)
) WITHOUT ROWID;

-- The part of its source's work that an event belongs to.
ALTER TABLE event ADD COLUMN phase TEXT;
