"""Writes the Parquet files that are read: `parquet_rows.py FOLDER FILES ROWS`, in the peers' environment."""

import random
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet

NOTES = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima".split()


def table(first, rows):
    chance = random.Random(first)
    ids = range(first, first + rows)
    return pyarrow.table(
        {
            "id": pyarrow.array(ids, pyarrow.int64()),
            "name": [f"customer {chance.randrange(100_000)}" for _ in ids],
            "email": [f"user{chance.randrange(10**9)}@example.org" for _ in ids],
            "amount": [round(chance.random() * 1000, 2) for _ in ids],
            "quantity": pyarrow.array([chance.randrange(100) for _ in ids], pyarrow.int32()),
            "paid": [chance.random() < 0.5 for _ in ids],
            "status": [chance.choice(("new", "open", "shipped", "closed")) for _ in ids],
            "lat": [chance.uniform(-90, 90) for _ in ids],
            "lon": [chance.uniform(-180, 180) for _ in ids],
            "at": pyarrow.array([1_700_000_000_000 + n * 1000 for n in ids], pyarrow.timestamp("ms", "UTC")),
            "note": [" ".join(chance.choices(NOTES, k=12)) for _ in ids],
            "tags": [chance.choices(NOTES, k=3) for _ in ids],
        }
    )


folder, files, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
for number in range(files):
    pyarrow.parquet.write_table(table(number * rows, rows), folder / f"{number}.parquet", compression="zstd")
