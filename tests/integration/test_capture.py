"""What a stranger sees of the wire: tcpdump on a loopback of its own, and a search for tensors, names and settings in what it
wrote."""
import pathlib
import random
import re
import shutil
import signal
import unittest

import support

TCPDUMP = shutil.which("tcpdump")
SLICE, SLICES = 24, 200  # bytes of a tensor, and how many of them are looked for
RUN = "the-run-of-this-capture"
NAMES = ("captured-alice", "captured-bob")


def setUpModule():
    if TCPDUMP is None:
        raise unittest.SkipTest("tcpdump is not installed")
    if not support.own_network():
        raise unittest.SkipTest("needs root and a network of its own, where tcpdump sees these nodes alone")


def tensor_bytes(path):
    """Behind the header of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    return data[8 + int.from_bytes(data[:8], "little"):]


class Capture(support.Case):
    def capture(self, security):
        """What went over loopback while two nodes learned, and what their models were made of."""
        wire = self.folder / "capture.pcap"
        self.make_kits(*NAMES, settings={
            **support.IDLE, "flock": {"start_nodes": 2, "run": RUN}, "round": {"rounds": 3},
            "model": {"keep": 0}, "transport": {"connection_security": security}})
        dump = self.start("-i", "lo", "-U", "-s", 0, "-B", 65536, "-w", wire, "tcp", command=TCPDUMP)
        support.wait_for(lambda: "listening on" in dump.output() or not dump.running(), 20, "tcpdump")
        if not dump.running():
            self.skipTest(f"tcpdump may not listen here: {dump.output().strip()}")
        first = self.start("node", self.settings(NAMES[0]))
        support.wait_for(lambda: "msg=listening" in first.output() or not first.running(), 20, "the listener")
        self.assertTrue(first.running(), first.output())
        second = self.start("node", self.settings(NAMES[1]), "--join", self.address(NAMES[0]))
        for node in (first, second):
            self.assertEqual(0, node.wait(), node.output())
        dump.signal(signal.SIGINT)
        self.assertEqual(0, dump.wait(20), dump.output())
        self.assertRegex(dump.output(), r"\b0 packets dropped by kernel")
        return wire.read_bytes()

    def wanted(self):
        """What would give something away, by kind."""
        models = sorted((self.folder / NAMES[0] / "models").glob("*.safetensors"))
        chance = random.Random(5)
        tensors = []
        for path in models:
            data = tensor_bytes(path)
            for _ in range(SLICES):
                at = 4 * chance.randrange((len(data) - SLICE) // 4)
                tensors.append(data[at:at + SLICE])
        self.assertGreater(len(set(tensors)), SLICES // 2, "bytes that are all the same prove nothing")
        return {"tensors": tensors, "names": [name.encode() for name in NAMES],
                "settings": [RUN.encode(), f"starling://flock/{NAMES[0]}".encode(), b"starling"]}

    def found(self, seen):
        return {kind: sum(item in seen for item in items) for kind, items in self.wanted().items()}

    def test_mtls_shows_nothing(self):
        seen = self.capture("mtls")
        self.assertGreater(len(seen), 2 * 100000, "the capture has not the models in it")
        self.assertEqual({"tensors": 0, "names": 0, "settings": 0}, self.found(seen))

    def test_tls_shows_nothing(self):
        seen = self.capture("tls")
        self.assertEqual({"tensors": 0, "names": 0, "settings": 0}, self.found(seen))

    def test_the_same_search_finds_all_in_the_clear(self):
        found = self.found(self.capture("clear"))
        wanted = self.wanted()
        self.assertEqual((len(wanted["names"]), len(wanted["settings"])), (found["names"], found["settings"]))
        # A slice that two packets share is not seen as one, nor is a round's model that was never sent.
        self.assertGreater(found["tensors"], SLICES)


if __name__ == "__main__":
    unittest.main()
