"""Flocks whose members come, go and are too many for a full mesh."""
import json
import unittest

import support


def setUpModule():
    support.own_network()


class PartialMesh(support.Case):
    """More nodes than membership.full_mesh: connections to some, and to those that a round's graph wants."""
    NAMES = [f"n{number:02}" for number in range(20)]
    ROUNDS = 100000

    def setUp(self):
        super().setUp()
        self.make_kits(*self.NAMES, settings={
            "flock": {"start_nodes": 8}, **support.IDLE, "overlay": {"topology": "static-regular:4"}, "node": {"workers": 1},
            "round": {"rounds": self.ROUNDS, "deadline_min": 1, "deadline_max": 3},
            "membership": {"full_mesh": 5, "suspect_after": 1, "drop_after": 1}, "transport": {"ping_interval": 0.3}})
        self.nodes = {}
        for name in self.NAMES:
            join = () if name == self.NAMES[0] else ("--join", self.address(self.NAMES[0]))
            self.nodes[name] = self.start("node", self.settings(name), *join)

    def connections(self, name):
        up = [event["peer"] for event in support.events(self.record(name), "peer_up")]
        down = [event["peer"] for event in support.events(self.record(name), "peer_down")]
        return len(up) - len(down)

    def test_all_train_with_all_and_a_killed_one_is_dropped(self):
        for name in self.NAMES:
            self.wait_for_event(name, "mixed", seconds=120)
            support.wait_for(lambda name=name: len({event["member"] for event in support.events(
                self.record(name), "member") if event["state"] == "joined"}) == len(self.NAMES) - 1, 60)
        for name in self.NAMES:
            support.wait_for(lambda name=name: max(event["counted"] for event in support.events(
                self.record(name), "mixed")) == 4, 60, "a round in which the four neighbours counted")
        killed = self.NAMES[7]
        self.nodes[killed].kill()
        for name in self.NAMES:
            if name != killed:
                self.wait_for_event(name, "member", member=killed, state="dropped")
        support.wait_for(lambda: min(self.connections(name) for name in self.NAMES if name != killed) <
                         len(self.NAMES) - 2, 60, "a node that is not connected with everybody")


class Remembered(support.Case):
    """The peers of an earlier run."""
    NAMES = ("alice", "bob", "carol")

    def test_a_restarted_node_finds_the_flock_without_those_that_it_was_told_to_join(self):
        self.make_kits(*self.NAMES, settings={
            "flock": {"start_nodes": 3}, **support.IDLE, "round": {"rounds": 100000, "deadline_min": 0.5, "deadline_max": 1},
            "membership": {"suspect_after": 0.5, "drop_after": 0.5}, "transport": {"ping_interval": 0.2}})
        nodes = {name: self.start("node", self.settings(name),
                                  *(() if name == "alice" else ("--join", self.address("alice")))) for name in self.NAMES}
        for name in self.NAMES:
            self.wait_for_event(name, "mixed", round=2)
        file = self.folder / "bob/state/peers.json"
        support.wait_for(lambda: file.exists() and {peer["node"] for peer in json.loads(file.read_text())["peers"]} ==
                         {"alice", "carol"}, 60, "bob's list of peers")
        nodes["alice"].kill()
        nodes["bob"].kill()
        self.wait_for_event("carol", "member", member="bob", state="dropped")
        # Nobody finds bob where it was: it has to find carol.
        self.edit("bob", lambda value: {**value, "transport": {
            **value["transport"], "listen": [f"127.0.0.1:{support.free_port()}"]}})
        before = len(support.events(self.record("bob"), "peer_up"))
        self.start("node", self.settings("bob"))
        support.wait_for(lambda: "carol" in [event["peer"] for event in support.events(
            self.record("bob"), "peer_up")[before:]], 60, "bob's connection with carol")

    def test_a_file_that_is_none_is_left_out(self):
        self.make_kits("alice", settings=support.IDLE)
        for text in ("", "{", "[]", '{"peers": 7}', '{"peers": [{"addresses": ["nowhere"]}]}', '{"peers": [null, []]}'):
            file = self.folder / "alice/state/peers.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            node = self.start("node", self.settings("alice"), "--set", "round.rounds=1")
            self.assertEqual(0, node.wait(60), node.output())


if __name__ == "__main__":
    unittest.main()
