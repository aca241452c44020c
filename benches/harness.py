"""What every benchmark here needs: the sandbox as origin, and the measuring of a process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUSTA = ROOT / "target/release/busta"
LAUNCHER = Path(__file__).with_name("launcher.py")


class Sandbox:
    """The origin, in another process."""

    def __init__(self, busta=BUSTA):
        self.busta = busta

    def __enter__(self):
        command = [self.busta, "sandbox", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = next(word for line in self.process.stdout for word in line.split() if word.startswith("http://"))
        self.url = self.url.rstrip("/").removesuffix("/_sandbox")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def stats(self):
        return json.load(urllib.request.urlopen(f"{self.url}/_sandbox/stats"))

    def reset(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_sandbox/reset", method="POST")).read()

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """One process and its descendants, from its start to its end."""

    code: int
    wall: float
    """Seconds."""
    cpu: float
    """User and system seconds, of all processes of the tree."""
    peak: int
    """Bytes: the peak resident set of the largest process of the tree."""
    started_us: int
    """When it was started, in microseconds of Unix time."""


def measure(command, folder, log, env=None, timeout=600):
    """Runs a command in a folder; what it says goes to the file `log`.

    A small launcher starts and awaits it, because Linux counts the parent's memory at the time of the fork
    as the child's (`ru_maxrss` outlives exec): so the least that can be measured is the launcher's 9 MiB.
    What takes longer than `timeout` is killed, and has the code -9.
    """
    read, write = os.pipe()
    with open(log, "wb") as out, os.fdopen(read, "rb") as result:
        launcher = [sys.executable, "-I", "-S", LAUNCHER, str(write), *map(str, command)]
        process = subprocess.Popen(
            launcher, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=[write],
            start_new_session=True,
        )
        os.close(write)
        try:
            process.wait(timeout)
            return Measured(**json.load(result))
        except subprocess.TimeoutExpired:
            return Measured(-signal.SIGKILL, timeout, 0.0, 0, 0)
        finally:
            if process.poll() is None:  # too slow, or somebody has stopped us
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def busy_seconds():
    """The CPU seconds that the whole machine has spent on anything since it was booted."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


class Foreign:
    """How much of the machine others took meanwhile: neither the measured process nor the origin."""

    def __init__(self, origin):
        self.origin = origin
        self.began, self.busy, self.served = time.perf_counter(), busy_seconds(), origin.cpu_seconds()

    def share(self, measured):
        """From 0 to 1, of all cores."""
        own = self.origin.cpu_seconds() - self.served + measured.cpu
        foreign = busy_seconds() - self.busy - own
        return max(0.0, foreign / ((time.perf_counter() - self.began) * os.cpu_count()))


def add_outputs(parser):
    """The options for where the figures go, besides the terminal."""
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)


def publish(args, result, table):
    """Prints the table, and keeps it and the figures behind it where the options say."""
    print(table)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2))
    if args.markdown:
        args.markdown.write_text(table)
