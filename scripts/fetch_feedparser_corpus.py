#!/usr/bin/env python3
"""Puts the feeds of feedparser's test suite into a folder: fetch_feedparser_corpus.py FOLDER

They come from PyPI by pip and are not part of this repository (they are feedparser's, BSD 2-clause).
Exits with 3 if pip cannot get them, so that a test can tell "no network" from a mistake of its own.
"""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "feedparser"
VERSION = "6.0.14"
SHA256 = "088679b0c4b543ee211a820dd544698c76a402122eae7473c04a43425f283d06"
UNREACHABLE = 3


def download(folder: pathlib.Path) -> pathlib.Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", PACKAGE, "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    result = subprocess.run(command, stdout=sys.stderr, check=False)
    archives = list(folder.glob("*.tar.gz"))
    if result.returncode != 0 or not archives:
        print(f"pip cannot get {PACKAGE} {VERSION}", file=sys.stderr)
        sys.exit(UNREACHABLE)
    return archives[0]


def main() -> None:
    target = pathlib.Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = download(pathlib.Path(scratch))
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"{archive.name} has the SHA-256 {digest}, not {SHA256}")
        with tarfile.open(archive) as tar:
            prefix = f"{PACKAGE}-{VERSION}/tests/"
            members = [m for m in tar.getmembers() if m.isfile() and m.name.startswith(prefix)]
            # Only plain files below one folder whose names are checked: nothing can leave `scratch`.
            members = [m for m in members if ".." not in pathlib.PurePosixPath(m.name).parts]
            tar.extractall(scratch, members=members)
        shutil.rmtree(target, ignore_errors=True)
        (pathlib.Path(scratch) / prefix).rename(target)


main()
