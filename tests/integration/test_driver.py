"""The driver of the test network by itself, with a program that stands in for starling."""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import unittest

import support
from driver import kits, record

FAKE = pathlib.Path(__file__).resolve().with_name("fake_starling.py")


def setUpModule():
    support.own_network()


class Driver(support.Case):
    starling = str(FAKE)

    def setUp(self):
        super().setUp()
        self.run_dir = self.folder / "run"

    def arguments(self, *more):
        return [str(support.ROOT / "testnet/run"), "--run-dir", str(self.run_dir), *more]

    def drive(self, *more, **environment):
        return subprocess.run(self.arguments(*more), env={**os.environ, "STARLING": self.starling, **environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)

    def begin(self, *more, **environment):
        return self.start(*self.arguments(*more)[1:], command=self.arguments()[0],
                          env={"STARLING": self.starling, **environment})

    def summary(self):
        return json.loads((self.run_dir / "summary.json").read_text(encoding="utf-8"))

    def node_pids(self):
        """Processes that have this test's folder on their command line and are nodes."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if str(self.folder).encode() in line and b"\0node\0" in line:
                    found.append(int(entry.name))
        return found

    def test_run(self):
        run = self.drive("--nodes", "3", "--rounds", "4", "--seed", "7")
        self.assertEqual(0, run.returncode, run.stderr)
        self.assertEqual({
            "nodes": 3, "rounds": 4, "seed": 7,
            "accuracy_alone": dict.fromkeys(("node-1", "node-2", "node-3"), 0.25),
            "accuracy_flock": dict.fromkeys(("node-1", "node-2", "node-3"), 0.54),
            "rounds_completed": dict.fromkeys(("node-1", "node-2", "node-3"), 4),
            "model_sha256": dict.fromkeys(("node-1", "node-2", "node-3"), "5eed"),
            "bytes_sent": dict.fromkeys(("node-1", "node-2", "node-3"), 4000),
            "bytes_received": dict.fromkeys(("node-1", "node-2", "node-3"), 8000),
            "identical": True,
        }, {key: value for key, value in self.summary().items() if key != "seconds"})
        self.assertGreater(self.summary()["seconds"], 0)
        self.assertEqual(["round 1/4", "round 2/4", "round 3/4", "round 4/4"], re.findall(r"round \d/4", run.stdout))
        self.assertRegex(run.stdout, r"node-2 +25\.0 % +54\.0 % +\+29\.0 +4")
        self.assertIn("All models are the same bits: sha256 5eed", run.stdout)
        picture = (self.run_dir / "accuracy.svg").read_text(encoding="utf-8")
        for word in ("<svg", "all 3 nodes", "node-2 alone"):
            self.assertIn(word, picture)
        self.assertNotIn("\x1b", run.stdout)

    def test_settings_of_each_node(self):
        extra = self.folder / "extra.json"
        extra.write_text('{"learner": {"batch": 32}, "round": {"averaging_rounds": 1}}', encoding="utf-8")
        run = self.drive("--nodes", "2", "--rounds", "3", "--partition", "shards:2", "--topology", "ring", "--model",
                           "cnn", "--settings", str(extra), "--seed", "5")
        self.assertEqual(0, run.returncode, run.stderr)
        flock, alone = (json.loads((self.run_dir / "node-2" / name).read_text(encoding="utf-8"))
                        for name in ("settings.json", "alone.json"))
        self.assertEqual((2, 5, "shards:2", 1, 2), (flock["flock"]["start_nodes"], flock["flock"]["seed"],
                                                    flock["data"]["partition"], flock["data"]["part"],
                                                    flock["data"]["parts"]))
        self.assertEqual(("ring", "lenet5", 32, 3), (flock["overlay"]["topology"], flock["learner"]["trainer"],
                                                     flock["learner"]["batch"], flock["round"]["rounds"]))
        self.assertEqual((1, 2, 0), (alone["flock"]["start_nodes"], alone["round"]["rounds"],
                                     alone["learner"]["evaluate_every"]))
        self.assertEqual((32, flock["data"]), (alone["learner"]["batch"], alone["data"]))
        if kits.has_ipv6():
            self.assertTrue(flock["transport"]["listen"][0].startswith("[::1]:"))

    def test_models_that_differ_are_told(self):
        run = self.drive("--nodes", "2", "--rounds", "1", FAKE_DIGESTS="1")
        self.assertEqual(0, run.returncode, run.stderr)
        self.assertIs(False, self.summary()["identical"])
        self.assertIn("not the same bits: 2 different", run.stdout)

    def test_node_that_dies_before_the_first_round(self):
        run = self.drive("--nodes", "3", "--rounds", "3", FAKE_DIE="node-2:0", FAKE_ROUND_SECONDS="1")
        self.assertEqual(1, run.returncode)
        self.assertIn("node-2 ended with code 70", run.stderr)
        self.assertIn("something broke", run.stderr)
        self.assertEqual([], self.node_pids())

    def test_node_that_dies_later(self):
        """The others go on; it is told, and the run is no success."""
        run = self.drive("--nodes", "3", "--rounds", "4", FAKE_DIE="node-2:4", FAKE_ROUND_SECONDS="0.1")
        self.assertEqual(1, run.returncode, run.stderr)
        self.assertIn("something broke", run.stdout)
        self.assertRegex(run.stdout, r"node-2 .*failed")
        self.assertEqual({"node-1": 4, "node-2": None, "node-3": 4}, self.summary()["rounds_completed"])
        self.assertIs(False, self.summary()["identical"])

    def flock_runs(self):
        return support.wait_for(lambda: support.events(self.run_dir / "node-2/record.jsonl", "mixed"), 30)

    def test_interrupt_of_the_nodes_alone(self):
        run = self.begin("--nodes", "2", "--rounds", "999", FAKE_ROUND_SECONDS="0.05")
        support.wait_for(lambda: (self.run_dir / "node-1/alone/record.jsonl").exists(), 30)
        run.signal(signal.SIGINT)
        self.assertEqual(130, run.wait())
        self.assertIn("stopped", run.output())
        self.assertEqual([], self.node_pids())

    def test_interrupt_of_the_flock(self):
        run = self.begin("--nodes", "2", "--rounds", "20", FAKE_ROUND_SECONDS="0.1")
        self.flock_runs()
        run.signal(signal.SIGTERM)
        self.assertEqual(143, run.wait())
        self.assertIn("2 of 2 nodes left a model", run.output())
        self.assertEqual([], self.node_pids())

    def test_second_interrupt_kills(self):
        run = self.begin("--nodes", "2", "--rounds", "20", FAKE_ROUND_SECONDS="0.5", FAKE_STUBBORN="1")
        support.wait_for(lambda: len(list(self.run_dir.glob("*/alone/record.jsonl"))) == 2, 30)
        run.signal(signal.SIGINT)
        with self.assertRaises(subprocess.TimeoutExpired):
            run.child.wait(0.5)
        run.signal(signal.SIGINT)
        self.assertEqual(130, run.wait(10))
        self.assertIn("killed", run.output())
        self.assertEqual([], self.node_pids())

    def test_nodes_end_when_the_driver_is_killed(self):
        run = self.begin("--nodes", "2", "--rounds", "999", FAKE_ROUND_SECONDS="0.1")
        support.wait_for(self.node_pids, 30)
        run.signal(signal.SIGKILL)
        run.wait()
        support.wait_for(lambda: not self.node_pids(), 20, "the end of all nodes")

    def test_run_folder_that_cannot_be_used(self):
        self.run_dir.mkdir()
        (self.run_dir / "mine").touch()
        run = self.drive()
        self.assertEqual((73, True), (run.returncode, "is not empty" in run.stderr))
        self.run_dir = self.run_dir / "mine" / "below"
        run = self.drive()
        self.assertEqual((73, 1), (run.returncode, len(run.stderr.splitlines())))

    def test_wrong_usage(self):
        for arguments in (["--nodes", "0"], ["--model", "tree"], ["--settings", "/nonexistent.json"], ["--seed", "-1"],
                          ["--what"], ["--rounds", "x"]):
            with self.subTest(arguments):
                run = self.drive(*arguments)
                self.assertEqual((64, 1), (run.returncode, len(run.stderr.splitlines())), run.stderr)
                self.assertFalse(self.run_dir.exists())

    def test_wrong_usage_is_told_before_anything_is_built(self):
        run = self.drive("--what", STARLING="")
        self.assertEqual((64, 1), (run.returncode, len(run.stderr.splitlines())), run.stderr)

    def test_settings_that_are_wrong(self):
        extra = self.folder / "extra.json"
        extra.write_text('{"bad": 1}', encoding="utf-8")
        run = self.drive("--nodes", "2", "--settings", str(extra))
        self.assertEqual(1, run.returncode)
        self.assertIn("bad: unknown key", run.stderr)

    def test_program_that_is_missing(self):
        run = self.drive(STARLING="/nonexistent")
        self.assertEqual((69, 1), (run.returncode, len(run.stderr.splitlines())), run.stderr)

    def test_help_asks_for_nothing(self):
        run = subprocess.run([self.arguments()[0], "--help"], capture_output=True, text=True, check=False)
        self.assertEqual(0, run.returncode)
        for option in ("--nodes", "--rounds", "--run-dir", "--partition", "--topology", "--model", "--seed",
                       "--settings"):
            self.assertIn(option, run.stdout)

    def on_terminal(self, **environment):
        """All that the driver writes to a terminal of 60 columns."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        child = subprocess.Popen(self.arguments("--nodes", "2", "--rounds", "4"), stdin=theirs, stdout=theirs,
                                 stderr=theirs, env={**os.environ, "STARLING": self.starling, "TERM": "xterm",
                                                     "FAKE_ROUND_SECONDS": "0.15", **environment})
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while data := os.read(ours, 65536):
                said += data
        os.close(ours)
        self.assertEqual(0, child.wait(60))
        return said.decode()

    def test_live_table(self):
        said = self.on_terminal()
        frames = re.split(r"\x1b\[\d+A", said)
        self.assertGreater(len(frames), 5)
        self.assertTrue(any("train" in frame and "left" in frame for frame in frames))
        self.assertIn("\x1b[1mnode", said)
        live = said[:said.rindex("\x1b[J")]
        for line in re.sub(r"\x1b\[[\d;]*[A-Za-z]|\r", "", live).split("\n"):
            if not line.startswith("run folder"):
                self.assertLess(len(line), 60, line)

    def test_no_colour(self):
        self.assertNotIn("\x1b[1m", self.on_terminal(NO_COLOR="1"))

    def test_terminal_without_a_cursor(self):
        said = self.on_terminal(TERM="dumb")
        self.assertNotIn("\x1b", said)
        self.assertIn("round 4/4", said)


