#!/usr/bin/env python3
"""Gives busta and its peers the same work against the sandbox, and tells what each of them took.

    cargo build --release && benches/peers/run.py [--only stac] [--runs 3] [--quick]
                                                  [--json out.json] [--markdown docs/benchmarks.md]

The peers are installed into `target/peers` from `requirements.txt`, beside this file (newsboat comes from the
system: `apt install newsboat`). The origin is `busta sandbox` in a process of its own. The contestants of a work
take turns, run after run, so that what else the machine does hits all alike; figures are medians. What landed is
counted here, from the files that were written. With `--markdown` the tables of the works that ran replace those
in the file.

The exit code is 3 if a row has no sound figure: something failed, is not installed, or left not what it should.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import environment  # noqa: E402
import report  # noqa: E402
from harness import BUSTA, Foreign, Sandbox, measure  # noqa: E402
from works import FROM_FILES, FROM_ORIGIN, Busta  # noqa: E402

HERE = Path(__file__).resolve().parent
FAILURES = 2
"""After so many failed runs a contestant is not run again: the others need the time."""
PATIENCE = 20.0
"""Seconds. What takes longer is run once: where it stands among the others is clear by then."""


def missing(contestant):
    """The first thing that a contestant needs and that is not installed."""
    if isinstance(contestant, Busta):
        return None
    return next((need for need in contestant.needs if environment.version(need) is None), None)


def command(work, contestant, folder, busta):
    """The command line of a contestant whose folder is ready for it."""
    if isinstance(contestant, Busta):
        Path(folder, "busta.yaml").write_text(contestant.yaml)
        return [busta, "sources", "collect", "--parallel", "--concurrency", str(work.concurrency), "--json"]
    task = {key: value for key, value in work.task.items() if key != "make"}
    task = json.dumps({**task, "concurrency": work.concurrency, **contestant.settings})
    Path(folder, "out").mkdir()
    return [environment.PYTHON, HERE / "tools" / f"{contestant.script}.py", task]


def landed(work, contestant, folder):
    """What lies in the folder: records, distinct keys, bytes."""
    key = getattr(contestant, "key", ()) or work.key
    counted = [environment.PYTHON, HERE / "landed.py", folder, *key]
    done = subprocess.run(counted, capture_output=True, text=True)
    if done.returncode != 0:
        return {"records": 0, "distinct": 0, "bytes": 0, "error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)


def run_once(work, contestant, origin, busta):
    """One run in a fresh folder, as a plain dictionary."""
    folder = Path(tempfile.mkdtemp(prefix="busta-peers-"))
    try:
        arguments = command(work, contestant, folder, busta)
        origin.reset()
        foreign, load = Foreign(origin), os.getloadavg()[0]
        log = folder / "log"
        measured = measure(arguments, folder, log, environment.environ())
        result = {
            "wall": measured.wall, "cpu": measured.cpu, "peak": measured.peak, "code": measured.code,
            "foreign": foreign.share(measured), "load": load,
        }
        seen = origin.stats()["total"]
        result |= {"requests": seen["requests"], "most": seen["max_in_flight"]}
        if seen["requests"]:
            result["first_request"] = (seen["first_request_unix_us"] - measured.started_us) / 1e6
            result["span"] = (seen["last_answer_us"] - seen["first_request_us"]) / 1e6
        said = log.read_text(errors="replace").strip()
        if measured.code != 0:
            ended = f"signal {-measured.code}" if measured.code < 0 else f"exit code {measured.code}"
            return result | {"error": f"{said[-600:]} ({ended})".strip()}
        if contestant.into != "nothing":
            result |= landed(work, contestant, folder)
        return result | {"said": said[-2000:]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def enough(runs):
    """Whether a contestant is not to be run again."""
    return sum("error" in run for run in runs) == FAILURES or any(run["wall"] > PATIENCE for run in runs)


def run(work, origin, options):
    """All contestants in turn; gives the rows of the table."""
    rows = [{"contestant": c, "lacks": missing(c), "runs": []} for c in work.contestants]
    able = [row for row in rows if not row["lacks"]]
    print(f"\n{work.title}", file=sys.stderr)
    run_once(work, able[0]["contestant"], origin, options.busta)  # the origin renders its pages once
    for number in range(options.runs):
        for row in able:
            if enough(row["runs"]):
                continue
            result = run_once(work, row["contestant"], origin, options.busta)
            row["runs"].append(result)
            print(report.progress(number, row["contestant"], result), file=sys.stderr, flush=True)
    return rows


def all_works(origin, names, quick):
    """Works by name, one after another; their files live as long as they are worked on."""
    for name in names:
        if name in FROM_ORIGIN:
            yield FROM_ORIGIN[name](origin, quick)
            continue
        folder = Path(tempfile.mkdtemp(prefix="busta-peers-in-"))
        try:
            work = FROM_FILES[name](folder, quick)
            if made := work.task.get("make"):
                maker = [environment.PYTHON, HERE / "parquet_rows.py", folder / "in", made["files"], made["rows"]]
                subprocess.run(list(map(str, maker)), check=True)
            yield work
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def parse():
    names = [*FROM_ORIGIN, *FROM_FILES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to try the suite; no figures")
    parser.add_argument("--busta", type=Path, default=BUSTA, help="the binary")
    parser.add_argument("--json", type=Path, help="every run")
    parser.add_argument("--markdown", type=Path, help="the page whose generated parts are replaced")
    options = parser.parse_args()
    options.works = options.only.split(",")
    if unknown := set(options.works) - set(names):
        parser.error(f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.quick and options.markdown:
        parser.error("--quick gives no figures for a page")
    options.busta = options.busta.resolve()
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    environment.prepare()
    tables = []
    with Sandbox(options.busta) as origin:
        for work in all_works(origin, options.works, options.quick):
            table = report.table(work, run(work, origin, options), options)
            tables.append(table)
            print(report.markdown(table))
            if options.markdown:
                report.replace(options.markdown, table)
            if options.json:
                options.json.write_text(json.dumps(tables, indent=2))
    if any(row["fault"] for table in tables for row in table["rows"]):
        sys.exit(3)


if __name__ == "__main__":
    main()
