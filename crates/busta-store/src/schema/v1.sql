CREATE TABLE run (
    id           TEXT PRIMARY KEY,
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    state        TEXT NOT NULL,
    pid          INTEGER,
    full_refresh INTEGER NOT NULL,
    max_records  INTEGER,
    sources      TEXT NOT NULL,
    report       TEXT
) WITHOUT ROWID;
CREATE TABLE split_duration (
    source  TEXT NOT NULL,
    stream  TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (source, stream)
) WITHOUT ROWID;
