"""starling ledger check, on the records of a flock that really learned, as they are and with something wrong in them. The
ways of being wrong one by one are tests/unit/monitor/test_ledger.c's."""
import json
import unittest

import support


def setUpModule():
    support.own_network()


NAMES = ("alice", "bob", "carol")
ROUNDS = 3
LEARN = ("--set", "learner.trainer=mlp", "--set", "learner.rate=0.01", "--set", "learner.steps=3", "--set",
         "learner.evaluate_every=0", "--set", f"round.rounds={ROUNDS}", "--set", "round.deadline_min=30", "--set",
         "round.deadline_max=30")


class Ledger(support.Case):
    def setUp(self):
        super().setUp()
        self.make_kits(*NAMES, settings={"flock": {"start_nodes": 3}, **support.IDLE})

    def learn(self, *arguments):
        join, nodes = (), []
        for name in NAMES:
            nodes.append(self.start("node", self.settings(name), *join, *LEARN, *arguments))
            join = ("--join", self.address(NAMES[0]))
        for node in nodes:
            self.assertEqual(0, node.wait(), node.output())

    def check(self, *arguments):
        return self.run_program("ledger", "check", *map(self.record, NAMES), *arguments)

    def report(self):
        result = self.check("--json")
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout)

    def rewrite(self, name, change):
        """The record of that node with the lines that `change` makes of its ledger's."""
        lines = []
        for line in self.record(name).read_text().splitlines():
            event = json.loads(line)
            lines += [json.dumps(one, separators=(",", ":")) for one in change(event)] if event["event"] == "ledger" else [line]
        self.record(name).write_text("".join(f"{line}\n" for line in lines))

    def assert_wrong(self, text):
        result = self.check()
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertIn(text, result.stderr)
        self.assertIn("not conserved", result.stdout)

    def test_a_run_by_samples(self):
        for part, name in enumerate(NAMES):
            self.edit(name, lambda value, part=part: {**value, "data": {**value["data"], "parts": 3, "part": part,
                                                                       "partition": "share:1,2,3"}})
        self.learn()
        report = self.report()
        self.assertTrue(report["by_samples"])
        self.assertEqual(3, len({event["samples"] for name in NAMES for event in support.events(self.record(name), "start")}))
        self.assertEqual((3, 3, ROUNDS), (report["nodes"], report["lineages"], report["rounds"]))
        self.assertEqual([3, 3 * ROUNDS, 3 * ROUNDS], [report[key]["lines"] for key in ("start", "training", "both_ends")])
        self.assertLess(report["error"], 1e-6)
        self.assertGreater(abs(report["training"]["p1"]), 1000 * abs(report["rounding"]["p1"]))
        table = self.check().stdout
        self.assertIn("conserved: off by", table)

        self.rewrite("bob", lambda event: [] if event.get("peer") == "carol" and event["round"] == 2 else [event])
        self.assert_wrong("round 2: ")

    def test_a_run_in_int8_of_equals(self):
        self.learn("--set", "mix.codec=int8", "--set", "mix.weights=equal")
        report = self.report()
        self.assertEqual((3 * ROUNDS, 0, False),
                         (report["both_ends"]["lines"], report["both_ends"]["sum"], report["by_samples"]))

        def more(event):
            return [{**event, "p1": event["p1"] * 1.001}] if event.get("peer") == "alice" and event["round"] == 1 else [event]
        self.rewrite("carol", more)
        self.assert_wrong("round 1: ")

    def test_without_one(self):
        self.learn("--set", "record.ledger=false")
        self.assertFalse(any(event["event"] == "ledger" for event in support.events(self.record("alice"))))
        result = self.check()
        self.assertEqual(66, result.returncode)
        self.assertIn("record.ledger", result.stderr)

    def test_what_cannot_be_looked_at(self):
        result = self.check()
        self.assertEqual(66, result.returncode)
        self.assertIn("record.jsonl", result.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("a", "--tolerance", "much"), ("a", "--tolerance", "2"), ("a", "--sum")):
            with self.subTest(arguments):
                self.assertEqual(64, self.run_program("ledger", "check", *arguments).returncode)


if __name__ == "__main__":
    unittest.main()
