"""The test network with a network namespace a node: cuts, bad links, scripts of faults, and that nothing of it stays."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import support
from driver import kits, links, network, script

FAKE = pathlib.Path(__file__).resolve().with_name("fake_starling.py")
LINK = pathlib.Path(support.program()).parent / "testnet" / "link" / "link"

# Sends back what it gets, and writes down what that was.
ECHO = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
one.bind((sys.argv[1], 9))
print("ready", flush=True)
while True:
    data, who = one.recvfrom(2000)
    print(data[:8].decode(), flush=True)
    one.sendto(data, who)
"""
# Sends COUNT datagrams of SIZE bytes; tells how many answers came, of how many different ones, and when the last did.
ASK = """
import socket, sys, time
host, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
one.settimeout(float(sys.argv[4]))
began = last = time.monotonic()
came = []
for number in range(count):
    one.sendto((b"%08d" % number).ljust(size, b"."), (host, 9))
try:
    while True:
        came.append(one.recv(2000)[:8])
        last = time.monotonic()
        if len(came) == 1:
            first = last
        if len(came) == count and len(set(came)) == count and len(sys.argv) < 6:
            break
except TimeoutError:
    pass
print(len(came), len(set(came)), first - began if came else 0, last - began)
"""


def setUpModule():
    support.own_network()


