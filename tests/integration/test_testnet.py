"""The test network with real nodes: the main job with its defaults, and what the options change."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import support


def setUpModule():
    support.own_network()


class Base(support.Case):
    def setUp(self):
        super().setUp()
        if not support.DATA.exists():
            self.fail("dataset-fashion-mnist is not installed")

    def drive(self, *arguments, cwd=None):
        environment = self._environment({"STARLING": self.starling})
        return subprocess.run([str(support.ROOT / "testnet/run"), *arguments], cwd=cwd or self.folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)

    def run_in(self, *arguments):
        """A run that must go well; its summary."""
        run_dir = self.folder / "run"
        shutil.rmtree(run_dir, ignore_errors=True)
        run = self.drive("--run-dir", str(run_dir), *arguments)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        return json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))

    def check_counts(self, summary, nodes, rounds):
        names = [f"node-{index + 1}" for index in range(nodes)]
        self.assertEqual((nodes, rounds, True), (summary["nodes"], summary["rounds"], summary["identical"]))
        for key in ("accuracy_alone", "accuracy_flock", "rounds_completed", "model_sha256", "bytes_sent",
                    "bytes_received"):
            self.assertEqual(names, list(summary[key]))
        self.assertEqual({rounds}, set(summary["rounds_completed"].values()))
        self.assertRegex(summary["model_sha256"]["node-1"], "^[0-9a-f]{64}$")


class Testnet(Base):
    def test_defaults(self):
        """The README's command as it stands: 8 nodes, MLP, IID, 20 rounds."""
        run = subprocess.run("./testnet/run", cwd=support.ROOT, env=self._environment({"STARLING": self.starling}),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, shell=True,
                             check=False)
        run_dir = pathlib.Path(re.search(r"run folder: (.*)", run.stdout)[1])
        self.addCleanup(shutil.rmtree, run_dir, ignore_errors=True)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
        self.check_counts(summary, 8, 20)
        self.assertGreaterEqual(min(summary["accuracy_flock"].values()), 0.85)
        # Each sends its model of 784-256-128-10 in f32 to seven others in twenty rounds.
        ideal = 4 * (785 * 256 + 257 * 128 + 129 * 10) * 7 * 20
        for direction in ("bytes_sent", "bytes_received"):
            for count in summary[direction].values():
                self.assertGreater(count, ideal)
                self.assertLess(count, 1.1 * ideal)
        self.assertIn("All models are the same bits", run.stdout)
        self.assertIn("round 20/20", run.stdout)
        self.assertIn("<svg", (run_dir / "accuracy.svg").read_text(encoding="utf-8"))
        self.assertTrue(list((run_dir / "node-3/models").glob("*.safetensors")))

    def test_private_labels(self):
        """Two labels a node: alone it cannot know the others."""
        summary = self.run_in("--partition", "shards:2")
        self.check_counts(summary, 8, 20)
        alone = sum(summary["accuracy_alone"].values()) / 8
        self.assertGreaterEqual(min(summary["accuracy_flock"].values()) - alone, 0.40, summary)

    def test_seed_decides_the_bits(self):
        arguments = ("--nodes", "3", "--rounds", "2", "--seed")
        first, second, other = (self.run_in(*arguments, seed) for seed in ("4", "4", "5"))
        self.check_counts(first, 3, 2)
        self.assertEqual(first["model_sha256"], second["model_sha256"])
        self.assertEqual(first["accuracy_alone"], second["accuracy_alone"])
        self.assertNotEqual(first["model_sha256"], other["model_sha256"])

    def test_convolutional_model(self):
        self.check_counts(self.run_in("--nodes", "2", "--rounds", "2", "--model", "cnn"), 2, 2)

    def test_sparse_topology(self):
        summary = self.run_in("--nodes", "5", "--rounds", "3", "--topology", "ring")
        self.assertEqual({3}, set(summary["rounds_completed"].values()))
        self.assertIs(False, summary["identical"])

    def test_other_partitions(self):
        for partition in ("dirichlet:0.5", "share:3,1,1"):
            with self.subTest(partition):
                self.check_counts(self.run_in("--nodes", "3", "--rounds", "2", "--partition", partition), 3, 2)

    def test_streamed_mixing_gives_the_same_bits(self):
        extra = self.folder / "extra.json"
        extra.write_text('{"mix": {"stream": true}}', encoding="utf-8")
        arguments = ("--nodes", "3", "--rounds", "2")
        held, streamed = self.run_in(*arguments), self.run_in(*arguments, "--settings", str(extra))
        self.check_counts(streamed, 3, 2)
        self.assertEqual(held["model_sha256"], streamed["model_sha256"])

    def test_interrupt_saves_every_model(self):
        run_dir = self.folder / "run"
        run = self.start("--nodes", "3", "--rounds", "60", "--run-dir", run_dir, env={"STARLING": self.starling},
                         command=str(support.ROOT / "testnet/run"))
        support.wait_for(lambda: support.events(run_dir / "node-3/record.jsonl", "mixed"), 180)
        run.signal(signal.SIGINT)
        self.assertEqual(130, run.wait(120), run.output())
        self.assertIn("3 of 3 nodes left a model", run.output())
        for index in (1, 2, 3):
            finish = support.events(run_dir / f"node-{index}/record.jsonl", "finish")
            self.assertEqual(["cancelled"], [event["status"] for event in finish])

    def test_wrong_partition_is_refused_before_any_node_starts(self):
        run = self.drive("--nodes", "3", "--partition", "sometimes", "--run-dir", str(self.folder / "run"))
        self.assertEqual(78, run.returncode)
        self.assertIn("data.partition", run.stderr)


class Sanitized(Base):
    """The same nodes, built with AddressSanitizer and UndefinedBehaviorSanitizer; a short run of each kind."""

    starling = support.program("STARLING_SANITIZED", "sanitize")

    def test_short_run(self):
        self.check_counts(self.run_in("--nodes", "3", "--rounds", "2"), 3, 2)

    def test_short_convolutional_run(self):
        self.check_counts(self.run_in("--nodes", "2", "--rounds", "1", "--model", "cnn"), 2, 1)


if __name__ == "__main__":
    unittest.main()
