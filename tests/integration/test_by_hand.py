"""What README, tutorial and man pages tell to type, typed word for word: each command by the shell, nodes in the background
until the next command that is none, as one would with several terminals."""
import ctypes
import functools
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import documents
import support
from terminal import Terminal

CLONE_NEWNS = 0x20000
FIVE = """\
starling ca init demo
starling ca issue --ca demo alice bob carol --host 127.0.0.1
starling node alice/settings.json
starling node bob/settings.json --join 127.0.0.1:7400
starling node carol/settings.json --join 127.0.0.1:7400""".splitlines()


def setUpModule():
    Typed.own_network = support.own_network()


class Typed(support.Case):
    own_network = False

    def setUp(self):
        super().setUp()
        self.assertEqual("starling", pathlib.Path(self.starling).name)
        self.path = {"PATH": f"{pathlib.Path(self.starling).parent}:{os.environ['PATH']}"}
        self.nodes = []
        self.exported = {}

    def type(self, command, **environment):
        environment = {**self.path, **self.exported, **environment}
        if command.startswith("export "):
            name, value = command.split(" ", 1)[1].split("=", 1)
            self.exported[name] = value
            return ""
        if command.startswith("starling node "):
            if not self.own_network:
                # The commands name ports; somebody else's node on them would be in the way.
                self.skipTest("needs root and a network of its own, where port 7400 is free")
            self.nodes.append((command, self.start("-c", f"exec {command}", command="/bin/sh", env=environment)))
            # The next terminal is not opened in the same instant.
            return ""
        if command.startswith("starling preflight "):
            for _, node in self.nodes:  # that it may dial
                support.wait_for(lambda node=node: "msg=listening" in node.output() or not node.running())
        else:
            self.nodes_end()
        result = subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, env=self._environment(environment),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(0, result.returncode, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout

    def nodes_end(self):
        for command, node in self.nodes:
            self.assertEqual(0, node.wait(300), f"{command}\n{node.output()}")
        self.nodes = []

    def finished(self, name):
        return support.events(self.record(name), "finish")[-1]

    def check_same_model(self, rounds, *names):
        finishes = [self.finished(name) for name in names]
        self.assertEqual([("ok", rounds)] * len(names),
                         [(each["status"], each["rounds_completed"]) for each in finishes])
        self.assertEqual(1, len({each["model_sha256"] for each in finishes}), finishes)


class Readme(Typed):
    def test_five_commands(self):
        self.assertEqual(FIVE, documents.commands("README.md")[-5:])
        for command in FIVE:
            self.type(command, STARLING_ROUND_ROUNDS="3")
        self.nodes_end()
        self.check_same_model(3, "alice", "bob", "carol")
        for name in ("alice", "bob", "carol"):
            kit = self.folder / name
            self.assertLessEqual({"settings.json", "ca.pem", "server.pem", "server.key", "client.pem", "client.key"},
                                 {path.name for path in kit.iterdir()})
            self.assertEqual([0o600, 0o600], [(kit / key).stat().st_mode & 0o777 for key in ("server.key", "client.key")])
        self.assertEqual(0o600, (self.folder / "demo/ca.key").stat().st_mode & 0o777)

    def test_every_command_is_typed_by_a_test(self):
        """./testnet/run by test_testnet.py; ./tests/run is what runs this."""
        self.assertEqual(["./testnet/run", "./tests/run", *FIVE], documents.commands("README.md"))


class Tutorial(Typed):
    def test_on_one_machine(self):
        for command in documents.commands("docs/tutorial.md", "On one machine"):
            said = self.type(command)
            if command.startswith("sha256sum"):
                self.check_same_model(3, "alice", "bob", "carol")
            if command.startswith("tail"):
                self.assertEqual("finish", json.loads(said)["event"])
            if command.startswith("starling settings show"):
                self.assertIn("flock.start_nodes", said)
        self.nodes_end()
        self.assertEqual(4, self.finished("alice")["rounds_completed"])

    def test_on_several_machines(self):
        """Two addresses of one machine stand for the two, with names from a hosts file of this process's own."""
        self.own_hosts("127.0.0.1 a.example\n127.0.0.2 b.example\n")
        listen = {"anna": "127.0.0.1:7400", "ben": "127.0.0.2:7400"}
        for command in documents.commands("docs/tutorial.md", "On several machines"):
            if command.startswith("starling settings check anna"):
                self.edit_as_told()
            environment = {"STARLING_ROUND_ROUNDS": "2"} if " node " in command else {}
            for name, address in listen.items():
                if f" {name}/settings.json" in command:
                    environment["STARLING_TRANSPORT_LISTEN"] = address
            self.type(command, **environment)
        self.nodes_end()
        self.check_same_model(2, "anna", "ben")

    def edit_as_told(self):
        for part, name in enumerate(("anna", "ben")):
            def change(value, part=part):
                value["flock"]["start_nodes"] = 2
                value["data"] |= {"part": part, "parts": 2}
                return value
            self.edit(name, change)

    def own_hosts(self, text):
        hosts = self.folder / "hosts"
        hosts.write_text(text, encoding="utf-8")
        if not support.can_mount() or ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
            self.skipTest("needs root and mounts of its own, for another /etc/hosts")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)

    def test_build(self):
        """The first block, in a copy of the tree."""
        first = documents.blocks("docs/tutorial.md")[0]
        copy = self.folder / "copy"
        shutil.copytree(support.ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        here, self.folder = self.folder, copy
        for command in first:
            self.type(command)
        self.folder = here
        version = subprocess.run([str(copy / "build/release/starling"), "--version"], capture_output=True, text=True,
                                 check=True).stdout
        self.assertRegex(version, r"\d+\.\d+\.\d+")


class ManPages(Typed):
    PROOF = "starling proof verify proofs/mallory-0-17.proof --ca ca.pem"

    def answer(self, command, *dialogue):
        terminal = Terminal(["/bin/sh", "-c", command], self.folder, self._environment(self.path))
        for question, answer in dialogue:
            terminal.wait_for(question)
            terminal.type(answer)
        self.assertEqual(0, terminal.end(), terminal.seen)

    def test_authority(self):
        for command in documents.examples("starling-ca.1"):
            if command.endswith("--encrypt"):
                self.answer(command, ("passphrase of the authority: ", "sesame\n"), ("again: ", "sesame\n"))
            elif "--signed-by" in command:
                self.answer(command, ("passphrase of root/ca.key: ", "sesame\n"))
            else:
                self.type(command)
        self.assertIn("revoked", self.type("starling ca list demo"))
        self.type("starling ca issue --ca ward dora --host 127.0.0.1")

    def test_certificates(self):
        self.type("starling ca init demo")
        for command in documents.examples("starling-cert.1"):
            if " request " in command:
                self.type(command)
            else:
                self.answer(command, ("[y/N]", "y\n"))
        self.assertIn("days left", self.type("starling cert show carol"))

    def test_beside_a_node(self):
        """Of settings, preflight and node: bob's, while alice runs."""
        for command in FIVE[:2]:
            self.type(command)
        self.assertIn('5', self.type(documents.examples("starling-settings.1")[0]))
        self.type(f"{FIVE[2]} --set flock.start_nodes=2 --set round.rounds=5")
        self.assertIn("alice", self.type(documents.examples("starling-preflight.1")[0]))
        self.exported["STARLING_FLOCK_START_NODES"] = "2"
        self.type(documents.examples("starling-node.1")[0])
        self.nodes_end()
        self.check_same_model(5, "alice", "bob")
        self.assertIn("off by", self.type(documents.examples("starling-ledger.1")[0]))

    def test_simulation(self):
        rounds, membership = documents.examples("starling-simulate.1")
        self.assertIn("1000", self.type(rounds))
        self.assertIn("0 wrong drops", self.type(membership))

    def test_every_example_is_typed(self):
        counts = {path.name: len(documents.examples(path.name)) for path in (support.ROOT / "docs/man").iterdir()}
        self.assertEqual({"starling.1": 5, "starling-ca.1": 5, "starling-cert.1": 3, "starling-ledger.1": 1,
                          "starling-node.1": 1, "starling-preflight.1": 1, "starling-proof.1": 1, "starling-settings.1": 1,
                          "starling-settings.5": 0, "starling-simulate.1": 2}, counts)
        self.assertEqual(FIVE, documents.examples("starling.1"))  # README's
        self.assertEqual([self.PROOF], documents.examples("starling-proof.1"))
        result = self.run_program(*self.PROOF.split()[1:])  # nobody has lied here
        self.assertEqual(os.EX_NOINPUT, result.returncode, result.stderr)


class Testing(Typed):
    NOT_TYPED = {"./tests/run", "./tests/run --quick",  # these would run this test again
                 "./tests/run --only certificate-matrix"}  # and this, those cases

    def test_commands(self):
        for command in documents.commands("docs/testing.md"):
            if command not in self.NOT_TYPED and not command.startswith("tests/fuzz/run"):  # minutes of fuzzing
                with self.subTest(command):
                    result = subprocess.run(["/bin/sh", "-c", command], cwd=support.ROOT, capture_output=True, text=True,
                                            stdin=subprocess.DEVNULL, check=False)
                    self.assertEqual(0, result.returncode, result.stdout + result.stderr)
                    if "--list" not in command:
                        self.assertRegex(result.stdout.splitlines()[-1], r"^[1-9]\d* passed, 0 failed, \d+ skipped$")

    def test_options_of_what_takes_too_long(self):
        """Benchmarks, fuzzing and whole runs are not repeated here, but they are there and take what the pages give them."""
        told = [(command.split()[0].removeprefix("./"), command.split()[1:])
                for command in documents.commands("docs/testing.md")]
        for page in ("README.md", "docs/testing.md", "docs/measurements.md", "docs/record.md"):
            told += documents.in_passing(page)
        self.assertLessEqual({"tests/run", "testnet/run", "tests/fuzz/run", ".ci/run", "tests/bench/round",
                              "tests/bench/handshake", "tests/bench/learner"}, {program for program, _ in told})
        for program, words in {(program, tuple(words)) for program, words in told if words}:
            with self.subTest(program, words=words):
                said = self.help(program)
                for word in words:
                    if word.startswith("--"):
                        self.assertRegex(said, rf"{word}\b")
                    elif program == "tests/fuzz/run" and word.isalpha():
                        self.assertTrue((support.ROOT / f"tests/fuzz/{word}.c").exists(), word)

    @functools.cache
    def help(self, program):
        return subprocess.run([str(support.ROOT / program), "--help"], capture_output=True, text=True, check=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout


if __name__ == "__main__":
    unittest.main()
