"""The runner of tests/chaos by itself: what it is asked, what it measures, what it writes."""
import array
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

import support

CHAOS = support.ROOT / "tests" / "chaos"
sys.path[:0] = [str(CHAOS), str(support.ROOT / "tests" / "runner")]
import scenario  # noqa: E402
import scenario_kill  # noqa: E402
import table  # noqa: E402
import under_test  # noqa: E402
from report import FAILED, PASSED, Case  # noqa: E402


def run(*arguments, **options):
    return subprocess.run([str(CHAOS / "run"), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False, **options)


class CommandLine(unittest.TestCase):
    def test_list(self):
        whole, short = run("--list").stdout.splitlines(), run("--list", "--short").stdout.splitlines()
        self.assertTrue(set(short) < set(whole))
        self.assertGreater(len(short), 10)

    def test_wrong_usage(self):
        for arguments in (["--only", "nothing"], ["--seed", "x"], ["--what"]):
            with self.subTest(arguments):
                result = run(*arguments)
                self.assertEqual((64, 1), (result.returncode, len(result.stderr.splitlines())), result.stderr)

    def test_without_root(self):
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        result = run("--short", **user)
        self.assertEqual(77, result.returncode, result.stdout + result.stderr)
        self.assertIn("root", result.stderr)


class Node:
    """What a flock under test knows of a node."""

    def __init__(self, folder, index):
        self.name = f"node-{index + 1}"
        self.kit = types.SimpleNamespace(folder=folder / self.name)
        self.flock = under_test.Watch(folder / f"{index}")


class Figures(unittest.TestCase):
    """A flock that is made of records, without nodes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="starling-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.told = []
        context = types.SimpleNamespace(seed=1, learner=dict, new_folder=lambda: self.folder / "run",
                                        figure=lambda *told: self.told.append(told))
        os.environ.setdefault("STARLING", support.program())
        self.flock = under_test.Flock(context, 9, nodes=3)
        self.flock.faults = types.SimpleNamespace(killed=set())
        self.flock.nodes = [Node(self.folder, index) for index in range(3)]

    def say(self, index, *events):
        """(seconds, event, round, fields)"""
        with open(self.folder / f"{index}", "a", encoding="utf-8") as file:
            for seconds, event, round_, fields in events:
                file.write(json.dumps({"v": 1, "time_ns": int(seconds * 1e9), "event": event, "round": round_, **fields}) + "\n")
        self.flock.view(index).update()

    def save(self, index, round_, values):
        path = self.folder / f"node-{index + 1}" / "models" / f"round-{round_:06}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((2).to_bytes(8, "little") + b"{}" + array.array("f", values).tobytes())

    def test_round_that_ends_late(self):
        self.say(0, (1, "trained", 1, {}), (6.5, "mixed", 1, {"waited": 5.5, "counted": 2}))
        self.flock.rounds_end_in_time()
        self.assertEqual([("longest wait", 5.5, "s")], self.told)
        self.say(1, (1, "trained", 1, {}), (7.2, "mixed", 1, {"waited": 0.1, "counted": 2}))  # its own word is not enough
        with self.assertRaises(AssertionError):
            self.flock.rounds_end_in_time()
        self.flock.rounds_end_in_time([0, 2])

    def test_rounds_absent(self):
        start, mixed = (lambda seconds: (seconds, "start", 0, {})), \
            (lambda seconds, round_, counted: (seconds, "mixed", round_, {"counted": counted}))
        self.say(0, start(1), *[mixed(round_ + 1, round_, 1) for round_ in range(1, 9)])
        self.say(1, start(1), mixed(2, 1, 1), mixed(3, 2, 1))
        self.assertEqual(0, scenario_kill.rounds_absent(self.flock, 1, 0), "it was there from the first round on")
        self.say(1, start(5.5))
        self.assertIsNone(scenario_kill.rounds_absent(self.flock, 1, 0), "since its second start it has not counted yet")
        self.say(1, mixed(7, 6, 0), mixed(8, 7, 1))
        self.assertEqual(2, scenario_kill.rounds_absent(self.flock, 1, 0), "rounds 5 and 6 went without it")

    def test_consensus_error(self):
        for index, values in enumerate(([3, 4], [3, 4], [3, 4])):
            self.save(index, 1, values)
        self.assertEqual(0, self.flock.consensus_error(1, range(3)))
        self.save(1, 1, [3, 4.5])
        self.save(2, 1, [3, 3.5])
        self.assertAlmostEqual(0.1, self.flock.consensus_error(1, range(3)))
        self.assertIsNone(self.flock.consensus_error(2, range(3)))

    def test_phases(self):
        self.say(0, (1, "phase", 2, {"phase": "train"}))
        view = self.flock.view(0)
        self.assertEqual((True, False, True), (view.entered(2, "train"), view.entered(2, "exchange"),
                                               view.entered(1, "mix")))

    def test_checks(self):
        scenario.check_at_most(1, 1, "x")
        scenario.check_at_least(1, 1, "x")
        for check in (lambda: scenario.check_at_most(1.1, 1, "x"), lambda: scenario.check_at_least(0.9, 1, "x"),
                      lambda: scenario.check(False, "x")):
            with self.assertRaises(AssertionError):
                check()

    def test_table(self):
        (self.folder / "docs").mkdir()
        page = self.folder / "docs" / "reliability.md"
        page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
        one = scenario.Scenario("kill", "a | b", "lives", None, True)
        for _ in range(2):
            table.write(self.folder, types.SimpleNamespace(short=True, seed=7),
                        [(one, Case("kill", FAILED, "why\nmore"), ["wait 3 s"]), (one, Case("kill", PASSED), [])])
        text = page.read_text(encoding="utf-8")
        self.assertIn("| `kill` | a \\| b | lives | failed | wait 3 s; why |\n", text)
        self.assertIn("short form, seed 7", text)
        self.assertEqual((1, 1, 0), (text.count("before"), text.count("after"), text.count("old")))


if __name__ == "__main__":
    unittest.main()
