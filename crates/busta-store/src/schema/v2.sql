-- Reports lie apart, so that a list of runs reads no more pages than it shows rows, and what a list
-- shows of them has its own columns.
ALTER TABLE run RENAME TO run_1;

CREATE TABLE run (
    id           TEXT PRIMARY KEY,
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    state        TEXT NOT NULL,
    started_by   TEXT NOT NULL,
    behind       TEXT,
    -- NULL: it has never been started.
    pid          INTEGER,
    full_refresh INTEGER NOT NULL,
    max_records  INTEGER,
    records      INTEGER NOT NULL DEFAULT 0,
    bytes        INTEGER NOT NULL DEFAULT 0,
    requests     INTEGER NOT NULL DEFAULT 0,
    retries      INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    splits       INTEGER NOT NULL DEFAULT 0,
    duration_s   REAL NOT NULL DEFAULT 0,
    sources      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX run_state ON run (state);

CREATE TABLE run_report (
    run    TEXT PRIMARY KEY,
    report TEXT NOT NULL
);

CREATE TABLE run_source (
    source TEXT NOT NULL,
    run    TEXT NOT NULL,
    PRIMARY KEY (source, run)
) WITHOUT ROWID;
CREATE INDEX run_source_run ON run_source (run);

INSERT INTO run_report (run, report)
SELECT id, report FROM run_1 WHERE json_valid(report);

INSERT INTO run (id, started_at, finished_at, state, started_by, pid, full_refresh, max_records, sources,
                 records, bytes, requests, retries, failures, duration_s, splits)
SELECT id, started_at, finished_at, state, 'command', pid, full_refresh, max_records, sources,
       coalesce(json_extract(valid, '$.records'), 0),
       coalesce(json_extract(valid, '$.bytes'), 0),
       coalesce(json_extract(valid, '$.requests'), 0),
       coalesce(json_extract(valid, '$.retries'), 0),
       coalesce(json_extract(valid, '$.failures'), 0),
       coalesce(json_extract(valid, '$.duration_s'), 0),
       coalesce((SELECT sum(json_extract(value, '$.splits')) FROM json_each(valid, '$.sources')), 0)
FROM (SELECT *, iif(json_valid(report), report, '{}') AS valid FROM run_1);

INSERT OR IGNORE INTO run_source (source, run)
SELECT name.value, run_1.id FROM run_1, json_each(iif(json_valid(run_1.sources), run_1.sources, '[]')) AS name;

DROP TABLE run_1;

CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    -- Microseconds since 1970.
    at     INTEGER NOT NULL,
    run    TEXT NOT NULL,
    worker INTEGER NOT NULL,
    action TEXT NOT NULL,
    source TEXT,
    body   TEXT NOT NULL
);
CREATE INDEX event_run ON event (run);
CREATE INDEX event_source ON event (source) WHERE source IS NOT NULL;
CREATE INDEX event_action ON event (action);

CREATE TABLE schedule (
    source      TEXT PRIMARY KEY,
    since       TEXT NOT NULL,
    last_due_at TEXT,
    paused_at   TEXT
) WITHOUT ROWID;

CREATE TABLE token (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    -- SHA-256 of the token; the token itself is nowhere.
    hash       BLOB NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) WITHOUT ROWID;
