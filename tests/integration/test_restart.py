"""Nodes that are killed and started again go on where they were: the flock ends with the bits of a run that nothing
happened to."""
import random
import shutil
import signal
import unittest

import support


def setUpModule():
    support.own_network()


LEARN = ("--set", "learner.trainer=mlp", "--set", "learner.momentum=0.9", "--set", "learner.rate=0.01",
         "--set", "learner.steps=5", "--set", "learner.evaluate_every=0", "--set", "round.deadline_min=15",
         "--set", "round.deadline_max=15", "--set", "round.linger_max=60",
         "--set", "membership.suspect_after=60", "--set", "membership.drop_after=120")

POWER_CUT = 137  # exit code


class Restart(support.Case):
    NAMES = ("alice", "bob", "carol")
    ROUNDS = 6

    def setUp(self):
        super().setUp()
        self.make_kits(*self.NAMES, settings={"flock": {"start_nodes": 3}, **support.IDLE})
        self.arguments = (*LEARN, "--set", f"round.rounds={self.ROUNDS}")

    def begin(self, name, *arguments, **options):
        others = (word for other in self.NAMES if other != name for word in ("--join", self.address(other)))
        return self.start("node", self.settings(name), *others, *self.arguments, *arguments, **options)

    def finish(self, nodes):
        for node in nodes.values():
            self.assertEqual(0, node.wait(), node.output())
        finishes = [support.events(self.record(name), "finish")[-1] for name in self.NAMES]
        self.assertEqual({self.ROUNDS}, {event["rounds_completed"] for event in finishes})
        self.assert_all_mixed()
        self.assert_signed_once()
        self.assert_conserved()
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

    def assert_conserved(self):
        """No line of the ledgers went with a process that was killed, or says another thing than the next one's."""
        result = self.run_program("ledger", "check", "--json", *map(self.record, self.NAMES))
        self.assertEqual(0, result.returncode, result.stderr)
        report = support.json.loads(result.stdout)
        self.assertEqual([3 * self.ROUNDS, 0, 0], [report[key]["lines"] for key in ("both_ends", "waiting", "one_end")])

    def unclean(self):
        return [event for name in self.NAMES for event in support.events(self.record(name), "mixed")
                if not event["clean"]]

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

    def begin_under_cut(self, name, at):
        """The power is cut at the node's at-th call that changes its state folder (tests/tap/power.c)."""
        preload, safe = self.folder / "power.so", self.folder / "safe"
        if not preload.exists():
            preload.symlink_to(support.tap("power"))
        safe.mkdir()
        return self.begin(name, "--set", "node.journal=power",
                          env={"LD_PRELOAD": str(preload), "STARLING_POWER_SAFE": str(safe),
                               "STARLING_POWER_FOLDER": str(self.folder / name / "state"),
                               "STARLING_POWER_AT": str(at)})

    def leave_what_is_safe(self, name):
        safe, state = self.folder / "safe", self.folder / name / "state"
        shutil.rmtree(state)
        state.mkdir()
        for path in safe.iterdir():
            if not path.name.startswith("."):
                shutil.copy(path, state)
        shutil.rmtree(safe)

    def test_the_power_is_cut_again_and_again(self):
        """At any call: what was not synced is gone, and nothing that matters was."""
        self.assertIsNotNone(support.tap("power"), "tests/tap/power.so is not built: it is of every build with tests")
        expected = self.undisturbed()
        # A round outlasts several of bob's lives, however slow the machine is.
        self.arguments += ("--set", "round.deadline_min=40", "--set", "round.deadline_max=40")
        # What is safe is written where a confined node may not.
        self.edit("bob", lambda value: {**value, "node": {**value["node"], "confine": False}})
        nodes = {name: self.begin(name) for name in self.NAMES if name != "bob"}
        chance = random.Random(5)
        code, lives = None, 0
        while code != 0:
            nodes["bob"] = self.begin_under_cut("bob", chance.randrange(25, 75) if lives < 5 else 0)
            code = nodes["bob"].wait()
            self.assertIn(code, (0, POWER_CUT), nodes["bob"].output())
            lives += 1
            if code != 0:
                self.leave_what_is_safe("bob")
        self.assertGreater(lives, 3)
        for node in nodes.values():
            self.assertEqual(0, node.wait(), node.output())
        self.assert_signed_once()
        self.assert_went_on("bob", lives - 1)
        if not self.unclean():  # on a slow machine a round's end may come before bob's next life
            self.assertEqual(expected, self.finish(nodes))

    def copy_state(self, name, node):
        """As a snapshot of the machine would have it: of one moment."""
        node.signal(signal.SIGSTOP)
        copy = self.folder / "copy"
        shutil.copytree(self.folder / name / "state", copy)
        node.signal(signal.SIGCONT)
        return copy

    def test_an_older_copy_of_the_state_is_a_new_lineage(self):
        """bob, in his first life, has signed round 4, which alice holds up; the copy that he goes on from is of round 2, so
        that he would sign another update of round 4."""
        nodes = {name: self.begin(name) for name in self.NAMES}
        self.wait_for_event("bob", "trained", round=2)
        copy = self.copy_state("bob", nodes["bob"])
        self.wait_for_event("alice", "mixed", round=3)
        nodes["alice"].signal(signal.SIGSTOP)
        self.wait_for_event("carol", "edge", round=4, peer="bob")
        nodes["bob"].kill()
        shutil.rmtree(self.folder / "bob" / "state")
        copy.rename(self.folder / "bob" / "state")
        nodes["bob"] = self.begin("bob")
        support.wait_for(lambda: len(support.events(self.record("bob"), "start")) == 2)
        nodes["alice"].signal(signal.SIGCONT)
        self.wait_for_event("bob", "lineage")
        for name, node in nodes.items():
            self.assertEqual(0, node.wait(), node.output())
            self.assertEqual([], support.events(self.record(name), "proof"), "an honest node is convicted")
        self.assert_went_on("bob")


if __name__ == "__main__":
    unittest.main()
