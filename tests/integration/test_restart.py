"""Nodes that are killed and started again go on where they were: the flock ends with the bits of a run that nothing
happened to."""
import unittest

import support


def setUpModule():
    support.own_network()


LEARN = ("--set", "learner.trainer=mlp", "--set", "learner.momentum=0.9", "--set", "learner.rate=0.01",
         "--set", "learner.steps=5", "--set", "learner.evaluate_every=0", "--set", "round.deadline_min=15",
         "--set", "round.deadline_max=15", "--set", "round.linger_max=60",
         "--set", "membership.suspect_after=60", "--set", "membership.drop_after=120")


class Restart(support.Case):
    NAMES = ("alice", "bob", "carol")
    ROUNDS = 6

    def setUp(self):
        super().setUp()
        self.make_kits(*self.NAMES, settings={"flock": {"start_nodes": 3}, **support.IDLE})
        self.arguments = (*LEARN, "--set", f"round.rounds={self.ROUNDS}")

    def begin(self, name, *arguments):
        others = (word for other in self.NAMES if other != name for word in ("--join", self.address(other)))
        return self.start("node", self.settings(name), *others, *self.arguments, *arguments)

    def finish(self, nodes):
        for node in nodes.values():
            self.assertEqual(0, node.wait(), node.output())
        finishes = [support.events(self.record(name), "finish")[-1] for name in self.NAMES]
        self.assertEqual({self.ROUNDS}, {event["rounds_completed"] for event in finishes})
        self.assert_all_mixed()
        self.assert_signed_once()
        digests = {event["model_sha256"] for event in finishes}
        self.assertEqual(1, len(digests), "the models differ")
        return digests.pop()

    def undisturbed(self):
        digest = self.finish({name: self.begin(name) for name in self.NAMES})
        for name in self.NAMES:
            for folder in ("models", "state"):
                support.shutil.rmtree(self.folder / name / folder)
            self.record(name).unlink()
        return digest

    def assert_went_on(self, name, times=1):
        journal = support.events(self.record(name), "journal")
        self.assertEqual([False] + times * [True], [event["continued"] for event in journal], journal)
        self.assertEqual(list(range(1, times + 2)), [event["openings"] for event in journal])

    def assert_all_mixed(self):
        for name in self.NAMES:
            mixed = support.events(self.record(name), "mixed")
            self.assertEqual(set(range(1, self.ROUNDS + 1)), {event["round"] for event in mixed})
            self.assertTrue(all(event["clean"] and event["counted"] == 2 for event in mixed), mixed)

    def assert_signed_once(self):
        """Whatever was published of a round, it was the same."""
        for name in self.NAMES:
            published = {}
            for event in support.events(self.record(name), "published"):
                published.setdefault(event["round"], set()).add(event["digest"])
            self.assertTrue(all(len(digests) == 1 for digests in published.values()), published)

    def test_one_is_killed_at_each_kind_of_event(self):
        expected = self.undisturbed()
        nodes = {name: self.begin(name) for name in self.NAMES}
        for times, (name, kind, number) in enumerate((("bob", "trained", 2), ("bob", "published", 3),
                                                      ("bob", "edge", 4), ("bob", "mixed", 5)), 1):
            self.wait_for_event(name, kind, round=number)
            nodes[name].kill()
            nodes[name] = self.begin(name)
        self.assertEqual(expected, self.finish(nodes))
        self.assert_went_on("bob", times)

    def test_all_are_killed_at_once(self):
        expected = self.undisturbed()
        nodes = {name: self.begin(name) for name in self.NAMES}
        for kind, number in (("edge", 2), ("published", 4)):
            self.wait_for_event("carol", kind, round=number)
            for node in nodes.values():
                node.kill()
            nodes = {name: self.begin(name) for name in self.NAMES}
        self.assertEqual(expected, self.finish(nodes))
        for name in self.NAMES:
            self.assert_went_on(name, 2)


if __name__ == "__main__":
    unittest.main()
