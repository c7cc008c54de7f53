"""A terminal for programs that ask a person."""
import os
import pty
import select
import signal
import time


class Terminal:
    """A program on a terminal of its own, as a person sees it."""

    def __init__(self, arguments, cwd, env):
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.chdir(cwd)
            os.execvpe(arguments[0], arguments, env)
        self.seen = ""

    def wait_for(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end or not select.select([self.master], [], [], seconds)[0]:
                raise AssertionError(f"{text!r} did not come; it said {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"{text!r} did not come; it said {self.seen!r}") from None

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Its exit code."""
        while select.select([self.master], [], [], 60)[0]:
            try:
                read = os.read(self.master, 4096)
            except OSError:
                break
            if not read:
                break
            self.seen += read.decode(errors="replace")
        else:
            os.kill(self.child, signal.SIGKILL)
        status = os.waitpid(self.child, 0)[1]
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)
