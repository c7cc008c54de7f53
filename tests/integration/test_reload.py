"""Certificates, authorities and revocation lists change while a flock runs: no round is lost, and who is revoked is
gone."""
import os
import shutil
import signal
import time
import unittest

import support

NAMES = ("alice", "bob", "carol", "dave")
SETTINGS = {"learner": {"trainer": "idle", "idle_bytes": 200000}, "model": {"folder": ""},
            "round": {"rounds": 1000000, "deadline_min": 20, "deadline_max": 60}, "flock": {"start_nodes": len(NAMES)},
            "data": {"format": "none", "train": [], "test": []}}


def setUpModule():
    support.own_network()


class Flock(support.Case):
    """Four nodes in quick rounds, everybody with everybody."""

    def setUp(self):
        super().setUp()
        self.make_kits(*NAMES, settings=SETTINGS)
        self.nodes = {}
        for name in NAMES:
            others = [word for other in self.nodes for word in ("--join", self.address(other))]
            self.nodes[name] = self.start("node", self.settings(name), *others)
        self.wait_for_rounds(10)
        self.began = time.time_ns()  # pairs that dialled each other at the same time have settled

    def starling_ca(self, *arguments):
        result = self.run_program("ca", *arguments)
        self.assertEqual(0, result.returncode, result.stderr)

    def mixed(self, name):
        return support.events(self.record(name), "mixed")

    def last_round(self, name):
        return max((event["round"] for event in self.mixed(name)), default=0)

    def wait_for_rounds(self, count, names=NAMES):
        """Each of them does `count` rounds more."""
        until = {name: self.last_round(name) + count for name in names}
        support.wait_for(lambda: all(self.last_round(name) >= until[name] for name in names), 60,
                         f"{count} rounds more")

    def generations(self, name):
        return len(support.events(self.record(name), "identity"))

    def put(self, source, *target):
        """Into a kit as careful programs do it: under another name, then renamed."""
        target = self.folder.joinpath(*target)
        temporary = target.with_name(target.name + ".new")
        shutil.copy(source, temporary)
        os.replace(temporary, target)

    def put_text(self, text, *target):
        source = self.folder / "text"
        source.write_text(text, encoding="ascii")
        self.put(source, *target)

    def change(self, act, asked=()):
        """act(name) for each node, one after the other while the rounds go on, until it is in force; those of `asked`
        get a SIGHUP besides."""
        for name in NAMES:
            before = self.generations(name)
            act(name)
            if name in asked:
                self.nodes[name].signal(signal.SIGHUP)
            support.wait_for(lambda name=name, before=before: self.generations(name) > before, 20,
                             f"{name}'s new generation")
            self.wait_for_rounds(2)

    def assert_no_round_was_lost(self):
        """Every edge of every round counted at every node, up to the last one that all have done."""
        self.wait_for_rounds(10)
        last = min(self.last_round(name) for name in NAMES)
        for name in NAMES:
            rounds = {event["round"]: event for event in self.mixed(name)}
            self.assertEqual(set(range(1, last + 1)), {number for number in rounds if number <= last}, name)
            lost = [event for number, event in rounds.items()
                    if number <= last and (event["counted"], event["planned"]) != (len(NAMES) - 1, len(NAMES) - 1)]
            self.assertEqual([], lost, name)
            self.assertTrue(self.nodes[name].running(), self.nodes[name].output())
            self.assertNotIn("level=error", self.nodes[name].output())

    def downs(self):
        return [(name, event["peer"], event["reason"]) for name in NAMES
                for event in support.events(self.record(name), "peer_down") if event["time_ns"] > self.began]


class Renewal(Flock):
    def test_renewed_certificates_drop_nothing(self):
        self.change(lambda name: self.starling_ca("renew", "--ca", "flock", self.folder / name), asked=("alice",))
        self.assertEqual([], self.downs())
        self.assert_no_round_was_lost()

    def test_new_keys_drop_nothing(self):
        """Kits made anew: other keys, too. Whoever connects from now on sees the new ones."""
        self.starling_ca("issue", "--ca", "flock", *NAMES, "--host", "127.0.0.1", "--out", "anew", "--replace")

        def install(name):
            for end in ("server", "client"):
                for kind in ("key", "pem"):  # one after the other
                    self.put(self.folder / "anew" / name / f"{end}.{kind}", name, f"{end}.{kind}")
        self.change(install, asked=("bob",))
        self.assertEqual([], self.downs())
        self.assert_no_round_was_lost()


