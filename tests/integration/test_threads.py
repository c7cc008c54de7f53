"""Whole flocks of nodes that are built with ThreadSanitizer: training, digests, mixing, files and the loop at once. A race
ends a node with code 66."""
import unittest

import support


def setUpModule():
    support.own_network()


def images(part):
    return [str(support.DATA / f"{part}-images-idx3-ubyte.gz"), str(support.DATA / f"{part}-labels-idx1-ubyte.gz")]


class Threads(support.Case):
    starling = support.program("STARLING_TSAN", "tsan")
    NAMES = ("alice", "bob", "carol")

    def make_flock(self, settings):
        self.make_kits(*self.NAMES, settings={"flock": {"start_nodes": 3}, "round": {"rounds": 3}, **settings})

    def run_flock(self, stream):
        """Three rounds of three nodes, each with a part of the data; the digest of their model."""
        nodes = []
        for part, name in enumerate(self.NAMES):
            join = () if name == "alice" else ("--join", self.address("alice"))
            nodes.append(self.start("node", self.settings(name), *join, "--set", f"data.part={part}",
                                    "--set", f"mix.stream={stream}"))
        for node in nodes:
            self.assertEqual(0, node.wait(300), node.output())
            self.assertNotIn("ThreadSanitizer", node.output())
        finishes = [support.events(self.record(name), "finish")[-1] for name in self.NAMES]
        self.assertEqual([3, 3, 3], [event["rounds_completed"] for event in finishes])
        self.assertEqual(1, len({event["model_sha256"] for event in finishes}))
        return finishes[0]["model_sha256"]

    @unittest.skipUnless(support.DATA.is_dir(), "dataset-fashion-mnist is not installed")
    def test_learning(self):
        self.make_flock({"learner": {"trainer": "mlp", "steps": 20, "lanes": 2, "threads": 2},
                         "data": {"format": "idx", "train": images("train"), "test": images("t10k"), "parts": 3}})
        self.assertEqual(self.run_flock("false"), self.run_flock("true"))

    def test_many_chunks(self):
        self.make_flock({"transport": {"window_bytes": 1048576},
                         "learner": {"trainer": "idle", "idle_bytes": 6000000}})
        self.assertEqual(self.run_flock("false"), self.run_flock("true"))


if __name__ == "__main__":
    unittest.main()
