"""Tables: the medians of the runs, as JSON and Markdown."""

import os
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import environment
from works import Busta


def progress(number, contestant, result):
    """One line for whoever waits."""
    line = f"  run {number + 1}  {contestant.name:<42} {contestant.into:<9} {result['wall']:8.3f} s"
    return f"{line}  {last_line(result['error'])}" if "error" in result else line


def table(work, rows, options):
    """A work's table as plain data, with the circumstances it was taken in."""
    loads = [run["load"] for row in rows for run in row["runs"]]
    foreign = [run["foreign"] for row in rows for run in row["runs"]]
    known = facts(options.busta)
    return {
        "work": work.name,
        "title": work.title,
        "about": work.about,
        "records": work.records,
        "floor": work.floor,
        "facts": known
        | {
            "runs": options.runs,
            "load": [min(loads), max(loads)],
            "foreign": [statistics.median(foreign), max(foreign)],
        },
        "rows": [summary(work, row, known["busta"]) for row in rows],
    }


def facts(busta):
    """What the figures were taken on and with."""
    cpus = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(busta).parent, capture_output=True, text=True
    )
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpus[0] if cpus else platform.machine(),
        "cores": os.cpu_count(),
        "memory": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "busta": subprocess.run([busta, "--version"], capture_output=True, text=True).stdout.split()[-1],
        "commit": commit.stdout.strip() or None,
        "built": datetime.fromtimestamp(Path(busta).stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def summary(work, row, busta):
    """A contestant's medians, its spread, and what is wrong with it."""
    contestant, runs = row["contestant"], row["runs"]
    good = [run for run in runs if "error" not in run]
    expected = getattr(contestant, "records", 0) or work.records
    line = {
        "name": contestant.name,
        "into": contestant.into,
        "busta": isinstance(contestant, Busta),
        "version": version(contestant, row, busta),
        "expected": expected,
        "runs": runs,
        "fault": fault(contestant, row, expected),
    }
    if good:
        walls = [run["wall"] for run in good]
        line |= {"wall": statistics.median(walls), "spread": [min(walls), max(walls)], "good": len(good)}
        for figure in ("cpu", "peak", "requests", "most", "first_request", "span", "bytes"):
            values = [run[figure] for run in good if figure in run]
            line[figure] = statistics.median(values) if values else None
    return line


def version(contestant, row, busta):
    if isinstance(contestant, Busta):
        return busta
    if row["lacks"]:
        return None
    return environment.version(contestant.needs[0]) if contestant.needs else platform.python_version()


def fault(contestant, row, expected):
    """Why a row is not a figure like the others, in words."""
    if row["lacks"]:
        return f"not installed: {row['lacks']}"
    errors = [run["error"] for run in row["runs"] if "error" in run]
    if errors:
        return f"{len(errors)} of {len(row['runs'])} runs failed: {last_line(errors[0])}"
    for run in row["runs"]:
        if contestant.into != "nothing" and not run["records"] == run["distinct"] == expected:
            return f"landed {run['records']:,} records, {run['distinct']:,} of them distinct, not {expected:,}"
    return None


COLUMNS = (
    "tool", "version", "into", "wall", "spread", "records/s", "CPU", "peak memory", "to the first request", "requests",
    "most in flight",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|\n"


def markdown(table):
    """A section of the page."""
    text = f"### {table['title']}\n\n{table['about']}"
    if table["floor"]:
        text += f" The latency alone takes {table['floor']:.3g} s."
    text += "\n\n" + HEAD
    ranked = sorted(table["rows"], key=lambda row: (row.get("wall", 1e9) / row["expected"]))
    text += "".join(line(row) for row in ranked)
    faults = [f"- {row['name']} ({row['into']}): {row['fault']}\n" for row in ranked if row["fault"]]
    if faults:
        text += "\nNot like the others:\n\n" + "".join(faults)
    fewer = [row for row in ranked if row["expected"] != table["records"]]
    if fewer:
        names = ", ".join(f"{row['name']} {row['expected']:,}" for row in fewer)
        text += f"\nRead fewer records, which would take it too long: {names}. Ranked by records per second.\n"
    return text + "\n" + circumstances(table["facts"]) + "\n"


def last_line(text):
    """The last word of an error is what says most."""
    return text.splitlines()[-1][:200]


def line(row):
    name = f"**{row['name']}**" if row["busta"] else row["name"]
    name += " (!)" if row["fault"] else ""
    if "wall" not in row:
        return row_of([name, row["version"] or "", row["into"]] + [""] * (len(COLUMNS) - 3))
    started = "" if row["first_request"] is None else f"{row['first_request']:.2f} s"
    asked, most = (f"{row['requests']:,.0f}", f"{row['most']:.0f}") if row["requests"] else ("", "")
    low, high = row["spread"]
    spread = f"{low:.2f} to {high:.2f}" if row["good"] > 1 else "one run"
    cells = [
        name, row["version"] or "", row["into"], f"{row['wall']:.2f} s",
        spread, f"{significant(row['expected'] / row['wall']):,}",
        f"{row['cpu']:.2f} s", f"{row['peak'] / 2**20:.0f} MiB", started, asked, most,
    ]
    return row_of(cells)


def row_of(cells):
    return "| " + " | ".join(cells) + " |\n"


def significant(value):
    """Three digits are what such figures are worth."""
    return int(float(f"{value:.3g}"))


def circumstances(facts):
    low, high = facts["load"]
    middle, most = facts["foreign"]
    runs = "1 run" if facts["runs"] == 1 else f"{facts['runs']} runs"
    return (
        f"Taken {facts['at']} with busta {facts['busta']} (built {facts['built']}"
        + (f", the repository at {facts['commit']}" if facts["commit"] else "")
        + f"): {runs} each, in turn; {facts['cores']} cores ({facts['cpu']}), "
        f"{facts['memory'] / 2**30:.0f} GiB, Linux {facts['kernel']}, Python {facts['python']}. Load average "
        f"{low:.1f} to {high:.1f}; processes that are no part of this took {middle:.0%} of the cores in the median "
        f"run, {most:.0%} in the worst.\n"
    )


def replace(page, table):
    """Puts a section between its marks on the page; what stands outside of marks is left as it is."""
    begin, end = f"<!-- {table['work']}: generated -->", f"<!-- {table['work']}: end -->"
    text = page.read_text()
    if begin not in text or end not in text:
        raise SystemExit(f"{page} has no place for this work: {begin} and {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{markdown(table)}{end}{after}")