class Authorities(Flock):
    def test_the_flock_moves_to_another_root(self):
        """Old → old and new → certificates of the new → new alone. The last step ends what the old one vouched for."""
        self.starling_ca("init", "next", "--flock", "flock")
        self.starling_ca("issue", "--ca", "next", *NAMES, "--host", "127.0.0.1", "--out", "anew")
        old, new = [{kind: (self.folder / folder / kind).read_text(encoding="ascii")
                     for kind in ("ca.pem", "crl.pem")} for folder in ("flock", "next")]

        def overlap(name):
            self.put_text(old["crl.pem"] + new["crl.pem"], name, "crl.pem")
            self.put_text(old["ca.pem"] + new["ca.pem"], name, "ca.pem")

        def install(name):
            for end in ("server", "client"):
                for kind in ("key", "pem"):
                    self.put(self.folder / "anew" / name / f"{end}.{kind}", name, f"{end}.{kind}")

        def leave(name):
            self.put_text(new["ca.pem"], name, "ca.pem")
            self.put_text(new["crl.pem"], name, "crl.pem")
        self.change(overlap, asked=("carol",))
        self.change(install, asked=("alice", "dave"))
        self.assertEqual([], self.downs())
        self.change(leave, asked=("bob",))
        self.assert_no_round_was_lost()
        print("made anew:", self.downs())
        for name in NAMES:
            self.assertEqual(len(NAMES) - 1, support.events(self.record(name), "status")[-1]["peers"])


class Revocation(Flock):
    def cut(self, name, began):
        """The event with which `name` lost dave, after `began`."""
        return next((event for event in support.events(self.record(name), "peer_down")
                     if event["peer"] == "dave" and event["time_ns"] > began), None)

    def test_a_revoked_peer_is_cut_off_everywhere_within_a_second(self):
        """The list comes to one node; the others have it from that one."""
        self.starling_ca("revoke", "--ca", "flock", "dave")
        began = time.time_ns()
        self.put(self.folder / "flock" / "crl.pem", "alice", "crl.pem")
        rest = NAMES[:-1]
        took = {}
        for name in rest:
            event = support.wait_for(lambda name=name: self.cut(name, began), 10, f"{name} to cut dave off")
            took[name] = (event["time_ns"] - began) / 1e9
            self.assertIn("revoked", event["reason"], name)
            self.assertFalse(event["leaving"])
        print("cut off after", {name: f"{seconds:.3f} s" for name, seconds in took.items()})
        self.assertLess(max(took.values()), 1.0, took)
        support.wait_for(lambda: all((self.folder / name / "crl.pem").read_bytes() ==
                                     (self.folder / "flock" / "crl.pem").read_bytes() for name in ("bob", "carol")), 10,
                         "the list in each kit")
        self.assertIn("revoked", self.nodes["dave"].output())
        self.wait_for_rounds(5, rest)
        refusals = self.nodes["dave"].output().count("refused by peer")
        support.wait_for(lambda: self.nodes["dave"].output().count("refused by peer") >= refusals + 3, 30,
                         "dave to try to come back again and again")
        up = {name: [event["time_ns"] for event in support.events(self.record(name), "peer_up")
                     if event["peer"] == "dave"] for name in rest}
        for name in rest:
            self.assertLess(max(up[name]), began, name)
            self.assertNotIn("level=error", self.nodes[name].output())

    def test_a_restarted_node_still_knows(self):
        """What came from a peer is in the kit's own file."""
        self.starling_ca("revoke", "--ca", "flock", "dave")
        self.put(self.folder / "flock" / "crl.pem", "alice", "crl.pem")
        support.wait_for(lambda: self.cut("bob", self.began), 10, "bob to cut dave off")
        support.wait_for(lambda: (self.folder / "bob" / "crl.pem").read_bytes() ==
                         (self.folder / "flock" / "crl.pem").read_bytes(), 10, "bob's file")
        for name in ("alice", "bob", "carol"):
            self.nodes[name].signal(signal.SIGTERM)
            self.nodes[name].wait(30)
        again = self.start("node", self.settings("bob"), "--join", self.address("dave"))
        support.wait_for(lambda: "peer refused" in again.output(), 20, "bob's refusal")
        self.assertIn("revoked", again.output())
        self.assertNotIn("peer up", again.output())


class Secrets(support.Case):
    def test_no_key_log_is_written(self):
        """SSLKEYLOGFILE would have GnuTLS write the secrets of every session. Not confined, so that nothing else keeps
        it from doing so."""
        self.make_kits("alice", "bob", settings={**SETTINGS, "flock": {"start_nodes": 2}, "node": {"confine": False},
                                                 "round": {"rounds": 3, "linger_max": 2}})
        log = self.folder / "keys.log"
        environment = {"SSLKEYLOGFILE": str(log)}
        alice = self.start("node", self.settings("alice"), env=environment)
        bob = self.start("node", self.settings("bob"), "--join", self.address("alice"), env=environment)
        self.assertEqual(0, alice.wait(60), alice.output())
        self.assertEqual(0, bob.wait(60), bob.output())
        self.assertFalse(log.exists())


if __name__ == "__main__":
    unittest.main()
