"""docs/protocol.md is enough for a second implementation: the reader beside this file, written from that page, decodes what
real nodes said to each other, recorded in the clear by tests/tap, and comes to the same graphs and the same bits."""
import collections
import random
import re
import signal
import struct
import unittest
import unittest.mock

import relay
import support
from protocol_reader import conversation, flock, int8, signatures, wire

SIDE, EXAMPLES = 20, 120  # pixels; a model of three chunks
TRAINED = 1               # rounds before the averaging ones
ROUNDS = 4


def setUpModule():
    if signatures.OPENSSL is None:
        raise unittest.SkipTest("openssl is not installed")
    support.own_network()


def write_examples(folder):
    """A data set in IDX, small and without meaning: training on a part of it makes models differ."""
    chance = random.Random(3)
    images, labels = folder / "images", folder / "labels"
    images.write_bytes(struct.pack(">4I", 0x803, EXAMPLES, SIDE, SIDE) + chance.randbytes(EXAMPLES * SIDE * SIDE))
    labels.write_bytes(struct.pack(">2I", 0x801, EXAMPLES) + bytes(chance.randrange(10) for _ in range(EXAMPLES)))
    return {"format": "idx", "train": [str(images), str(labels)]}


class Recorded(support.Case):
    """A flock whose nodes are tapped."""

    def setUp(self):
        super().setUp()
        self.tap = support.tap("tap")
        self.assertIsNotNone(self.tap, "tests/tap/tap.so is not built: it is of every build with tests")

    def taps(self, name):
        return self.folder / "taps" / name

    def start_tapped(self, name, *arguments):
        self.taps(name).mkdir(parents=True)
        preload = self.taps(name) / "tap.so"  # the tree's folder may have a space in its name, which would end the path
        preload.symlink_to(self.tap)
        return self.start("node", self.settings(name), *arguments,
                          env={"LD_PRELOAD": str(preload), "STARLING_TAP_FOLDER": str(self.taps(name))})

    def make_flock(self, names, settings, start_nodes=None):
        from driver.kits import merge
        # The tap writes files that a confined node may not.
        self.make_kits(*names, settings=merge({"flock": {"start_nodes": start_nodes or len(names)},
                                               "node": {"confine": False},
                                               "transport": {"listen": ["127.0.0.1:0"]}}, settings))

    def start_first(self, name):
        """The node and the address that it took."""
        node = self.start_tapped(name)
        told = support.wait_for(lambda: re.search(r"msg=listening address=(\S+)", node.output()), what=f"{name} to listen")
        return node, told[1]

    def run_flock(self, names):
        """All of them to their end."""
        first, address = self.start_first(names[0])
        self.end_well(first, *(self.start_tapped(name, "--join", address) for name in names[1:]))

    def end_well(self, *nodes):
        """Where one does not, what all of them said."""
        try:
            support.wait_for(lambda: not any(node.running() for node in nodes), 120, "the end of all nodes")
        except AssertionError:
            pass
        codes = [node.child.poll() for node in nodes]
        self.assertEqual([0] * len(nodes), codes, "\n".join(node.output() for node in nodes))

    def share_examples(self, names):
        """All learn from one data set, each from a part of another size."""
        data = write_examples(self.folder)
        shares = ",".join(str(1 + i % 3) for i in range(len(names)))
        for part, name in enumerate(names):
            self.edit(name, lambda value, part=part: {**value, "data": {
                **data, "partition": f"share:{shares}", "part": part, "parts": len(names)}})

    def open_flock(self, **options):
        reader = flock.Flock(self.folder / "flock/ca.pem", "flock", **options)
        self.addCleanup(reader.certificates.close)
        return reader

    def read_flock(self, names, **options):
        return self.open_flock(**options).read({name: self.taps(name) for name in names})


