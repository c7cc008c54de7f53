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
import progress  # noqa: E402
import scenario  # noqa: E402
import scenario_kill  # noqa: E402
import scenario_links  # noqa: E402,F401
import scenario_load  # noqa: E402,F401
import scenario_long  # noqa: E402,F401
import scenario_restart  # noqa: E402,F401
import scenario_virtual  # noqa: E402,F401
import table  # noqa: E402
import trend  # noqa: E402
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
        for arguments in (["--only", "nothing"], ["--seed", "x"], ["--what"], ["--only", "soak", "--write-table"]):
            with self.subTest(arguments):
                result = run(*arguments)
                self.assertEqual((64, 1), (result.returncode, len(result.stderr.splitlines())), result.stderr)

    def test_without_root(self):
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        result = run("--short", **user)
        self.assertEqual(77, result.returncode, result.stdout + result.stderr)
        self.assertIn("root", result.stderr)


class Playing(unittest.TestCase):
    """The command itself, with scenarios of ours in place of its own."""

    PLAY = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import runpy
chaos = runpy.run_path(sys.argv[1] + "/__main__.py", run_name="chaos")
import scenario
scenario.ALL.clear()
os.geteuid = lambda: 0
def stop(context):
    context.new_folder()
    print(context.folders[0])
    signal.raise_signal(signal.SIGTERM)
scenario.scenario("good", "a fault", "it lives")(lambda context: context.figure("wait", 2.0, "s"))
scenario.scenario("bad", "a fault", "it lives", still_open="why")(lambda context: scenario.check(False, "it does not"))
scenario.scenario("left", "a fault", "it lives")(lambda context: (_ for _ in ()).throw(scenario.Skip("not here")))
scenario.scenario("stop", "a fault", "it lives", short=False)(stop)
scenario.scenario("never", "a fault", "it lives", short=False)(lambda context: print("never"))
sys.exit(chaos["main"](sys.argv[2:]))
"""

    def play(self, *arguments):
        return subprocess.run([sys.executable, "-B", "-c", self.PLAY, str(CHAOS), *arguments], capture_output=True, text=True,
                              env={**os.environ, "STARLING": "/bin/true"}, timeout=60, check=False)

    def test_outcomes(self):
        told = self.play("--short")
        lines = told.stdout.splitlines()
        self.assertEqual((1, "1 passed, 1 failed, 1 skipped"), (told.returncode, lines[-1]), told.stderr)
        self.assertEqual(["[1/3] good", "[2/3] bad", "[3/3] left"], [line.split(":")[0] for line in lines if line[0] == "["])
        self.assertIn("good (wait 2 s): 1 passed", told.stdout)
        self.assertIn("skipped: left: not here", told.stdout)

    def test_lines_for_the_runner(self):
        told = self.play("--short", "--json")
        self.assertEqual(0, told.returncode, told.stderr)
        self.assertEqual([{"name": "good", "outcome": "passed", "detail": "", "open": ""},
                          {"name": "bad", "outcome": "failed", "detail": "it does not", "open": "why"},
                          {"name": "left", "outcome": "skipped", "detail": "not here", "open": ""}],
                         [json.loads(line) for line in told.stdout.splitlines()])

    def test_stopped_in_the_midst(self):
        told = self.play("--only", "good", "--only", "stop", "--only", "never")
        lines = told.stdout.splitlines()
        self.assertEqual((130, "1 passed, 0 failed, 0 skipped"), (told.returncode, lines[-1]), told.stderr)
        self.assertIn("stopped: 1 of 3 scenarios were played", lines)
        folder, = (line for line in lines if line.startswith("/"))
        self.assertFalse(os.path.exists(folder), "what it had begun is left behind")
        self.assertNotIn("never", lines)


class Foretelling(unittest.TestCase):
    def test_what_is_left(self):
        ahead = progress.Progress(["a", "b", "c"], short=True)
        self.assertEqual("[1/3] a: about 15 s, all that is left 45 s", ahead.next())
        ahead.done(60 + 90)  # twice as long as was foretold, when what it is believed by is counted
        self.assertEqual("[2/3] b: about 42 s, all that is left 84 s", ahead.next())

    def test_text(self):
        self.assertEqual(["89 s", "2 min", "89 min", "1 h 30 min", "4 h 05 min"],
                         [progress.text(seconds) for seconds in (89, 100, 5340, 5400, 14700)])

    def test_the_full_form_takes_four_hours_at_most(self):
        self.assertLessEqual(sum(progress.seconds_of(name, False) for name in scenario.ALL), 4 * 3600)
        self.assertEqual(set(), set(progress.TAKES) - set(scenario.ALL), "no such scenario")


class Trend(unittest.TestCase):
    """Of samples a second apart."""

    @staticmethod
    def samples(values):
        return list(enumerate(values))

    def test_what_is_flat(self):
        noise = [100 + (7 * number) % 5 for number in range(60)]
        self.assertAlmostEqual(0, trend.growth(self.samples(noise)), delta=2)
        self.assertAlmostEqual(0, trend.growth(self.samples(noise[:-1] + [500])), delta=2, msg="a last sample that is high")
        self.assertAlmostEqual(0, trend.growth(self.samples([1] + noise[1:])), delta=2, msg="a first one that is low")
        self.assertEqual(0, trend.relative_growth(self.samples([7] * 60)))

    def test_what_grows(self):
        for count in (12, 60, 1800):
            values = [1000 + 100 * number / (count - 1) + (7 * number) % 5 for number in range(count)]
            self.assertAlmostEqual(100, trend.growth(self.samples(values)), delta=6)
            self.assertAlmostEqual(0.095, trend.relative_growth(self.samples(values)), delta=0.006)
            values[-1] = 1000  # and looks as at the start in the end
            self.assertAlmostEqual(100, trend.growth(self.samples(values)), delta=15)

    def test_too_few_samples(self):
        self.assertEqual([0, 0], [trend.slope([]), trend.slope([(1, 5)])])


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
