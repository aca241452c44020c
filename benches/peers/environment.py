"""The virtual environment of the peers, and what is installed in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
FOLDER = ROOT / "target/peers"
PYTHON = FOLDER / "bin/python"


def prepare():
    """Makes the environment if it is not there or the requirements have changed.

    What cannot be installed is left out with a warning; its rows say so.
    """
    done = FOLDER / "requirements.txt"
    if done.exists() and done.read_text() == REQUIREMENTS.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    if pip("-r", REQUIREMENTS) != 0:
        wanted = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
        for requirement in filter(None, wanted):
            if pip(requirement) != 0:
                print(f"cannot be installed: {requirement}", file=sys.stderr)
    shutil.copy(REQUIREMENTS, done)


def pip(*arguments):
    print("pip install", *arguments, file=sys.stderr)
    return subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *arguments]).returncode


def environ():
    """What the peers see of the environment: no telemetry, and nothing from outside of the venv."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "BUSTA"))}
    return keep | {"DO_NOT_TRACK": "true", "PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}"}


@cache
def versions():
    """The installed distributions, by lower-case name."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    return {entry["name"].lower(): entry["version"] for entry in json.loads(listed.stdout)}


@cache
def version(need):
    """The version of a distribution, or of a program (`newsboat (program)`); None if it is not installed."""
    if not need.endswith(" (program)"):
        return versions().get(need.lower())
    program = need.removesuffix(" (program)")
    if not shutil.which(program):
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found.group() if found else "?"
