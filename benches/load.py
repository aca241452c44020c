#!/usr/bin/env python3
"""Loads `busta serve` with users while it collects, and says what they waited for and what it cost the collection.

    cargo build --release && benches/load.py [--users 100] [--pause 0] [--seconds 60] [--json FILE] [--markdown FILE]

The sandbox and the server run on ports of their own, below a temporary folder. Everything is collected once, so
that there are records; then again and again in full, first with nobody looking and then with the users. Each user
asks for one of the routes by chance, waits for the answer, and for `--pause` seconds. Beside them are clients of the
activity stream. Needs nothing but Python and the binary, on Linux.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from configs import SPAN, chains, stac
from harness import BUSTA, Sandbox, add_outputs, publish
from users import Crowd

SMALL = 20
"""Sources beside the large one, so that lists have something to list."""
RECORDS = "/api/v1/datasets/items/records"


class Server:
    """`busta serve` in a folder, in another process."""

    def __init__(self, busta, folder, env=None):
        self.busta, self.folder, self.env = busta, folder, env

    def __enter__(self):
        self.log = open(Path(self.folder, "serve.log"), "w+")
        command = [self.busta, "serve", "--bind", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=self.log, stderr=self.log
        )
        self.url = self.wait_for("http://")
        host, port = self.url.removeprefix("http://").split(":")
        self.address = host, int(port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def wait_for(self, word):
        while self.process.poll() is None:
            found = [w for w in Path(self.log.name).read_text().split() if w.startswith(word)]
            if found:
                return found[0].rstrip(";/")
            time.sleep(0.02)
        sys.exit(Path(self.log.name).read_text())

    def get(self, path):
        return json.load(urllib.request.urlopen(self.url + path))

    def collect(self, source, full=True):
        """Collects a source, in full or what is new, and gives the seconds that it took by its own report."""
        body = json.dumps({"full_refresh": full}).encode()
        request = urllib.request.Request(
            f"{self.url}/api/v1/sources/{source}/collect", body, {"content-type": "application/json"}
        )
        run = json.load(urllib.request.urlopen(request))["run_id"]
        while (now := self.get(f"/api/v1/runs/{run}"))["state"] in ("queued", "running"):
            time.sleep(0.1)
        if now["state"] != "completed":
            raise RuntimeError(f"the collection is {now['state']}: {json.dumps(now)}")
        return now["duration_s"]

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Collecting(threading.Thread):
    """Collects again and again until it is told to stop; the last one is finished."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.walls, self.stop = server, [], threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.walls.append(self.server.collect("search"))
        except (OSError, RuntimeError) as error:
            self.error = error


def configuration(origin, records, latency):
    """The large source, and many small ones."""
    large = stac(f"{origin}/with/latency={latency}ms/stac/{records}", "sqlite", 100, SPAN)
    small = chains(origin, streams=SMALL, pages=1, latency="0ms").split("sources:\n")[1]
    pools = f"pools: {{ stac: 8, api: {SMALL} }}\nparallel: true\nconcurrency: 8\n"
    return pools + "".join(line for line in large.splitlines(True) if not line.startswith("pools:")) + small


