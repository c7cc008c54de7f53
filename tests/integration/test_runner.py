"""The test runner and the CI's script: what they count is what happened."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import support

sys.path.insert(0, str(support.ROOT / "tests/runner"))
import chaos  # noqa: E402
import children  # noqa: E402
import modules  # noqa: E402
import programs  # noqa: E402
from report import FAILED, PASSED, SKIPPED, Case, Report  # noqa: E402

SAMPLE = """\
import contextlib
import os
import unittest

class A(unittest.TestCase):
    def test_good(self):
        print("noise")
    def test_bad(self):
        self.fail("why")
    def test_error(self):
        raise OSError
    def test_skipped(self):
        self.skipTest("not here")
    def test_parts(self):
        for i in range(3):
            with self.subTest(i):
                self.assertNotEqual(i, 1)
    @unittest.expectedFailure
    def test_surprise(self):
        pass

class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no")
    def test_never(self):
        pass
"""


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="starling-runner-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path


class Modules(Folder):
    def outcomes(self, text, pattern=""):
        cases, _ = modules.run(self.write("test_sample.py", text), pattern, {})
        return {case.name.rsplit("/", 1)[-1]: case.outcome for case in cases}

    def test_counts_each_case_once(self):
        self.assertEqual({"A.test_good": PASSED, "A.test_bad": FAILED, "A.test_error": FAILED,
                          "A.test_skipped": SKIPPED, "A.test_parts": FAILED, "A.test_surprise": FAILED,
                          "setUpClass (test_sample.B)": FAILED}, self.outcomes(SAMPLE))

    def test_pattern(self):
        self.assertEqual({"A.test_good": PASSED}, self.outcomes(SAMPLE, "good"))

    def test_module_that_cannot_be_read_or_dies_is_a_failure(self):
        for text in ("import nowhere\n", "syntax error\n", "import os\nos._exit(3)\n",
                     "import os, unittest\nclass A(unittest.TestCase):\n    def test_a(self):\n        os._exit(0)\n"):
            with self.subTest(text):
                self.assertIn(FAILED, self.outcomes(text).values())


class Programs(Folder):
    def read(self, text):
        return [case.outcome for case in programs.read_tap("x", self.write("tap", text), "said")]

    def test_reads_tap(self):
        text = "TAP version 13\n1..4\n# x\nok - a::b  (0.00s)\nnot ok - a::c  (0.00s)\n  ---\n  ok - fake\n" \
               "ok - a::d  # SKIP why\nnot ok - a::e unexpected signal after x.c:5\n"
        self.assertEqual([PASSED, FAILED, SKIPPED, FAILED], self.read(text))

    def test_report_that_is_cut_is_a_failure(self):
        self.assertEqual([PASSED, FAILED], self.read("1..2\nok - a::b  (0.00s)\n"))
        self.assertEqual([FAILED], self.read(""))
        self.assertEqual([FAILED], [case.outcome for case in programs.read_tap("x", self.folder / "none", "")])

    def test_what_must_fail(self):
        self.assertEqual(PASSED, programs.turned("x", [Case("a", PASSED), Case("b", FAILED)]).outcome)
        self.assertEqual(FAILED, programs.turned("x", [Case("a", PASSED)]).outcome)

    def test_plain_program(self):
        self.assertEqual([PASSED, FAILED, SKIPPED, FAILED],
                         [programs.plain_case("x", code, "").outcome for code in (0, 1, 77, -6)])


class Faults(Folder):
    """tests/chaos, as tests/run counts it."""

    @staticmethod
    def line(name, outcome, detail="", why=""):
        return json.dumps({"name": name, "outcome": outcome, "detail": detail, "open": why})

    def test_what_is_known_to_fail_is_skipped_and_says_what_it_measured(self):
        known = chaos.read_case(self.line("stop", FAILED, "9 rounds, wanted at most 5", "links are slow"))
        self.assertEqual(Case("chaos/stop", SKIPPED, "known to fail: links are slow (9 rounds, wanted at most 5)"), known)
        # Nothing else becomes of it, and of nothing else.
        self.assertEqual(Case("chaos/stop", PASSED), chaos.read_case(self.line("stop", PASSED, why="links are slow")))
        self.assertEqual(Case("chaos/stop", SKIPPED, "no root"), chaos.read_case(self.line("stop", SKIPPED, "no root", "x")))
        self.assertEqual(Case("chaos/stop", FAILED, "9 rounds"), chaos.read_case(self.line("stop", FAILED, "9 rounds")))

    @unittest.skipUnless(os.geteuid() == 0, "only root's faults are played")
    def test_what_was_not_told_is_a_failure(self):
        listed = "printf 'a x\\nb y\\n'"
        told = {"all": [self.line("a", PASSED), "noise", self.line("b", FAILED, "why")], "one": [self.line("a", PASSED)]}
        for what, code in (("all", 0), ("all", 1), ("one", 0)):
            said = "\n".join(told[what])
            chaos.COMMAND, real = self.write("run", f"#!/bin/sh\n[ \"$2\" = --list ] && {{ {listed}; exit; }}\n"
                                                    f"cat <<'end'\n{said}\nend\nexit {code}\n", 0o755), chaos.COMMAND
            self.addCleanup(setattr, chaos, "COMMAND", real)
            cases = chaos.run("", {})[0]
            self.assertEqual(["chaos/a"] + ["chaos/b"] * (what == "all") + ["chaos"] * (what == "one" or code != 0),
                             [case.name for case in cases])
            self.assertEqual(FAILED, cases[-1].outcome)


class Children(Folder):
    STARTED = "import sys; sys.path.insert(0, sys.argv[1]); import children; children.stop_with_runner(); " \
              "children.run(['sh', '-c', 'echo $$ >pid; exec sleep 1000'])"

    def command_line(self):
        """Of the child; empty when it has ended, whether or not anybody has waited for it."""
        pid = (self.folder / "pid").read_text(encoding="utf-8").strip() if (self.folder / "pid").exists() else ""
        try:
            return pid and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""

    def test_end_with_the_runner(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), subprocess.Popen(
                    [sys.executable, "-B", "-c", self.STARTED, support.ROOT / "tests/runner"], cwd=self.folder,
                    stdout=subprocess.PIPE) as runner:
                support.wait_for(lambda: b"sleep" in (self.command_line() or b""))
                runner.send_signal(number)
                self.assertIn(b"stopped", runner.communicate()[0])
                self.assertEqual(128 + number, runner.returncode)
                support.wait_for(lambda: not self.command_line(), 10, "the child's end")

    def test_a_child_that_is_just_being_started_ends_as_well(self):
        """The signal comes when the child is there and the runner does not know its number yet."""
        begun = ("import os, pathlib, signal, subprocess, sys; sys.path.insert(0, sys.argv[1]); import children\n"
                 "class Late(subprocess.Popen):\n"
                 "    def __init__(self, *arguments, **options):\n"
                 "        super().__init__(*arguments, **options)\n"
                 "        pathlib.Path('pid').write_text(str(self.pid))\n"
                 "        os.kill(os.getpid(), signal.SIGTERM)\n"
                 "subprocess.Popen = Late\n"
                 "children.stop_with_runner(); children.run(['sleep', '1000'])\n")
        run = subprocess.run([sys.executable, "-B", "-c", begun, support.ROOT / "tests/runner"], cwd=self.folder,
                             stdout=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(128 + signal.SIGTERM, run.returncode)
        support.wait_for(lambda: not self.command_line(), 10, "the child's end")

    def test_time_limit(self):
        self.assertEqual((None, b"said\n"), children.run(["sh", "-c", "echo said; exec sleep 1000"], 0.2))
        self.assertEqual((3, b""), children.run(["sh", "-c", "exit 3"], 60))


class Closing(unittest.TestCase):
    def test_wrong_usage(self):
        for arguments in (["--what"], ["--only", "("]):
            run = subprocess.run([str(support.ROOT / "tests/run"), *arguments], capture_output=True, text=True,
                                 check=False)
            self.assertEqual((64, 1, ""), (run.returncode, len(run.stderr.splitlines()), run.stdout), run.stderr)

    def close(self, *outcomes):
        report = Report()
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            report.add("x", [Case(str(index), outcome) for index, outcome in enumerate(outcomes)], 0)
            return report.close()

    def test_exit_code(self):
        self.assertEqual([0, 1, 1, 1, 0], [self.close(PASSED), self.close(PASSED, FAILED), self.close(),
                                           self.close(SKIPPED), self.close(PASSED, SKIPPED)])

    def test_nothing_that_matches_is_no_success(self):
        run = subprocess.run([str(support.ROOT / "tests/run"), "--quick", "--only", "no such test"], capture_output=True,
                             text=True, check=False)
        self.assertEqual((1, "0 passed, 0 failed, 0 skipped"), (run.returncode, run.stdout.splitlines()[-1]), run.stderr)


class Ci(Folder):
    def ci(self, tests, testnet):
        script = (support.ROOT / ".ci/run").read_text(encoding="utf-8")
        self.write(".ci/run", script, 0o755)
        self.write("tests/run", f"#!/bin/sh\necho one\necho '5 passed, 0 failed, 0 skipped'\nexit {tests}\n", 0o755)
        self.write("testnet/run", f'#!/bin/sh\necho "testnet $*"\nexit {testnet}\n', 0o755)
        run = subprocess.run([str(self.folder / ".ci/run")], capture_output=True, text=True, check=False)
        self.assertIn("testnet --nodes 4 --rounds 3", run.stdout)
        self.assertEqual("5 passed, 0 failed, 0 skipped", run.stdout.splitlines()[-1])
        return run.returncode

    def test_exit_code_is_the_first_that_failed(self):
        self.assertEqual([0, 3, 4, 3], [self.ci(0, 0), self.ci(3, 0), self.ci(0, 4), self.ci(3, 4)])


class Setup(Folder):
    """testnet/setup with an apt and a dpkg of its own."""

    def setup(self, *sections, installed):
        root = support.ROOT
        self.write("setup", (root / "testnet/setup").read_text(encoding="utf-8"), 0o755)
        self.write("packages.txt", "# list\n[run]\na-b1    # why\nc\n\n[tests]\nlib+x.y   # why\n")
        known = "|".join(installed) or "-"
        self.write("bin/dpkg-query", f'#!/bin/sh\nfor last; do :; done\ncase $last in {known}) echo installed ;; '
                                     '*) exit 1 ;; esac\n', 0o755)
        self.write("bin/apt-get", f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>{self.folder}/calls\n', 0o755)
        self.write("bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)
        self.write("calls", "")
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        result = subprocess.run([str(self.folder / "setup"), *sections], env={**os.environ, "PATH": path},
                                capture_output=True, text=True, check=False)
        self.assertEqual(0, result.returncode, result.stderr)
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    def test_nothing_is_asked_for_when_all_is_there(self):
        self.assertEqual([], self.setup("run", installed=("a-b1", "c")))
        self.assertEqual([], self.setup("run", "tests", installed=("a-b1", "c", "lib+x.y")))

    def test_what_is_missing_is_installed(self):
        calls = self.setup("run", "tests", installed=("c",))
        self.assertEqual(2, len(calls))
        self.assertTrue(calls[1].startswith("noninteractive "))
        self.assertIn("DPkg::Lock::Timeout=", calls[1])
        self.assertTrue(calls[1].endswith("install --no-install-recommends a-b1 lib+x.y"), calls)


class Patterns(unittest.TestCase):
    def test_a_hyphen_stands_for_an_underscore(self):
        name = "integration/test_certificate_matrix.Matrix.test_expired__client"
        for pattern in ("certificate-matrix", "certificate_matrix", "Matrix.*client$", ""):
            self.assertTrue(modules.matches(pattern, name), pattern)
        for pattern in ("certificate.-matrix", "certificate matrix", "server"):
            self.assertFalse(modules.matches(pattern, name), pattern)


if __name__ == "__main__":
    unittest.main()
