"""The short form of the scenarios of tests/chaos: faults on real nodes. A case each."""
import json
import os
import subprocess
import time

import builds
import children
from modules import matches
from report import FAILED, SKIPPED, Case

COMMAND = builds.ROOT / "tests" / "chaos" / "run"
TIMEOUT = 900  # s


def prefix(name):
    return f"chaos/{name}"


def chosen(pattern):
    listed = subprocess.run([COMMAND, "--short", "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    return [name for name in names if matches(pattern, prefix(name))]


def read_case(line):
    """Of a line of --json. What is known to fail is no news in tests/run, but is counted; tests/chaos/run says that it fails."""
    told = json.loads(line)
    why = told.pop("open")
    case = Case(**{**told, "name": prefix(told["name"])})
    if why and case.outcome == FAILED:
        return Case(case.name, SKIPPED, f"known to fail: {why} ({case.detail})")
    return case


def run(pattern, environment):
    """The cases that match, and how long they took."""
    began = time.monotonic()
    names = chosen(pattern)
    if os.geteuid() != 0:
        return [Case(prefix(name), SKIPPED, "it needs root: network namespaces") for name in names], 0.0
    only = [word for name in names for word in ("--only", name)]
    code, output = children.run([COMMAND, "--short", "--json", *only], TIMEOUT, stderr=subprocess.STDOUT, text=True,
                                errors="replace", env={**os.environ, **environment})
    cases = [read_case(line) for line in output.splitlines() if line.startswith('{"name"')]
    if code != 0 or len(cases) != len(names):
        cases.append(Case("chaos", FAILED, f"{len(names)} scenarios chosen, {len(cases)} told, exit code {code}\n{output}"))
    return cases, time.monotonic() - began