class Averaging(Recorded):
    """Nodes that train one round, each on its own part, and then only average: what they send in round t + 1 is what they
    came to in round t."""

    def average(self, names, topology, **settings):
        self.make_flock(names, {"learner": {"evaluate_every": 0}, "overlay": {"topology": topology},
                                "round": {"rounds": ROUNDS, "averaging_rounds": ROUNDS - TRAINED}, **settings})
        self.share_examples(names)
        self.run_flock(names)
        return self.read_flock(names, topology=topology, by_samples=settings.get("mix", {}).get("weights") != "equal")

    def check(self, read):
        for number in range(1, ROUNDS + 1):
            read.check_round(number)
        self.assertEqual(len(read.roster(1)), len({payload.data for payload in read.updates(TRAINED).values()}),
                         "models that do not differ prove nothing about their mean")
        for number in range(TRAINED + 1, ROUNDS + 1):
            read.check_averaging(number)

    def test_full_mesh(self):
        names = ("alice", "bob", "carol")
        read = self.average(names, "full")
        self.check(read)
        self.assertEqual({20, 40, 60}, {entry["samples"] for entry in read.members.values()})
        self.assertEqual(1, len({payload.data for payload in read.updates(ROUNDS).values()}))

    def test_full_mesh_of_equal_weights(self):
        self.check(self.average(("alice", "bob", "carol"), "full", mix={"weights": "equal"}))

    def check_regular(self, degree):
        names = ("a", "b-2", "b", "node-d", "e0", "f")
        read = self.average(names, f"regular:{degree}")
        self.check(read)
        graphs = [read.graph(number) for number in range(1, ROUNDS + 1)]
        self.assertEqual({degree}, {len(peers) for graph in graphs for peers in graph.values()})
        self.assertGreater(len({str([sorted(graph[name]) for name in names]) for graph in graphs}), 1)
        read.seed += 1  # another seed, other graphs: the reader notices
        with self.assertRaises(wire.Fault):
            for number in range(1, ROUNDS + 1):
                read.check_round(number)

    def test_regular_2(self):
        self.check_regular(2)

    def test_regular_4(self):
        self.check_regular(4)

    def saved(self, name, number):
        data = next((self.folder / name / "models").glob(f"round-{number:06}.safetensors")).read_bytes()
        return flock.floats(data[8 + struct.unpack_from("<Q", data)[0]:])

    def check_int8(self, names, topology):
        read = self.average(names, topology, mix={"codec": "int8"}, model={"keep": 0})
        for number in range(1, ROUNDS + 1):
            read.check_round(number)
            self.assertEqual({flock.INT8}, {payload.manifest["encoding"] for payload in read.updates(number).values()})
        for number in range(TRAINED + 1, ROUNDS + 1):
            read.check_joined(number, {name: (self.saved(name, number - 1), self.saved(name, number)) for name in names})
        return read

    def test_full_mesh_in_int8(self):
        read = self.check_int8(("alice", "bob", "carol"), "full")
        sizes = {len(payload.data) for payload in read.updates(1).values()}
        self.assertEqual({int8.length(len(self.saved("bob", 1)))}, sizes)
        # One step of one value: the others come to another model.
        payload = read.updates(ROUNDS)["bob"]
        payload.data = payload.data[:-5] + bytes([payload.data[-5] ^ 1]) + payload.data[-4:]
        with self.assertRaises(wire.Fault):
            read.check_joined(ROUNDS, {name: (self.saved(name, ROUNDS - 1), self.saved(name, ROUNDS))
                                       for name in ("alice", "bob", "carol")})

    def test_regular_2_in_int8(self):
        self.check_int8(("a", "b-2", "b", "node-d", "e0", "f"), "regular:2")

    def test_one_bit_of_one_update_is_seen(self):
        read = self.average(("alice", "bob", "carol"), "full")
        for (origin, _, number), payload in read.payloads.items():
            if (origin, number) == ("bob", TRAINED):
                # The sign of a value: the lowest bit may get lost in the rounding of the mean, as it should.
                payload.data = payload.data[:403] + bytes([payload.data[403] ^ 0x80]) + payload.data[404:]
        with self.assertRaises(wire.Fault):
            read.check_averaging(TRAINED + 1)


class Stream(Recorded):
    """Models of several chunks through a window of two, with the trainer that does nothing: nodes start from models of
    their own, which no settings of one flock would have."""

    def test_credit(self):
        names = ("alice", "bob", "carol")
        self.make_flock(names, {"learner": {"trainer": "idle", "idle_bytes": 5 * wire.CHUNK_UNIT + 1000},
                                "transport": {"window_bytes": 2 * wire.CHUNK_UNIT}, "mix": {"stream": True},
                                "round": {"rounds": 3}})
        for seed, name in enumerate(names):
            self.edit(name, lambda value, seed=seed: {**value, "flock": {**value["flock"], "seed": seed}})
        self.run_flock(names)
        read = self.read_flock(names)
        self.assertEqual(3, len({payload.data for payload in read.updates(1).values()}))
        for number in (1, 2, 3):
            read.check_round(number)
        for number in (2, 3):
            read.check_averaging(number)
        # 2 chunks at first, then more as they are folded: never all at once.
        self.assertGreaterEqual(read.counts["CREDIT"], 2 * read.counts["MANIFEST"])


