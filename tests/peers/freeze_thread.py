"""Stops one thread of a process for some seconds, as a broken kernel or a debugger does: freeze_thread.py PID NAME SECONDS."""

import ctypes
import os
import sys
import time

ATTACH, DETACH = 16, 17
pid, name, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
threads = {open(f"/proc/{pid}/task/{t}/comm").read().strip(): int(t) for t in os.listdir(f"/proc/{pid}/task")}
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(ATTACH, threads[name], 0, 0) != 0:
    sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
time.sleep(seconds)
libc.ptrace(DETACH, threads[name], 0, 0)