def places(server, count, records):
    """The addresses of so many pages from everywhere in the table: the first, and those that follow longer ones."""
    step = min(1000, max(1, records // count))
    pages, cursor = [f"{RECORDS}?limit=10"], ""
    while len(pages) < count and (cursor := server.get(f"{RECORDS}?limit={step}{cursor}").get("next")):
        cursor = f"&cursor={cursor}"
        pages.append(f"{RECORDS}?limit=10{cursor}")
    return pages


def mix(server, args):
    """What users ask for: each of these as often as another."""
    return {
        "health": ["/health"],
        "overview": ["/api/v1/overview"],
        "runs": ["/api/v1/runs?limit=20"],
        "records": places(server, args.places, args.records),
    }


def quantile(waits, part):
    """In milliseconds."""
    ordered = sorted(waits)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000 if ordered else None


def load(server, args, collecting):
    """One run of the load; `collecting` meanwhile or not."""
    crowd = Crowd(server.address, args.users, args.streams, mix(server, args), args.pause)
    rounds = Collecting(server)
    if collecting:
        rounds.start()
    cpu = server.cpu_seconds()
    took = crowd.run(args.seconds)
    cpu = server.cpu_seconds() - cpu
    rounds.stop.set()
    if collecting:
        rounds.join()
        if rounds.error:
            raise rounds.error
        # The last one was finished with nobody looking.
        rounds.walls = rounds.walls[:-1] or rounds.walls
    routes = [summary(name, route.waits, route.errors, took) for name, route in crowd.routes.items()]
    everything = [wait for route in crowd.routes.values() for wait in route.waits]
    errors = Counter()
    for route in crowd.routes.values():
        errors.update(route.errors)
    routes.append(summary("all", everything, dict(errors), took))
    return {
        "collecting": collecting,
        "routes": routes,
        "requests": len(everything),
        "errors": errors.total(),
        "cpu_us_per_request": cpu / max(1, len(everything)) * 1e6,
        "events": sum(stream.events for stream in crowd.streams),
        "gaps": sum(stream.gaps for stream in crowd.streams),
        "streams_lost": crowd.lost_streams,
        "collections_s": rounds.walls,
    }


def summary(name, waits, errors, took):
    return {
        "route": name,
        "per_s": len(waits) / took,
        "p50_ms": quantile(waits, 0.5),
        "p99_ms": quantile(waits, 0.99),
        "max_ms": quantile(waits, 1),
        "errors": errors,
    }


def table(result):
    """As Markdown."""
    args = result["settings"]
    pause = f"who pause {args['pause']} s" if args["pause"] else "who ask without a pause"
    lines = [
        f"{args['users']} users {pause}, {args['streams']} streams of events, {args['records']:,} records, "
        f"{args['seconds']:.0f} s each:",
        "",
        "| | requests/s | p50 | p99 | longest | errors |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for run in result["loads"]:
        when = "collecting" if run["collecting"] else "idle"
        for row in run["routes"]:
            times = " | ".join("-" if row[key] is None else f"{row[key]:.1f} ms" for key in ("p50_ms", "p99_ms", "max_ms"))
            errors = ", ".join(f"{count} x {why}" for why, count in row["errors"].items()) or "0"
            lines.append(f"| {row['route']}, {when} | {row['per_s']:,.0f} | {times} | {errors} |")
    quiet, loaded = result["quiet_s"], [wall for run in result["loads"] for wall in run["collections_s"]]
    lines += ["", f"A collection of everything: {spread(quiet)} alone"]
    if loaded:
        slower = statistics.median(loaded) / statistics.median(quiet) - 1
        lines[-1] += f", {spread(loaded)} with the users ({slower:+.0%})"
    for run in result["loads"]:
        when = "collecting" if run["collecting"] else "idle"
        lines.append(
            f"{when}: {run['cpu_us_per_request']:.0f} us of the processor per request, {run['events']:,} events "
            f"sent, {run['gaps']} gaps, {run['streams_lost']} streams lost"
        )
    lines.append(f"Peak memory of the server: {result['peak_mib']:.0f} MiB")
    return "\n".join(lines) + "\n"


def spread(walls):
    return f"{statistics.median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}, {len(walls)} times)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--streams", type=int, default=50, help="clients of the activity stream")
    parser.add_argument("--pause", type=float, default=0, help="seconds between an answer and the next request")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--places", type=int, default=100, help="so many different pages of records are asked for")
    parser.add_argument("--latency", type=int, default=50, help="milliseconds that the origin takes for a page")
    parser.add_argument("--rounds", type=int, default=3, help="collections with nobody looking")
    parser.add_argument("--only", default="idle,collecting", help="which loads")
    parser.add_argument("--busta", type=Path, default=BUSTA, help="another build")
    add_outputs(parser)
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="busta-load-"))
    try:
        with Sandbox(args.busta) as origin:
            (folder / "busta.yaml").write_text(configuration(origin.url, args.records, args.latency))
            with Server(args.busta, folder) as server:
                for n in range(SMALL):
                    server.collect(f"s{n}")
                server.collect("search")
                quiet = [server.collect("search") for _ in range(args.rounds)]
                loads = [load(server, args, which == "collecting") for which in args.only.split(",")]
                settings = {key: value for key, value in vars(args).items() if not isinstance(value, Path | None)}
                result = {"settings": settings, "quiet_s": quiet, "loads": loads, "peak_mib": server.peak_mib()}
    finally:
        shutil.rmtree(folder)
    publish(args, result, table(result))
    if any(run["errors"] or run["streams_lost"] for run in loads):
        sys.exit(1)


if __name__ == "__main__":
    main()
