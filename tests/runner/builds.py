"""The builds that tests run in: each a folder under build/, set up once and compiled anew each time."""
import dataclasses
import json
import os
import pathlib
import subprocess
import time

import children
from report import FAILED, PASSED, Case

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAIL = 60  # lines shown of what failed


@dataclasses.dataclass
class Build:
    name: str
    options: tuple
    suites: tuple = ()  # of Meson's tests, which are run there
    compiler: str = "gcc"
    environment: dict = dataclasses.field(default_factory=dict)

    @property
    def folder(self):
        return ROOT / "build" / self.name

    @property
    def program(self):
        return self.folder / "starling"

    def set_up(self, report):
        """False where it failed, which is then a failed case. A build that is there is brought up to date, so that Meson
        knows of tests that are new."""
        if (self.folder / "build.ninja").exists():
            return self._step(report, ["ninja", "-C", str(self.folder), "--quiet", "build.ninja"], tell=False)
        return self._step(report, ["meson", "setup", str(self.folder), str(ROOT), *self.options], tell=False)

    def compile(self, report):
        return self._step(report, ["ninja", "-C", str(self.folder), "--quiet", "-k", "20"], tell=True)

    def _step(self, report, arguments, tell):
        began = time.monotonic()
        environment = {**os.environ, "CC": self.compiler}
        code, said = children.run(arguments, env=environment, stderr=subprocess.STDOUT, text=True, errors="replace")
        name = f"build/{self.name}"
        if code != 0:
            output = "\n".join(said.splitlines()[-TAIL:])
            report.add(name, [Case(name, FAILED, output)], time.monotonic() - began)
        elif tell:
            report.add(name, [Case(name, PASSED)], time.monotonic() - began)
        return code == 0

    def tests(self):
        """Meson's description of the tests of this build's suites."""
        output = subprocess.run(["meson", "introspect", "--tests", str(self.folder)], stdout=subprocess.PIPE, text=True,
                                check=True).stdout
        suites = {f"starling:{suite}" for suite in self.suites}
        return [test for test in json.loads(output) if suites & set(test["suite"])]


SANITIZE = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:malloc_context_size=2",
    "LSAN_OPTIONS": f"suppressions='{ROOT}/tests/runner/lsan.supp':print_suppressions=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:abort_on_error=1",
}
TSAN = {"TSAN_OPTIONS": f"halt_on_error=1:exitcode=66:suppressions='{ROOT}/tests/runner/tsan.supp'"}

RELEASE = Build("release", ("--buildtype=release", "-Dtests=false"))
PLAIN = Build("plain", (), ("unit", "sim", "threads", "fuzz"))
CLANG = Build("clang", (), ("unit",), compiler="clang")
SANITIZED = Build("sanitize", ("-Db_sanitize=address,undefined", "-Db_lundef=false"),
                  ("unit", "sim", "threads", "fuzz", "canary"), environment=SANITIZE)
THREADS = Build("tsan", ("-Db_sanitize=thread", "-Db_lundef=false"), ("threads",), environment=TSAN)
