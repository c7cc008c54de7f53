"""Somebody on the path between two nodes that secure nothing but their messages (clear): he may read and delay. What he
changes, leaves out, repeats, moves or adds has no effect but that the connection ends."""
import collections
import json
import re
import unittest

import relay
import support

TRIALS = 200
ROUNDS = 400
SETTINGS = {**support.IDLE, "flock": {"start_nodes": 2},
            "transport": {"connection_security": "clear", "ping_interval": 0.2, "handshake_rate": 1000,
                          "handshake_burst": 1000},
            "membership": {"suspect_after": 60, "drop_after": 60, "dial_retry_min": 0.02, "dial_retry_max": 0.05},
            "round": {"rounds": ROUNDS, "deadline_min": 300, "deadline_max": 300, "linger_max": 20},
            "model": {"save_every": 0}}


def setUpModule():
    support.own_network()


class Relayed(support.Case):
    """alice and bob reach each other through the relay alone."""

    def make_pair(self, **settings):
        from driver.kits import merge
        self.make_kits("alice", "bob", settings=merge(SETTINGS, settings))
        for seed, name in enumerate(("alice", "bob")):  # models that differ: a mean that is disturbed shows
            # The second run begins anew, not where the journal of the first one ends.
            self.edit(name, lambda value, seed=seed: merge(value, {"flock": {"seed": 10 + seed},
                                                                   "node": {"journal": "none"}}))

    def run_through(self, actions, **options):
        middle = relay.Relay(self.address("bob"), actions, **options)
        self.addCleanup(middle.close)
        # alice dials bob at the relay and nowhere else; bob never dials, since her address is nobody's.
        self.edit("alice", lambda value: {**value, "transport": {
            **value["transport"], "peers": [{"connect_to": middle.address, "node": "bob", "connection_security": "clear"}],
            "advertise": ["127.0.0.1:9"]}})
        nodes = {"bob": self.start("node", self.settings("bob"))}
        nodes["alice"] = self.start("node", self.settings("alice"), "--join", middle.address)
        for name, node in nodes.items():
            self.assertEqual(0, node.wait(280), f"{name}:\n{node.output()[-6000:]}")
        return middle, nodes

    def result(self):
        found = {}
        for name in ("alice", "bob"):
            mixed = support.events(self.record(name), "mixed")
            self.assertTrue(all(event["clean"] for event in mixed))
            self.assertEqual(list(range(1, len(mixed) + 1)), [event["round"] for event in mixed])
            finish = support.events(self.record(name), "finish")[-1]
            self.assertEqual("ok", finish["status"])
            found[name] = finish["rounds_completed"], finish["model_sha256"]
        return found


class Manipulated(Relayed):
    def test_nothing_that_is_done_to_frames_has_an_effect(self):
        self.make_pair()
        self.run_through(())
        undisturbed = self.result()
        for name in ("alice", "bob"):
            self.record(name).unlink()
        actions = [relay.ALL[i % len(relay.ALL)] for i in range(TRIALS)]
        middle, nodes = self.run_through(actions)
        self.assertEqual(undisturbed, self.result())
        self.check_closed(middle)
        self.check_told(middle, nodes)

    def check_closed(self, middle):
        done = middle.manipulated()
        self.assertEqual(TRIALS, len(done), "not all trials took place; more rounds are needed")
        self.assertEqual([], [stretch.number for stretch in done if not stretch.closed])
        kinds = collections.Counter(stretch.action.__name__ for stretch in done)
        self.assertEqual(len(relay.ALL), len(kinds), kinds)

    def check_told(self, middle, nodes):
        """Each of them is logged by the end that saw it, or counted in a line that says how many were left out."""
        told, left_out = 0, 0
        for node in nodes.values():
            for line in node.output().splitlines():
                told += bool(re.search(r"tag|alter|untagged|incomplete|connection failed|peer down", line))
                match = re.search(r"more=(\d+)", line)
                left_out += int(match[1]) if match else 0
        self.assertGreaterEqual(told + left_out, TRIALS)
        bad_tags = sum(support.events(self.record(name), "finish")[-1].get("bad_tags", 0) for name in nodes)
        # Of the kinds above only a cut and a frame whose length is wrong end otherwise.
        self.assertGreater(bad_tags, TRIALS // 2)


class Passed(Relayed):
    """What the relay may do: read, and be slow."""

    def test_what_it_reads_are_names_and_bytes_but_no_keys(self):
        self.make_pair(round={"rounds": 5})
        middle, nodes = self.run_through(())
        self.result()
        self.assertGreaterEqual(len(middle.stretches), 1)
        for node in nodes.values():
            self.assertRegex(node.output(), "peer admitted.*security=clear")

    def test_clear_is_never_a_fallback(self):
        """bob listens in the clear; alice, who was not told so, speaks TLS and gets nowhere."""
        self.make_pair()
        self.edit("alice", lambda value: {**value, "transport": {
            **{key: item for key, item in value["transport"].items() if key != "connection_security"}}})
        bob = self.start("node", self.settings("bob"))
        alice = self.start("node", self.settings("alice"), "--join", self.address("bob"))
        support.wait_for(lambda: re.search("(connection failed|refused).*dialled=true", alice.output()), 20,
                         "alice's line")
        for node in (alice, bob):
            self.assertNotIn("peer admitted", node.output())

    def test_neither_flag_nor_environment_says_clear(self):
        self.make_pair()
        for environment in ({"STARLING_TRANSPORT_CONNECTION_SECURITY": "clear"},
                            {"STARLING_TRANSPORT_PEERS": json.dumps([{"connect_to": "127.0.0.1:9"}])}):
            result = self.run_program("node", self.settings("alice"), env=environment, timeout=20)
            self.assertNotEqual(0, result.returncode)
            self.assertIn("file", result.stderr)


if __name__ == "__main__":
    unittest.main()