class LateJoiner(Recorded):
    def test_takes_a_snapshot(self):
        self.make_flock(("alice", "bob", "carol"), {
            "round": {"rounds": 100}, "membership": {"suspect_after": 60, "drop_after": 60},
            "learner": {"trainer": "idle", "idle_bytes": 4000}}, start_nodes=2)
        alice, address = self.start_first("alice")
        bob = self.start_tapped("bob", "--join", address)
        self.wait_for_event("alice", "mixed", round=3)
        bob.signal(signal.SIGSTOP)  # alice waits for it while carol joins
        carol = self.start_tapped("carol", "--join", address)
        self.wait_for_event("alice", "peer_up", peer="carol")
        bob.signal(signal.SIGCONT)
        self.end_well(alice, bob, carol)
        self.check(self.read_flock(("alice", "bob", "carol")))

    def check(self, read):
        (donor, taken), = {(origin, number) for origin, kind, number in read.payloads if kind == conversation.SNAPSHOT}
        announced = read.members["carol"]["from_round"]
        first = min(number for origin, kind, number in read.payloads if origin == "carol")
        self.assertLess(3, announced)
        self.assertLessEqual(announced, first)
        self.assertLess(taken, first)
        for earlier in range(1, announced):
            self.assertNotIn("carol", read.check_round(earlier))
        self.assertIn("carol", read.check_round(100))
        # With a trainer that does nothing the donor's model after a round is its update of the next.
        self.assertEqual(read.updates(taken + 1)[donor].data, read.payloads[donor, conversation.SNAPSHOT, taken].data)
        read.check_averaging(100)


class Clear(Recorded):
    """A connection in the clear, recorded on its way: the reader follows it without any key, tags and all."""

    ROUNDS = 6

    def record_pair(self):
        from driver.kits import merge
        self.make_kits("alice", "bob", settings=merge(support.IDLE, {
            "flock": {"start_nodes": 2}, "transport": {"connection_security": "clear"},
            "round": {"rounds": self.ROUNDS, "deadline_min": 60, "deadline_max": 60}}))
        for seed, name in enumerate(("alice", "bob")):
            self.edit(name, lambda value, seed=seed: merge(value, {"flock": {"seed": 1 + seed}}))
        folder = self.folder / "seen"
        folder.mkdir()
        middle = relay.Relay(self.address("bob"), record=folder)
        self.addCleanup(middle.close)
        self.edit("alice", lambda value: merge(value, {"transport": {
            "advertise": ["127.0.0.1:9"],
            "peers": [{"connect_to": middle.address, "node": "bob", "connection_security": "clear"}]}}))
        bob = self.start("node", self.settings("bob"))
        self.end_well(bob, self.start("node", self.settings("alice"), "--join", middle.address))
        middle.close()
        return folder

    def test_is_read_without_a_key(self):
        folder = self.record_pair()
        read = self.open_flock().read_outside("alice", folder)
        for number in range(1, self.ROUNDS + 1):
            read.check_round(number)
        for number in range(2, self.ROUNDS + 1):
            read.check_averaging(number)
        self.assertGreaterEqual(read.counts["HANDSHAKE"], 3)
        path = min(folder.glob("*.tap"))
        self.damaged(path, path.read_bytes())

    def damaged(self, path, data):
        """Who takes tags for frames, or a frame for a tag, comes to nothing."""
        for tag, handshake in ((0, 16), (15, 16), (16, 1)):
            with self.subTest((tag, handshake)), self.assertRaises((wire.Fault, KeyError)), \
                    unittest.mock.patch.object(wire, "TAG_SIZE", tag), \
                    unittest.mock.patch.object(wire, "HANDSHAKE", handshake):
                self.open_flock().read_outside("alice", path.parent)
        with self.assertRaises(wire.Fault):  # as if it were inside TLS
            conversation.Conversation(self.open_flock(), "alice").read(data)


