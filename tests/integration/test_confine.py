"""What a running node has given up, seen from outside, and that it still does its work: as somebody without rights, with
a passphrase that is typed, with keys in a token. What it can no longer do is tried in tests/unit/node/test_confine.c."""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import unittest

import support

IDLE = {"learner": {"trainer": "idle", "idle_bytes": 100000}, "data": {"format": "none", "train": [], "test": []},
        "flock": {"start_nodes": 2}}
ROUNDS = {"round": {"rounds": 3, "linger_max": 2}}
ENDLESS = {"round": {"rounds": 1000000}}
NOBODY = 65534
KEPT = 0x406  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE


def setUpModule():
    support.own_network()


class Confined(support.Case):
    def status(self, process, name, thread=None):
        path = f"/proc/{process.child.pid}" + (f"/task/{thread}" if thread else "") + "/status"
        return re.search(rf"^{name}:\s*(\S+)", pathlib.Path(path).read_text(encoding="ascii"), re.MULTILINE)[1]

    def two(self, **options):
        alice = self.start("node", self.settings("alice"), **options)
        bob = self.start("node", self.settings("bob"), "--join", self.address("alice"), **options)
        return alice, bob

    def assert_done(self, *nodes):
        for node in nodes:
            self.assertEqual(0, node.wait(90), node.output())
            self.assertNotIn("level=error", node.output())
        for name in ("alice", "bob"):
            self.assertEqual(3, support.events(self.record(name), "finish")[-1]["rounds_completed"])

    def test_each_thread_has_given_up_the_same(self):
        self.make_kits("alice", "bob", settings={**IDLE, **ENDLESS})
        alice, _ = self.two()
        self.wait_for_event("alice", "mixed")
        threads = os.listdir(f"/proc/{alice.child.pid}/task")
        self.assertGreater(len(threads), 2)
        for thread in threads:
            self.assertEqual("1", self.status(alice, "NoNewPrivs", thread))
            self.assertEqual("2", self.status(alice, "Seccomp", thread))
            for kind in ("CapEff", "CapPrm", "CapInh"):
                self.assertEqual(0, int(self.status(alice, kind, thread), 16) & ~KEPT, kind)
        limits = pathlib.Path(f"/proc/{alice.child.pid}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, r"Max core file size\s+0\s+0\s")
        line = next(line for line in alice.output().splitlines() if "msg=confined" in line)
        for word in ("core_dumps=off", "no_new_privs=true", "landlock=", "seccomp=on"):
            self.assertIn(word, line)
        alice.signal(signal.SIGABRT)
        self.assertEqual(-signal.SIGABRT, alice.wait(30))
        self.assertEqual([], [str(path) for path in self.folder.rglob("core*")])

    def test_the_setting_switches_it_off_and_says_so(self):
        self.make_kits("alice", "bob", settings={**IDLE, **ENDLESS, "node": {"confine": False}})
        alice, _ = self.two()
        self.wait_for_event("alice", "mixed")
        self.assertEqual("0", self.status(alice, "Seccomp"))
        self.assertIn("not confined", alice.output())

    def test_no_flag_switches_it_off(self):
        self.make_kits("alice", settings=IDLE)
        result = self.run_program("node", self.settings("alice"), "--set", "node.confine=false")
        self.assertEqual(78, result.returncode, result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_without_any_rights(self):
        """As nobody, in a folder of nobody's: no capability is there to be dropped."""
        self.make_kits("alice", "bob", settings={**IDLE, **ROUNDS})
        program = self.folder / "starling"
        shutil.copy(self.starling, program)
        program.chmod(0o755)
        self.folder.chmod(0o755)
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        alice, bob = self.two(command=str(program), user=NOBODY, group=NOBODY, extra_groups=[])
        self.assert_done(alice, bob)
        self.assertNotIn("runs as root", alice.output())
        for name in ("alice", "bob"):
            self.assertTrue(list((self.folder / name / "models").glob("*.safetensors")))

    def test_a_passphrase_is_typed(self):
        """On the terminal, once a key; a reload asks nobody."""
        openssl = shutil.which("openssl")
        self.make_kits("alice", settings={**IDLE, **ENDLESS})
        for end in ("server", "client"):
            key = self.folder / "alice" / f"{end}.key"
            subprocess.run([openssl, "pkcs8", "-topk8", "-in", key, "-out", f"{key}.new", "-v2", "aes-256-cbc",
                            "-passout", "pass:open sesame"], check=True, stderr=subprocess.DEVNULL)
            os.chmod(f"{key}.new", 0o600)
            os.replace(f"{key}.new", key)
        child, terminal = pty.fork()
        if child == 0:
            support.end_with_test()
            os.chdir(self.folder)
            os.execve(self.starling, [self.starling, "node", str(self.settings("alice"))], self._environment(None))
        self.addCleanup(os.close, terminal)
        self.addCleanup(self.end, child)
        said = b""

        def read_until(text):
            nonlocal said
            while text not in said:
                self.assertTrue(select.select([terminal], [], [], 30)[0], said)
                said += os.read(terminal, 4096)
            said = said.split(text, 1)[1]
        for _ in ("server", "client"):
            read_until(b"passphrase")
            read_until(b": ")
            os.write(terminal, b"open sesame\n")
        read_until(b"listening")
        os.kill(child, signal.SIGHUP)
        read_until(b"a new generation is in force")
        self.assertNotIn(b"sesame", said)

    @staticmethod
    def end(child):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    @unittest.skipUnless(shutil.which("softhsm2-util"), "softhsm2 is not installed")
    def test_keys_in_a_token(self):
        """SoftHSM, which has its own folder to write in: files are open then, and a line says so."""
        self.make_kits("alice", "bob", settings={**IDLE, **ROUNDS})
        tokens = self.folder / "tokens"
        tokens.mkdir()
        configuration = self.folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n",
                                 encoding="ascii")
        environment = {"SOFTHSM2_CONF": str(configuration)}

        def softhsm(*arguments):
            subprocess.run(["softhsm2-util", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, **environment})
        softhsm("--init-token", "--free", "--label", "starling-test", "--pin", "4711", "--so-pin", "0000")
        for number, end in enumerate(("server", "client"), 1):
            key = self.folder / "alice" / f"{end}.key"
            softhsm("--import", key, "--token", "starling-test", "--label", end, "--id", f"0{number}", "--pin", "4711")
            key.unlink()
        pin = self.folder / "alice" / "pin"
        pin.write_text("4711\n", encoding="ascii")
        pin.chmod(stat.S_IRUSR)
        from driver.kits import merge
        self.edit("alice", lambda value: merge(value, {"identity": {
            "server_key": "pkcs11:token=starling-test;object=server",
            "client_key": "pkcs11:token=starling-test;object=client", "passphrase_file": "pin"}}))
        alice, bob = self.two(env=environment)
        self.wait_for_event("alice", "phase")
        alice.signal(signal.SIGHUP)
        self.assert_done(alice, bob)
        self.assertIn("off: a key is in a PKCS#11 token", alice.output())
        self.assertIn("seccomp=on", alice.output())
        self.assertIn("landlock=\"on", bob.output())


if __name__ == "__main__":
    unittest.main()
