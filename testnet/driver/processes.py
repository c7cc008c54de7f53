"""Node processes: started, watched, stopped. None outlives the driver."""
import ctypes
import os
import signal
import subprocess
import time

STOP_TIMEOUT = 60  # s from SIGINT until a node that does not end is killed
LOG_LINES = 12

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl


def end_with_driver(parent):
    """In a child of the driver: be told to stop when the driver dies, however it dies. By SIGTERM: a second SIGINT would
    end a node that is still saving."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Process:
    """One run of `starling node`. Its own session: Ctrl-C reaches it through the driver alone, once."""

    def __init__(self, name, arguments, log):
        self.name = name
        self.log = log
        self.waker = None  # of one that is frozen
        parent = os.getpid()
        with open(log, "ab") as output:
            self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                          start_new_session=True, preexec_fn=lambda: end_with_driver(parent))

    @property
    def code(self):
        """None while it runs."""
        return self.child.poll()

    @property
    def failed(self):
        return self.code not in (None, 0)

    def signal(self, number):
        if self.code is None:
            self.child.send_signal(number)

    def freeze(self):
        """SIGSTOP. What stands still cannot end with the driver: a process beside it wakes it when the driver is gone."""
        if self.code is None and not self.waker:
            self.waker = subprocess.Popen(["sh", "-c", f"read -r _; kill -s CONT {self.child.pid}"], stdin=subprocess.PIPE,
                                          start_new_session=True)
            self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        if self.waker:
            self.waker.communicate()
            self.waker = None

    def kill(self):
        """SIGKILL, and wait for it."""
        if self.waker:
            self.waker.kill()
            self.thaw()
        self.signal(signal.SIGKILL)
        self.child.wait()

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n") for line in file.readlines()[-LOG_LINES:]]
        code = self.code
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"{self.name} {how}; its last lines, from {self.log}:\n" + "\n".join("    " + line for line in lines)


class Stop:
    """Counts what asks the driver to end: the first time nodes stop cleanly, the second time at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self):
        self.asked = 0
        for number in self.SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number, _frame):
        self.asked += 1
        self.number = number


def stop_all(processes, stop):
    """SIGINT, wait, SIGKILL for those that do not end in time or when asked once more. True when all ended alone."""
    asked = stop.asked
    end = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        process.thaw()
        process.signal(signal.SIGINT)
    while any(process.code is None for process in processes):
        if stop.asked > asked or time.monotonic() > end:
            break
        time.sleep(0.05)
    late = [process for process in processes if process.code is None]
    for process in late:
        process.kill()
    return not late