def nets(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return None


def processes():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


@unittest.skipIf(os.geteuid() != 0, "it needs root: network namespaces")
class Netns(unittest.TestCase):
    """Namespaces by themselves, with datagrams from one to the other."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="starling-test-"))
        self.addCleanup(support.shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self.network = network.Namespaces(3, support.program(), self.folder, say=lambda _: None)
        except kits.Failure as failure:
            self.skipTest(str(failure))
        self.addCleanup(self.network.close)
        self.echo = [self.serve(index) for index in range(3)]

    def serve(self, index):
        process = support.Process([*self.network.enter(index), "python3", "-c", ECHO, self.network.places[index][0]],
                                  self.folder / f"echo-{index}")
        self.addCleanup(process.kill)
        support.wait_for(lambda: "ready" in process.output(), 20)
        return process

    def arrived(self, index):
        return len(self.echo[index].output().split()) - 1

    def ask(self, sender, receiver, count=20, size=100, timeout=0.5, to_the_end=False):
        """(answers, different ones, seconds until the first, until the last)"""
        result = subprocess.run([*self.network.enter(sender), "python3", "-c", ASK, self.network.places[receiver][0],
                                 str(count), str(size), str(timeout), *["x"] * to_the_end], capture_output=True, text=True,
                                check=True)
        came, different, first, last = result.stdout.split()
        return int(came), int(different), float(first), float(last)

    def bad(self, index, text):
        if not self.network.links.netem and not LINK.exists():
            self.fail(f"{LINK} is not built")
        self.network.links.set(index, links.parse(text))

    def test_each_reaches_each_and_nobody_else(self):
        for sender, receiver in ((0, 1), (1, 2), (2, 0)):
            self.assertEqual(20, self.ask(sender, receiver)[1])
        routes = subprocess.run([*self.network.enter(0), "ip", "route"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(1, len(routes.splitlines()), routes)

    def test_cut_and_heal(self):
        self.network.cut(0, 1)
        self.assertEqual((0, 0), self.ask(0, 1)[:2])
        self.assertEqual(0, self.ask(1, 0)[0])
        self.assertEqual((0, 0), (self.arrived(0), self.arrived(1)))
        self.assertEqual(20, self.ask(0, 2)[1])
        self.network.heal(1, 0)
        self.assertEqual(20, self.ask(0, 1, timeout=3)[1])

    def test_cut_of_what_is_known_already(self):
        """The neighbour's hardware address is in the kernel's table, as in a flock that has talked before."""
        self.assertEqual(20, self.ask(0, 1)[1])
        self.network.cut(0, 1)
        self.assertEqual(0, self.ask(0, 1)[0])
        self.network.heal_all()
        self.assertEqual(20, self.ask(1, 0, timeout=3)[1])

    def test_one_way_cut(self):
        self.network.cut_one_way(1, 0)
        self.assertEqual(0, self.ask(0, 1)[0])
        self.assertEqual(20, self.arrived(1), "what goes the other way arrives")
        self.network.heal(0, 1)
        self.assertEqual(20, self.ask(0, 1, timeout=3)[1])

    def test_delay(self):
        self.bad(0, "delay=60ms")
        first = self.ask(0, 1, timeout=3)[2]
        self.assertGreaterEqual(first, 0.12)
        self.assertLess(self.ask(1, 2)[2], 0.1, "others are not delayed")
        self.bad(0, "clear")
        self.assertLess(min(self.ask(0, 1, timeout=3)[2] for _ in range(3)), 0.1)

    def test_loss(self):
        self.ask(0, 1, 1, timeout=3)  # so that they know each other's places: to lose three questions for them is an error
        self.ask(1, 0, 1, timeout=3)
        before = self.arrived(1)
        self.bad(1, "loss=20%")
        count = 1000
        different = self.ask(0, 1, count, timeout=1, to_the_end=True)[1]
        self.assertAlmostEqual(0.8 * count, self.arrived(1) - before, delta=60)  # 4.7 standard deviations
        self.assertAlmostEqual(0.64 * count, different, delta=75)

    def test_duplicates_and_jitter(self):
        self.bad(1, "duplicate=50% delay=20ms jitter=20ms")
        came, different, _, _ = self.ask(0, 1, 400, timeout=1, to_the_end=True)
        self.assertEqual(400, different)
        self.assertAlmostEqual(400 * 2.25, came, delta=150)
        order = self.echo[1].output().split()[1:]
        self.assertNotEqual(sorted(order), order)

    def test_rate(self):
        self.bad(1, "rate=2mbit")
        came, _, _, last = self.ask(0, 1, 60, 1400, timeout=3)
        self.assertGreaterEqual(last, 0.8 * 8 * 1400 * (came - 14) / 2e6)
        self.assertGreater(came, 14)


class Driver(support.Case):
    """testnet/run --netns with a program that stands in for starling."""

    starling = str(FAKE)

    def arguments(self, *more):
        return [str(support.ROOT / "testnet/run"), "--run-dir", str(self.folder / "run"), "--nodes", "3", *more]

    def drive(self, *more, **options):
        return subprocess.run(self.arguments(*more), env={**os.environ, "STARLING": self.starling}, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, timeout=120, check=False, **options)

    def write(self, text, name="script"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_without_root(self):
        os.chmod(self.folder, 0o777)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        result = self.drive("--netns", **user)
        self.assertEqual(77, result.returncode, result.stderr)
        self.assertIn("--netns needs root", result.stderr)
        self.assertEqual(1, len(result.stderr.splitlines()))

    def test_wrong_usage(self):
        for arguments, words in ((["--link", "node-1: loss=5%"], "needs --netns"),
                                 (["--netns", "--link", "node-9: loss=5%"], "no node-9"),
                                 (["--netns", "--link", "node-1: loss=5"], "'5'"),
                                 (["--script", self.write("at 1 cut node-1 node-2\n")], "script:1: cut needs --netns"),
                                 (["--script", self.write("\n# x\nat 1 kill node-7 # y\n", "other")],
                                  "other:3: there is no node-7"),
                                 (["--script", "/nonexistent"], "No such file")):
            with self.subTest(arguments):
                result = self.drive(*arguments)
                self.assertEqual((64, 1), (result.returncode, len(result.stderr.splitlines())), result.stderr)
                self.assertIn(words, result.stderr)

    def test_script_kills_and_starts(self):
        """Without namespaces: what is done to processes needs none."""
        os.environ["FAKE_ROUND_SECONDS"] = "0.1"
        self.addCleanup(os.environ.pop, "FAKE_ROUND_SECONDS")
        path = self.write("at node-1:2 kill node-2\nat node-1:4 start node-2\nat node-1:5 stop node-3\n"
                          "at node-1:8 continue node-3\nat node-1:99 kill node-1\n")
        result = self.drive("--rounds", "9", "--script", path)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertIn("kill node-2", result.stdout)
        self.assertIn("line 5 of the script was never due", result.stdout)
        starts = support.events(self.folder / "run/node-2/record.jsonl", "start")
        self.assertEqual(2, len(starts))
        finish = [support.events(self.folder / f"run/node-{index}/record.jsonl", "finish")[-1]["time_ns"]
                  for index in (1, 3)]
        self.assertGreater(finish[1], finish[0])

    @unittest.skipIf(os.geteuid() != 0, "it needs root: network namespaces")
    def test_nothing_stays(self):
        """However the driver ends, its namespaces and all in them go with it, even nodes that were stopped."""
        for how in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
            with self.subTest(how):
                self.check_end(how)

    def check_end(self, how):
        support.shutil.rmtree(self.folder / "run", ignore_errors=True)
        path = self.write("at node-1:2 stop node-3\n")
        run = self.start(*self.arguments("--netns", "--rounds", "400", "--script", path)[1:],
                         command=self.arguments()[0], env={"STARLING": self.starling, "FAKE_ROUND_SECONDS": "0.01"})
        support.wait_for(lambda: "stop node-3" in run.output(), 60)
        ours = nets("self")
        children = [int(pid) for pid in pathlib.Path(f"/proc/{run.child.pid}/task/{run.child.pid}/children").read_text()
                    .split()]
        made = {nets(pid) for pid in children} - {ours, None}
        self.assertEqual(4, len(made), "three nodes and the hub")
        run.signal(how)
        run.wait()
        support.wait_for(lambda: not [pid for pid in processes() if nets(pid) in made], 20, "the end of all namespaces")


class Language(unittest.TestCase):
    """What scripts and links can say."""

    NAMES = ["node-1", "node-2", "node-3"]

    def test_links(self):
        self.assertEqual(links.Link(0.05, 0.1, 0.01, 0.5, 1e7),
                         links.parse("loss=5% delay=100ms jitter=10ms duplicate=50% rate=10mbit"))
        self.assertEqual(links.Link(), links.parse("clear"))
        self.assertEqual(("node-1", links.Link(delay=2.5)), links.parse_named("node-1: delay=2.5s"))
        for wrong in ("loss", "loss=", "loss=5", "loss=101%", "delay=5", "delay=-1ms", "speed=1mbit", "jitter=1ms",
                      "rate=10mb"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                links.parse(wrong)

    def test_steps(self):
        step = script.read_line(7, "at node-2:5:exchange cut node-1,node-2 node-3", self.NAMES, True)
        self.assertEqual((1, 5, "exchange", "cut", ([0, 1], [2])),
                         (step.node, step.round, step.phase, step.action, step.sets))
        self.assertEqual([(0, 2), (1, 2)], script.pairs(step))
        self.assertEqual(12.5, script.read_line(1, "at 12.5 heal", self.NAMES, True).seconds)
        for wrong in ("kill node-1", "at x kill node-1", "at 1 kill", "at 1 kill node-4", "at 1 sing node-1",
                      "at 1 cut node-1", "at node-1:x kill node-1", "at node-1:1:lunch kill node-1",
                      "at node-1:1:mix:2 kill node-1", "at 1 link node-1 loss=x", "at 1 heal node-1"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                script.read_line(1, wrong, self.NAMES, True)


@unittest.skipIf(os.geteuid() != 0, "it needs root: network namespaces")
class Flock(support.Case):
    def test_learns_through_faults(self):
        """Real nodes: a bad link, a cut that heals, one that is killed and comes back; all end with the same bits."""
        extra = self.folder / "extra.json"
        extra.write_text(json.dumps({"learner": {"steps": 5}, "round": {"deadline_min": 2, "deadline_max": 4}}),
                         encoding="utf-8")
        faults = self.folder / "script"
        faults.write_text("at node-1:2 cut node-1 node-2\nat node-1:3 heal\nat node-1:3 kill node-4\n"
                          "at node-1:5 start node-4\n", encoding="utf-8")
        run = subprocess.run([str(support.ROOT / "testnet/run"), "--netns", "--nodes", "4", "--rounds", "12", "--run-dir",
                              str(self.folder / "run"), "--settings", str(extra), "--script", str(faults), "--link",
                              "node-3: loss=2% delay=10ms"], env=self._environment({"STARLING": self.starling}),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        summary = json.loads((self.folder / "run/summary.json").read_text(encoding="utf-8"))
        self.assertTrue(summary["identical"], run.stdout)
        self.assertEqual({12}, set(summary["rounds_completed"].values()))
        self.assertEqual(2, len(support.events(self.folder / "run/node-4/record.jsonl", "start")))


if __name__ == "__main__":
    unittest.main()
