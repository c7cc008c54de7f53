"""Python's unittest modules, each in a process of its own. Called as a program it is that process: it runs the cases of
one file and writes a JSON line for each."""
import json
import os
import pathlib
import re
import sys
import tempfile
import time
import unittest

import children
from report import FAILED, PASSED, SKIPPED, Case

TIMEOUT = 900  # s a module


def matches(pattern, name):
    """Python's names have no hyphen, so one in the pattern may stand for an underscore: certificate-matrix."""
    return re.search(pattern, name) or re.search(pattern, name.replace("_", "-"))


def prefix(path):
    return f"{path.parent.name}/{path.stem}"


def call(path, *arguments, environment=None):
    """The JSON lines that the module's process writes (the last is null, at its very end), and what else it says."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noise:
        command = [sys.executable, "-B", __file__, str(path), *arguments]
        code, output = children.run(command, TIMEOUT, stderr=noise, env={**os.environ, **(environment or {})})
        noise.seek(0)
        said = noise.read()
    lines = [json.loads(line) for line in output.splitlines()]
    whole = bool(lines) and lines[-1] is None
    ended = "it took too long" if code is None else f"it ended early, with code {code}"
    how = "" if whole and code == 0 else f"{ended}\n{said}"
    return [line for line in lines if line is not None], how


def names(path, pattern):
    """The cases of a file that match."""
    return [line["name"] for line in call(path, "--list", pattern)[0]]


def run(path, pattern, environment):
    began = time.monotonic()
    lines, how = call(path, "--run", pattern, environment=environment)
    cases = [Case(**line) for line in lines]
    if how:
        cases.append(Case(prefix(path), FAILED, how))
    return cases, time.monotonic() - began


class Result(unittest.TestResult):
    """Tells each case once, when it is over, whatever happened in its parts."""

    def __init__(self, where, out):
        super().__init__()
        self.where, self.out = where, out
        self.current = None
        self.worst = {}

    def _name(self, test):
        return f"{self.where}/{test.id().removeprefix(self.where.rsplit('/', 1)[-1] + '.')}"

    def _tell(self, name, outcome, detail=""):
        self.out.write(json.dumps({"name": name, "outcome": outcome, "detail": detail}) + "\n")
        self.out.flush()

    def _note(self, test, outcome, detail):
        name = self._name(test)
        if self.current is None:  # a class or module that could not be set up
            self._tell(name, outcome, detail)
        elif self.worst.get("outcome") != FAILED:
            self.worst = {"outcome": outcome, "detail": detail}

    def startTest(self, test):
        super().startTest(test)
        self.current, self.worst = test, {}

    def stopTest(self, test):
        super().stopTest(test)
        self._tell(self._name(test), **(self.worst or {"outcome": PASSED}))
        self.current = None

    def addFailure(self, test, err):
        self._note(test, FAILED, self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._note(test, FAILED, f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self._note(test, SKIPPED, reason)

    def addUnexpectedSuccess(self, test):
        self._note(test, FAILED, "it was expected to fail")


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main(path, mode, pattern):
    path = pathlib.Path(path)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a case prints is not a result
    sys.path.insert(0, str(path.parent))
    result = Result(prefix(path), out)
    cases = [case for case in flatten(unittest.defaultTestLoader.loadTestsFromName(path.stem))
             if matches(pattern, result._name(case))]
    if mode == "--list":
        for case in cases:
            out.write(json.dumps({"name": result._name(case)}) + "\n")
    else:
        unittest.TestSuite(cases).run(result)
    out.write("null\n")
    out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
