"""Runs `launcher.py FD COMMAND...` and writes what the command took to the file descriptor, as JSON."""

import os
import sys
import time

out, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(out, False)
started_us, began = time.time_ns() // 1000, time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
code = os.waitstatus_to_exitcode(status)
# By hand: the module json would take memory, which the child inherits in its figure.
os.write(
    out,
    f'{{"code": {code}, "wall": {wall}, "cpu": {usage.ru_utime + usage.ru_stime}, '
    f'"peak": {usage.ru_maxrss * 1024}, "started_us": {started_us}}}'.encode(),
)