class Parts(unittest.TestCase):
    def test_tail_waits_for_torn_lines_and_leaves_out_others(self):
        with support.tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "record.jsonl")
            tail = record.Tail(path)
            self.assertEqual([], tail.read())
            path.write_bytes(b'{"v":1,"event":"a"}\n{"v":1,"ev')
            self.assertEqual(["a"], [event["event"] for event in tail.read()])
            with open(path, "ab") as file:
                file.write(b'ent":"b"}\n{"v":1,"event":"torn\nnull\n[]\n{"v":2,"event":"later"}\n\xff\xfe\n\n')
                file.write(b'{"v":1,"event":"c"}\n')
            self.assertEqual(["b", "c"], [event["event"] for event in tail.read()])
            self.assertEqual([], tail.read())

    def test_view_holds_what_is_shown(self):
        with support.tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "record.jsonl")
            lines = [{"event": "phase", "round": 2, "phase": "train"}, {"event": "evaluated", "round": 1, "accuracy": .5,
                                                                       "loss": None},
                     {"event": "status", "peers": 3, "bytes_sent": 5, "bytes_received": 6}, {"event": "unheard"},
                     {"event": "mixed", "round": 1}]
            path.write_text("".join(json.dumps({"v": 1, "time_ns": 7 + index, **line}) + "\n"
                                    for index, line in enumerate(lines)), encoding="utf-8")
            view = record.View(path)
            view.update()
            self.assertEqual((2, "train", 3, 5, 6, 1, .5, None), (view.round, view.phase, view.peers, view.bytes_sent,
                                                                  view.bytes_received, view.mixed, view.accuracy,
                                                                  view.loss))
            self.assertEqual((7, 11), (view.first_ns, view.last_ns))

    def test_merge_goes_into_objects_alone(self):
        self.assertEqual({"a": {"b": 1, "c": [2], "d": {"e": 3}}, "f": None},
                         kits.merge({"a": {"b": 1, "c": [1, 2], "d": 0}, "f": {"g": 1}},
                                    {"a": {"c": [2], "d": {"e": 3}}, "f": None}))

    def test_free_ports_are_different(self):
        ports = kits.free_ports(["127.0.0.1"] * 20)
        self.assertEqual(20, len(set(ports)))


if __name__ == "__main__":
    unittest.main()