def frames(data):
    """(arrow, type, where each of its bytes is in the file) of each frame in a tap's file."""
    waiting = {">": ([], bytearray()), "<": ([], bytearray())}
    at = 0
    for kind, content in conversation.records(data):
        at += conversation.RECORD.size
        if kind in waiting:
            places, held = waiting[kind]
            places += range(at, at + len(content))
            held += content
            while len(held) >= 8 and len(held) >= 8 + int.from_bytes(held[:4], "big"):
                size = 8 + int.from_bytes(held[:4], "big")
                yield kind, wire.TYPES[held[4]], places[:size]
                del held[:size], places[:size]
        at += len(content)


class Damage(Recorded):
    """The reader can fail: each damage to a recorded connection, seen from one end alone, is a fault."""

    # frame (of this end alone: >), byte of it, bit: what it hits
    FLIPS = {
        ("HELLO", 4, 0x20): "an unknown type",
        ("HELLO", 5, 1): "flags",
        ("HELLO", 7, 1): "reserved bits",
        ("HELLO", 0, 0x80): "a frame above the limit",
        ("HELLO", 9, 4): "version_min, 7",
        ("HELLO >", -1, 0x10): "the end of the delegation",
        ("HELLO >", -8, 1): "its signature",
        ("HELLO >", 100, 1): "the certificate",
        ("HELLO_ACK", 9, 2): "the version",
        ("ROSTER", 8, 4): "a field's wire type",
        ("ROSTER", 8, 0x10): "a field's number",
        ("ROSTER", 40, 1): "what is signed",
        ("ROSTER", -1, 1): "the signature under the certificate",
        ("PING", -1, 2): "a number that PONG does not have",
        ("PONG", -1, 2): "a number that no PING had",
        ("MANIFEST", 9, 3): "the transfer's parity",
        ("MANIFEST", 60, 1): "what is signed",
        ("MANIFEST", -1, 1): "the signature",
        ("CREDIT", -1, 1): "so that data goes beyond it",
        ("CREDIT", -1, 0x20): "beyond the payload",
        ("DATA", 11, 2): "an unknown transfer",
        ("DATA", 19, 4): "the offset",
        ("DATA", 20, 1): "the first byte, and so the digest",
        ("DATA", -1, 0x80): "the last one",
        ("READY", 9, 4): "the round",
        ("READY", 11, 1): "a lineage",
        ("READY", -1, 1): "a digest",
        ("VERDICT", 11, 1): "a lineage",
        ("VERDICT", -1, 1): "a verdict that is none",
        ("PROGRESS", -1, 0x80): "a varint, or the end of a lineage",
        ("GOODBYE", 10, 0x80): "the reason's UTF-8",
    }

    def setUp(self):
        super().setUp()
        names = ("alice", "bob")
        self.make_flock(names, {"round": {"rounds": 60}, "transport": {"ping_interval": 0.01},
                                "membership": {"suspect_after": 60, "drop_after": 60},
                                "learner": {"trainer": "idle", "idle_bytes": 1000}})
        alice, address = self.start_first("alice")
        bob = self.start_tapped("bob", "--join", address)
        self.wait_for_event("alice", "mixed", round=2)
        bob.signal(signal.SIGSTOP)
        support.wait_for(lambda: self.kinds("alice")["PING"] > 0, what="a ping to the node that is silent")
        bob.signal(signal.SIGCONT)
        self.end_well(alice, bob)
        self.data = (self.taps("alice") / "0.tap").read_bytes()
        self.certificates = self.open_flock().certificates

    def kinds(self, name):
        """How many frames of each kind are recorded by now."""
        data = (self.taps(name) / "0.tap").read_bytes()
        try:
            return collections.Counter(kind for _, kind, _ in frames(data))
        except wire.Fault:  # a record that is just being written
            return collections.Counter()

    def read(self, data):
        reader = self.open_flock()
        reader.certificates.close()
        reader.certificates = self.certificates  # what was judged is judged
        conversation.Conversation(reader, "alice").read(data)
        return reader

    def flipped(self, place, bit):
        data = bytearray(self.data)
        data[place] ^= bit
        return bytes(data)

    def test_undamaged(self):
        self.assertEqual(set(range(1, 61)), set(self.read(self.data).edges))

    def test_flipped_bits(self):
        found = list(frames(self.data))
        for (kind, byte, bit), what in self.FLIPS.items():
            ways = {arrow: places for arrow, each, places in found[::-1] if kind in (each, f"{each} {arrow}")}
            self.assertTrue(ways, kind)
            for arrow, places in ways.items():
                with self.subTest(f"{kind} {arrow}: {what}"), self.assertRaises(wire.Fault):
                    self.read(self.flipped(places[byte], bit))

    def test_another_session(self):
        """The proof is bound to the TLS session, the certificates to each other."""
        size = conversation.RECORD.size
        with self.subTest("exporter"), self.assertRaises(wire.Fault):
            self.read(self.flipped(size + 5, 1))
        with self.subTest("role"), self.assertRaises(wire.Fault):
            self.read((b"C" if self.data[:1] == b"S" else b"S") + self.data[1:])
        at = 0
        for kind, content in conversation.records(self.data):
            at += size
            if kind in "OP":  # of one's own nothing counts but the key
                place = content.index(b"\x03\x42\x00\x04") + 10 if kind == "O" else 100
                with self.subTest(f"certificate {kind}"), self.assertRaises(wire.Fault):
                    self.read(self.flipped(at + place, 1))
            at += len(content)

    def rebuilt(self, change):
        """The same conversation after `change` of its list of (arrow, kind, bytes)."""
        begin = min(self.data.index(arrow + b"\0\0") for arrow in (b">", b"<"))
        said = [(arrow, kind, bytes(self.data[place] for place in places)) for arrow, kind, places in frames(self.data)]
        change(said)
        return self.data[:begin] + b"".join(conversation.RECORD.pack(arrow.encode(), len(content)) + content
                                            for arrow, _, content in said)

    def test_order(self):
        def index(said, wanted, arrow=None):
            return next(i for i, (way, kind, _) in enumerate(said) if kind == wanted and arrow in (None, way))

        def drop(kind):
            return lambda said: said.pop(index(said, kind))

        def twice(kind):
            return lambda said: said.insert(index(said, kind), said[index(said, kind)])

        def early(kind, before):
            return lambda said: said.insert(index(said, before), said.pop(index(said, kind)))

        self.read(self.rebuilt(lambda said: None))
        changes = {
            "without HELLO": drop("HELLO"), "without HELLO_ACK": drop("HELLO_ACK"), "without MANIFEST": drop("MANIFEST"),
            "without CREDIT": drop("CREDIT"), "without DATA": drop("DATA"), "without READY": drop("READY"),
            "HELLO twice": twice("HELLO"), "HELLO_ACK twice": twice("HELLO_ACK"), "MANIFEST twice": twice("MANIFEST"),
            "DATA twice": twice("DATA"), "PONG twice": twice("PONG"), "READY before DATA": early("READY", "DATA"),
            "VERDICT before READY": early("VERDICT", "READY"), "ROSTER before HELLO_ACK": early("ROSTER", "HELLO_ACK"),
            "a frame after GOODBYE": early("GOODBYE", "VERDICT")}
        for what, change in changes.items():
            with self.subTest(what), self.assertRaises(wire.Fault):
                self.read(self.rebuilt(change))

    def test_cut(self):
        for length in (3, len(self.data) // 2 - 1, len(self.data) - 1):
            with self.subTest(length), self.assertRaises(wire.Fault):
                self.read(self.data[:length])

    def test_ends_that_differ(self):
        """What nobody signs, an address, say, is still the same at both ends."""
        places = next(places for arrow, kind, places in frames(self.data) if (arrow, kind) == (">", "HELLO"))
        hello = bytes(self.data[place] for place in places)
        port = re.search(rb"127\.0\.0\.1:\d+", hello).end() - 1
        damaged = self.flipped(places[port], 1)
        self.read(damaged)
        (self.taps("alice") / "0.tap").write_bytes(damaged)
        with self.assertRaises(wire.Fault):
            self.read_flock(("alice", "bob"))
        (self.taps("alice") / "0.tap").unlink()
        with self.assertRaises(wire.Fault):
            self.read_flock(("alice", "bob"))


class Canonical(unittest.TestCase):
    """One encoding of each message, and no other."""

    def test_refused(self):
        digest = b"\x2a\x20" + bytes(range(32)) + b"\x32\x20" + bytes(range(32))
        for kind, payload, what in (
                ("PING", b"\x08\x00", "a default"), ("PING", b"\x08\x81\x00", "a long varint"), ("PING", b"\x08", "cut"),
                ("PING", b"\x08\x01\x08\x02", "a field twice"), ("PING", b"\x10\x01", "an unknown field"),
                ("PING", b"\x0d\1\0\0\0", "a wire type"), ("PING", b"\x88\x00\x01", "a long tag"),
                ("PING", b"\x08" + b"\xff" * 9 + b"\x02", "65 bits"), ("CREDIT", b"\x10\x01", "transfer 0"),
                ("CREDIT", b"\x10\x01\x08\x01", "out of order"), ("HELLO_ACK", b"", "version 0"),
                ("GOODBYE", b"\x0a\x01\x07", "a control character"), ("GOODBYE", b"\x0a\x02\xc2\x85", "another"),
                ("GOODBYE", b"\x0a\xc9\x01" + b"x" * 201, "a long reason"), ("GOODBYE", b"\x10\x02", "no boolean"),
                ("READY", digest[:-1], "a digest cut"), ("READY", digest[:34], "a digest missing"),
                ("VERDICT", b"\x28\x04", "an unknown verdict"), ("PASS", b"", "no reason"),
                ("ROSTER", b"\x0a\x06\x0a\x01b\x1a\x01c", "no signature"),
                ("ROSTER", b"\x0a\x06\x0a\x01b\x12\x01s", "no certificate")):
            with self.subTest(f"{kind}: {what}"), self.assertRaises(wire.Fault):
                wire.decode(wire.MESSAGES[kind], payload)

    def test_taken(self):
        self.assertEqual({"number": 0}, wire.decode(wire.MESSAGES["PING"], b""))
        self.assertEqual({"number": (1 << 64) - 1}, wire.decode(wire.MESSAGES["PING"], b"\x08" + b"\xff" * 9 + b"\x01"))
        roster = wire.decode(wire.MESSAGES["ROSTER"], b"\x0a\x09\x0a\x01b\x12\x01s\x1a\x01c")
        self.assertEqual([{"body": b"b", "signature": b"s", "chain": [b"c"]}], roster["statements"])

    def test_what_statements_say(self):
        body = b"\x0a\1f\x12\1r\x22\1a\x2a\1a\x30\1\x38\1\x40\1\x5a\3a:1"
        said = wire.decode(wire.MEMBER_STATEMENT, body)
        self.assertEqual(("f", "r", 0, "a", 1, 1, ["a:1"]),
                         tuple(said[name] for name in ("flock", "run", "epoch", "node", "incarnation", "samples",
                                                       "addresses")))
        for old, new in ((b"\x0a\1f", b"\x0a\1F"), (b"\x30\1", b""), (b"\x38\1", b"\x38\5"), (b"a:1", b"a:0")):
            with self.subTest(new), self.assertRaises(wire.Fault):
                wire.decode(wire.MEMBER_STATEMENT, body.replace(old, new))

    def test_limits_of_frames(self):
        for head in (wire.HEADER.pack(wire.FRAME_MAX - 7, 4, 0, 0), wire.HEADER.pack(0, 0, 0, 0),
                     wire.HEADER.pack(0, 21, 0, 0), wire.HEADER.pack(1, 16, 0, 0) + b"\1",
                     wire.HEADER.pack(12, 15, 0, 0) + bytes(12)):
            with self.subTest(head), self.assertRaises(wire.Fault):
                list(wire.Frames().feed(head))

    def test_tags(self):
        ping = wire.HEADER.pack(0, 4, 0, 0)
        hands = wire.HEADER.pack(3, 16, 0, 0) + b"TLS"
        tag = bytes(16)
        self.assertEqual(["HANDSHAKE", "PING", "PING"],
                         [kind for kind, _ in wire.Frames(tagged=True).feed(hands + ping + tag + ping + tag)])
        self.assertEqual([], list(wire.Frames(tagged=True).feed(ping + tag[1:])))
        for data in (ping + tag + hands, ping + tag[1:] + ping + tag, wire.HEADER.pack(0, 16, 0, 0)):
            with self.subTest(data), self.assertRaises(wire.Fault):
                list(wire.Frames(tagged=True).feed(data))


if __name__ == "__main__":
    unittest.main()
