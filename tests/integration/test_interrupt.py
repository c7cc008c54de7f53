"""Ends that nobody planned: told to stop, killed, cut off."""
import signal
import unittest

import support


def setUpModule():
    support.own_network()


class Interrupt(support.Case):
    NAMES = ("alice", "bob", "carol")

    def setUp(self):
        super().setUp()
        self.make_kits(*self.NAMES, settings={
            "flock": {"start_nodes": 3}, **support.IDLE,
            "round": {"rounds": 100000, "deadline_min": 0.5, "deadline_max": 1},
            "membership": {"suspect_after": 1, "drop_after": 1}, "transport": {"ping_interval": 0.2}})
        self.nodes = {}
        for name in self.NAMES:
            join = () if name == "alice" else ("--join", self.address("alice"))
            self.nodes[name] = self.start("node", self.settings(name), *join)
        for name in self.NAMES:
            self.wait_for_event(name, "mixed", round=2)

    def stop(self, *names, number=signal.SIGINT):
        for name in names:
            self.nodes[name].signal(number)
        for name in names:
            self.assertEqual(0, self.nodes[name].wait(60), self.nodes[name].output())

    def check_saved(self, name):
        """It ended as told, and its last model is of the round that it had reached."""
        finish = support.events(self.record(name), "finish")[-1]
        self.assertEqual("cancelled", finish["status"])
        newest = sorted((self.folder / name / "models").glob("*.safetensors"))[-1]
        self.assertEqual(f"round-{finish['rounds_completed']:06}.safetensors", newest.name)
        self.assertFalse([path for path in newest.parent.iterdir() if path.suffix != ".safetensors"])

    def rounds(self, name):
        return max(event["round"] for event in support.events(self.record(name), "mixed"))

    def test_signals_end_all_with_models_saved(self):
        self.stop("alice", number=signal.SIGTERM)
        self.stop("bob", "carol")
        for name in self.NAMES:
            self.check_saved(name)

    def test_others_go_on_when_one_leaves(self):
        self.stop("alice")
        reached = self.rounds("bob")
        for name in ("bob", "carol"):
            self.wait_for_event(name, "member", member="alice", state="left")
            support.wait_for(lambda name=name: self.rounds(name) > reached + 5, 60)
        self.stop("bob", "carol")

    def test_others_go_on_when_one_is_killed(self):
        self.nodes["alice"].kill()
        reached = self.rounds("bob")
        for name in ("bob", "carol"):
            support.wait_for(lambda name=name: self.rounds(name) > reached + 5, 60)
            self.wait_for_event(name, "member", member="alice", state="dropped")
        self.stop("bob", "carol")

    def test_others_go_on_when_one_hangs(self):
        self.nodes["carol"].signal(signal.SIGSTOP)
        reached = self.rounds("bob")
        for name in ("alice", "bob"):
            support.wait_for(lambda name=name: self.rounds(name) > reached + 5, 60)
        self.stop("alice", "bob")
        self.nodes["carol"].signal(signal.SIGCONT)
        self.stop("carol")

    def test_killed_one_comes_back(self):
        self.nodes["bob"].kill()
        self.wait_for_event("alice", "peer_down", peer="bob")
        self.nodes["bob"] = self.start("node", self.settings("bob"), "--join", self.address("carol"), "--resume")
        boots = {event["boot"] for event in support.events(self.record("bob"))}
        support.wait_for(lambda: any(event["boot"] not in boots for event in support.events(self.record("bob"), "mixed")))
        self.stop(*self.NAMES)

    def test_stopped_one_goes_on_where_it_was(self):
        self.stop("bob")
        first = support.events(self.record("bob"), "start")[-1]["boot"]
        self.nodes["bob"] = self.start("node", self.settings("bob"), "--join", self.address("carol"))
        again = self.wait_for_event("bob", "journal", continued=True)
        self.assertNotEqual(first, again["boot"])
        support.wait_for(lambda: any(event["boot"] == again["boot"] and event["counted"] > 0
                                     for event in support.events(self.record("bob"), "mixed")))
        self.assertFalse(support.events(self.record("bob"), "lineage"))
        self.stop(*self.NAMES)

    def test_second_sigint_ends_at_once(self):
        self.nodes["alice"].signal(signal.SIGSTOP)
        self.nodes["alice"].signal(signal.SIGINT)
        self.nodes["alice"].signal(signal.SIGCONT)
        self.nodes["alice"].signal(signal.SIGINT)
        self.assertIn(self.nodes["alice"].wait(20), (0, 130))
        self.stop("bob", "carol")


class Sanitized(Interrupt):
    starling = support.program("STARLING_SANITIZED", "sanitize")


class Threads(Interrupt):
    """A node built with ThreadSanitizer: a race ends it with code 66."""

    starling = support.program("STARLING_TSAN", "tsan")


if __name__ == "__main__":
    unittest.main()
