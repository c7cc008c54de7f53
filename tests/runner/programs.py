"""Meson's test programs, run here so that each case of a Criterion program counts by itself. Criterion tells its cases
as TAP; any other program is one case, told by its exit code."""
import os
import re
import signal
import subprocess
import tempfile
import time

import children
from builds import TAIL
from report import FAILED, PASSED, SKIPPED, Case

SKIP_CODE = 77  # a plain program's way to say that it cannot run here
LINE = re.compile(r"(not ok|ok) - (\S+)(?: +# SKIP ?(.*))?")
PLAN = re.compile(r"1\.\.(\d+)")


def name_of(build, test):
    return f"{test['suite'][0].split(':')[-1]}/{test['name']} ({build.name})"


def is_criterion(program):
    with open(program, "rb") as file:
        return b"criterion_" in file.read()


def run(build, test):
    """The program's cases and how long it took."""
    began = time.monotonic()
    name = name_of(build, test)
    with tempfile.TemporaryDirectory(prefix="starling-tap-") as folder:
        tap = os.path.join(folder, "tap") if is_criterion(test["cmd"][0]) else None
        code, output = call(build, test, [f"--tap={tap}"] if tap else [])
        cases = read_tap(name, tap, output) if tap else [plain_case(name, code, output)]
    if code != 0 and all(case.outcome != FAILED for case in cases):
        # A leak that is found when all cases are through, or a crash of Criterion itself.
        cases.append(Case(f"{name} program", FAILED, f"{how(code)}\n{output}"))
    if "starling:canary" in test["suite"]:
        cases = [turned(name, cases)]
    return cases, time.monotonic() - began


def call(build, test, arguments):
    environment = {**os.environ, **test["env"], **build.environment}
    code, output = children.run([*test["cmd"], *arguments], 3 * test["timeout"], cwd=test["workdir"], env=environment,
                                stderr=subprocess.STDOUT, text=True, errors="replace")
    if code is None:
        code, output = -signal.SIGKILL, output + "\nkilled: it took too long"
    return code, "\n".join(output.splitlines()[-TAIL:])


def how(code):
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def plain_case(name, code, output):
    if code == SKIP_CODE:
        return Case(name, SKIPPED, output or "it gave no reason")
    return Case(name, PASSED) if code == 0 else Case(name, FAILED, f"{how(code)}\n{output}")


def read_tap(name, path, output):
    """A case for each line of the report; the plan says how many there must be."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return [Case(name, FAILED, f"no report\n{output}")]
    cases = []
    planned = None
    for line in lines:
        plan, match = PLAN.fullmatch(line), LINE.match(line)
        if plan:
            planned = int(plan[1])
        elif match:
            cases.append(tap_case(name, match, output))
    if planned is None or len(cases) != planned:
        cases.append(Case(name, FAILED, f"{planned} cases planned, {len(cases)} reported\n{output}"))
    return cases


def tap_case(name, match, output):
    case = f"{name} {match[2]}"
    if match[1] != "ok":
        return Case(case, FAILED, output)
    return Case(case, PASSED) if match[3] is None else Case(case, SKIPPED, match[3])


def turned(name, cases):
    """For what must fail, in whichever part: a sanitizer that finds nothing is the failure."""
    if any(case.outcome == FAILED for case in cases):
        return Case(name, PASSED)
    return Case(name, FAILED, "it should have failed: the sanitizer found nothing")
