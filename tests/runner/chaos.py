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


def run(pattern, environment):
    """The cases that match, and how long they took."""
    began = time.monotonic()
    names = chosen(pattern)
    if os.geteuid() != 0:
        return [Case(prefix(name), SKIPPED, "it needs root: network namespaces") for name in names], 0.0
    only = [word for name in names for word in ("--only", name)]
    code, output = children.run([COMMAND, "--short", "--json", *only], TIMEOUT, stderr=subprocess.STDOUT, text=True,
                                errors="replace", env={**os.environ, **environment})
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"name"')]
    cases = [Case(**{**line, "name": prefix(line["name"])}) for line in lines]
    if code != 0 or len(cases) != len(names):
        cases.append(Case("chaos", FAILED, f"{len(names)} scenarios chosen, {len(cases)} told, exit code {code}\n{output}"))
    return cases, time.monotonic() - began
