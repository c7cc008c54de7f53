"""Going on from saved models."""
import json
import unittest

import support


def setUpModule():
    support.own_network()


def header(path):
    """A safetensors file's header, read as anybody's loader would."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    value = json.loads(data[8:8 + length])
    return value, data[8 + length:]


class Resume(support.Case):
    NAMES = ("alice", "bob", "carol")

    def setUp(self):
        super().setUp()
        self.make_kits(*self.NAMES, settings={"flock": {"start_nodes": 3}, **support.IDLE})

    def run_all(self, *arguments):
        """All three to their end, which must be good; their finish events."""
        nodes = []
        for name in self.NAMES:
            join = () if name == "alice" else ("--join", self.address("alice"))
            nodes.append(self.start("node", self.settings(name), *join, *arguments))
        for node in nodes:
            self.assertEqual(0, node.wait(), node.output())
        return [support.events(self.record(name), "finish")[-1] for name in self.NAMES]

    def test_goes_on_where_it_was(self):
        first = self.run_all("--set", "round.rounds=2")
        second = self.run_all("--set", "round.rounds=5", "--resume")
        for before, after in zip(first, second):
            self.assertEqual((2, 5), (before["rounds_completed"], after["rounds_completed"]))
            self.assertNotEqual(before["boot"], after["boot"])
        self.assertEqual(1, len({event["model_sha256"] for event in second}))
        for name in self.NAMES:
            starts = support.events(self.record(name), "start")
            self.assertEqual([0, 2], [event["resumed"] for event in starts])
            rounds = [event["round"] for event in support.events(self.record(name), "mixed")]
            self.assertEqual([1, 2, 3, 4, 5], rounds)

    def test_gives_the_bits_of_an_undisturbed_run(self):
        """With a trainer that learns, and momentum, which is part of what is saved."""
        learn = ("--set", "learner.trainer=mlp", "--set", "learner.momentum=0.9", "--set", "learner.rate=0.01",
                 "--set", "learner.steps=5", "--set", "learner.evaluate_every=0")
        whole = self.run_all(*learn, "--set", "round.rounds=4")
        for name in self.NAMES:
            support.shutil.rmtree(self.folder / name / "models")
        half = self.run_all(*learn, "--set", "round.rounds=2")
        resumed = self.run_all(*learn, "--set", "round.rounds=4", "--resume")
        self.assertEqual(whole[0]["model_sha256"], resumed[0]["model_sha256"])
        self.assertEqual(3, len({half[0]["model_sha256"], resumed[0]["model_sha256"], "neither"}))
        self.assertEqual(1, len({event["model_sha256"] for event in resumed}))

    def test_nothing_left_to_do(self):
        first = self.run_all("--set", "round.rounds=2")
        second = self.run_all("--set", "round.rounds=2", "--resume")
        for before, after in zip(first, second):
            self.assertEqual((2, before["model_sha256"]), (after["rounds_completed"], after["model_sha256"]))
        for name in self.NAMES:
            self.assertEqual(2, max(event["round"] for event in support.events(self.record(name), "mixed")))

    def test_record_is_numbered_without_a_gap_a_boot(self):
        for arguments in (("--set", "round.rounds=1"), ("--set", "round.rounds=2", "--resume")):
            self.run_all(*arguments)
        for name in self.NAMES:
            by_boot = {}
            for event in support.events(self.record(name)):
                by_boot.setdefault(event["boot"], []).append(event["seq"])
            self.assertEqual(2, len(by_boot))
            for numbers in by_boot.values():
                self.assertEqual(list(range(len(numbers))), numbers)

    def test_model_file_is_readable_by_anybody(self):
        finish = self.run_all("--set", "round.rounds=3", "--set", "model.keep=1")[0]
        models = sorted((self.folder / "alice/models").iterdir())
        self.assertEqual(["round-000003.safetensors"], [path.name for path in models])
        value, data = header(models[0])
        metadata = value.pop("__metadata__")
        self.assertEqual(("3", "alice"), (metadata["round"], metadata["node"]))
        ends = sorted(tensor["data_offsets"] for tensor in value.values())
        self.assertEqual([0, len(data)], [ends[0][0], ends[-1][1]])
        self.assertEqual({"F32"}, {tensor["dtype"] for tensor in value.values()})
        self.assertEqual(finish["model_sha256"], support.hashlib.sha256(data).hexdigest())

    def test_late_joiner_takes_model_and_round(self):
        """carol comes when alice and bob are some rounds ahead, and ends with the same model."""
        arguments = ("--set", "flock.start_nodes=2", "--set", "round.rounds=400")
        alice = self.start("node", self.settings("alice"), *arguments)
        bob = self.start("node", self.settings("bob"), "--join", self.address("alice"), *arguments)
        self.wait_for_event("alice", "mixed", round=3)
        carol = self.start("node", self.settings("carol"), "--join", self.address("bob"), *arguments)
        for node in (alice, bob, carol):
            self.assertEqual(0, node.wait(), node.output())
        first = support.events(self.record("carol"), "mixed")[0]
        self.assertGreater(first["round"], 3)
        self.assertEqual(1, len({support.events(self.record(name), "finish")[-1]["model_sha256"]
                                 for name in self.NAMES}))


class Sanitized(Resume):
    starling = support.program("STARLING_SANITIZED", "sanitize")


class Threads(Resume):
    """A node built with ThreadSanitizer: a race ends it with code 66."""

    starling = support.program("STARLING_TSAN", "tsan")


if __name__ == "__main__":
    unittest.main()
