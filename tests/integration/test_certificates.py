"""docs/certificates.md, typed word for word, and what authorities promise: killed at any moment, on a full disk, several at
once, asked on a terminal."""
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

import documents
import support
from terminal import Terminal

PAGE = "docs/certificates.md"


def json_blocks():
    text = (support.ROOT / PAGE).read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


class Case(support.Case):
    def call(self, *arguments, **options):
        result = self.run_program(*arguments, start_new_session=True, **options)
        self.assertEqual(0, result.returncode, f"{arguments}\n{result.stdout}{result.stderr}")
        return result.stdout

    def refuse(self, *arguments, **options):
        result = self.run_program(*arguments, start_new_session=True, **options)
        self.assertNotEqual(0, result.returncode, result.stdout)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        return result.stderr

    def terminal(self, *arguments):
        return Terminal([self.starling, *arguments], self.folder, self._environment({}))

    def entries(self, ca="demo"):
        return [json.loads(line) for line in self.call("ca", "list", ca, "--json").splitlines()]


class Page(Case):
    def setUp(self):
        super().setUp()
        self.path = f"{os.path.dirname(os.path.abspath(self.starling))}:{os.environ['PATH']}"

    def type(self, command):
        if command.startswith(("starling ca approve", "starling cert install carol ")):  # they ask
            terminal = self.terminal(*command.split()[1:])
            terminal.wait_for("[y/N]")
            terminal.type("y\n")
            self.assertEqual(0, terminal.end(), terminal.seen)
            return terminal.seen
        result = subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, env=self._environment({"PATH": self.path}),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
                                start_new_session=True)
        self.assertEqual(0, result.returncode, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout

    def section(self, title):
        return [line for line in documents.commands(PAGE, title)
                if re.match(r"(starling|openssl|printf|chmod|cat|cp|mv|mkdir) ", line)]

    def starts(self, kit):
        """Whether a node would start with it: preflight or not, the kit is loaded by install's own check."""
        said = self.type(f"starling cert show {kit}")
        self.assertIn("days left", said)
        return said

    def test_own_keys_renewing_and_revoking(self):
        for title in ("A node makes its own keys", "Who has what, and for how long", "Renewing", "Revoking"):
            for command in self.section(title):
                said = self.type(command)
                if command == "starling ca list demo":
                    self.assertEqual(2, said.count(" good "), said)
                if command.startswith("starling ca revoke"):
                    self.assertEqual({"revoked"}, {entry["state"] for entry in self.entries()})
        self.assertEqual(8, len(self.entries()))
        self.assertEqual({"key-compromise"}, {entry["reason"] for entry in self.entries()})
        self.assertIn("8 revoked", self.type("starling ca show demo"))
        self.assertRegex(self.type("starling ca show demo"), "(30|29) days left")  # the second may be over

    def test_passphrases(self):
        for command in self.section("Keys with passphrases"):
            self.type(command)
        for name, encrypted in (("vault/ca.key", True), ("dora/server.key", False), ("emil/client.key", True)):
            text = (self.folder / name).read_text(encoding="utf-8")
            self.assertEqual(encrypted, "ENCRYPTED" in text, name)

    def test_an_authority_below_another(self):
        former = {}
        for command in self.section("An authority below another"):
            ward = self.folder / "ward/ca.pem"
            if command.startswith("starling ca renew"):
                former.setdefault("ward", ward.read_text(encoding="ascii"))
                former.setdefault("karl", (self.folder / "karl/server.pem").read_text(encoding="ascii"))
            self.type(command)
        self.assertNotEqual(former["ward"], ward.read_text(encoding="ascii"))
        self.assertNotEqual(former["karl"], (self.folder / "karl/server.pem").read_text(encoding="ascii"))
        self.assertEqual(2, ward.read_text(encoding="ascii").count("BEGIN CERTIFICATE"))
        laboratory = (self.folder / "laboratory/ca.pem").read_text(encoding="ascii")
        self.assertIn(laboratory.split("-----END")[0], (self.folder / "karl/server.pem").read_text(encoding="ascii"))
        self.assertEqual(2, laboratory.count("BEGIN CERTIFICATE"))
        self.assertEqual(1, (self.folder / "frida/ca.pem").read_text().count("BEGIN CERTIFICATE"))
        self.assertEqual(2, (self.folder / "frida/server.pem").read_text().count("BEGIN CERTIFICATE"))
        self.assertEqual(3, (self.folder / "karl/crl.pem").read_text().count("BEGIN X509 CRL"))
        self.assertEqual(3, self.type("starling cert show frida").count("\nlist "))
        text = subprocess.run(["openssl", "x509", "-in", "ward/ca.pem", "-noout", "-text"], cwd=self.folder, check=True,
                              capture_output=True, text=True).stdout
        self.assertRegex(text, r"Name Constraints: critical\s+Permitted:\s+URI:demo\n")
        verify = ["openssl", "verify", "-x509_strict", "-CAfile", "frida/ca.pem", "-untrusted", "ward/ca.pem",
                  "frida/server.pem"]
        subprocess.run(verify[:2] + verify[3:], cwd=self.folder, check=True, capture_output=True)

    def test_a_new_root(self):
        self.type("starling ca init demo")
        for command in self.section("Moving to a new root"):
            said = self.type(command)
            if command == "starling cert show gina":
                self.assertEqual(1, said.count("for          signing certificates"), said)
                self.assertEqual(1, said.count("list  "), said)
        for name in ("ca.pem", "crl.pem"):
            self.assertEqual(2, (self.folder / "hugo" / name).read_text().count("-----BEGIN"), name)

    def test_openssl(self):
        commands = self.section("Certificates that openssl made")
        settings = json_blocks()[0]
        for command in commands:
            if command.startswith("printf") and "extendedKeyUsage" in command:
                self.loads(settings)
                self.assertIn("extendedKeyUsage", self.loads(settings, purpose=None))
                self.assertIn("no extended key usage", self.type("starling cert show ines.pem"))
            said = self.type(command)
            if command.startswith("starling cert show"):
                self.assertIn("server and client", said)
                self.loads(settings, purpose=None, name_from=None)
        self.assertEqual([("ines", "revoked")], [(entry["name"], entry["state"]) for entry in self.entries("retina")])
        self.assertIn("revoked", self.loads(settings, purpose=None, name_from=None, good=False))

    def loads(self, settings, good=True, **changes):
        """What a node says that starts with these settings, and ends at once. A change to None takes a key away; then it
        must not start where the key was needed."""
        identity = {**settings["identity"], **changes}
        identity = {key: value for key, value in identity.items() if value is not None}
        value = {**settings, "identity": identity, "transport": {"listen": ["127.0.0.1:0"]}, "round": {"rounds": 1}}
        (self.folder / "settings.json").write_text(json.dumps(value), encoding="utf-8")
        result = self.run_program("node", "settings.json", start_new_session=True)
        wanted = good and not (changes.get("purpose", "") is None and "name_from" not in changes)
        self.assertEqual(wanted, result.returncode == 0, result.stderr)
        return result.stderr

    def test_every_command_is_typed(self):
        """No section of the page is left out above."""
        text = re.sub(r"^```json.*?^```", "", (support.ROOT / PAGE).read_text(encoding="utf-8"),
                      flags=re.DOTALL | re.MULTILINE)
        self.assertEqual(["A node makes its own keys", "Who has what, and for how long", "Renewing", "Revoking",
                          "Keys with passphrases", "An authority below another", "Moving to a new root",
                          "Certificates that openssl made"], re.findall(r"^## (.*)$", text, re.MULTILINE))
        typed = sum((self.section(title) for title in re.findall(r"^## (.*)$", text, re.MULTILINE)), [])
        indented = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        self.assertEqual(indented, typed)


class Approve(Case):
    def setUp(self):
        super().setUp()
        self.call("ca", "init", "demo")
        self.said = self.call("cert", "request", "alice", "--flock", "demo", "--host", "a.example", "--host", "::1")
        self.fingerprint = re.search(r"fingerprint +([0-9a-f]{64})\n", self.said)[1]

    def approve(self, *more):
        return ("ca", "approve", "--ca", "demo", "alice/request.pem", *more)

    def test_what_is_shown(self):
        self.assertRegex(self.said, r"node +alice\n")
        self.assertRegex(self.said, r"addresses +a\.example ::1\n")
        self.assertIn(self.fingerprint, self.call("cert", "show", "alice"))
        self.assertIn(self.fingerprint, self.call("cert", "show", "alice/request.pem"))

    def test_no_is_no(self):
        for answer in ("n\n", "\n", "nonsense\n", "\x04"):
            with self.subTest(answer):
                terminal = self.terminal(*self.approve())
                terminal.wait_for("[y/N]")
                self.assertIn(self.fingerprint, terminal.seen)
                terminal.type(answer)
                self.assertEqual(os.EX_NOPERM, terminal.end(), terminal.seen)
                self.assertIn("nothing was signed", terminal.seen)
        self.assertEqual([], self.entries())

    def test_without_a_terminal_nothing_is_signed(self):
        self.assertIn("terminal", self.refuse(*self.approve()))
        self.assertEqual([], self.entries())

    def test_by_fingerprint(self):
        other = self.fingerprint[:-1] + ("0" if self.fingerprint[-1] != "0" else "1")
        for wrong in (other, "", self.fingerprint[:-2], self.fingerprint + "00"):
            self.assertIn("nothing was signed", self.refuse(*self.approve("--fingerprint", wrong)))
        colons = ":".join(re.findall("..", self.fingerprint)).upper()
        self.call(*self.approve("--fingerprint", colons))
        self.assertIn("--replace", self.refuse(*self.approve("--yes")))
        self.call(*self.approve("--yes", "--replace"))
        self.assertEqual(["revoked", "revoked", "good", "good"], [entry["state"] for entry in self.entries()])

    def test_an_answer_that_cannot_be_written_leaves_no_good_certificate(self):
        self.refuse(*self.approve("--yes", "--out", "no/such/folder/answer.pem"))
        self.assertEqual({"revoked"}, {entry["state"] for entry in self.entries()})
        self.call(*self.approve("--yes"))


class Install(Case):
    """The answer is on its way, where anybody may put another one: with another authority and certificates for the keys
    that the request, which is no secret, shows."""

    def setUp(self):
        super().setUp()
        self.call("ca", "init", "demo")
        self.call("ca", "init", "mallory", "--flock", "demo")
        self.call("cert", "request", "alice", "--flock", "demo", "--host", "a.example")
        said = self.approve("demo", "answer")
        self.fingerprint = re.search(r"authority +([0-9a-f]{64}) ", said)[1]
        self.assertIn(self.fingerprint, self.call("ca", "show", "demo"))
        self.approve("mallory", "swapped")

    def approve(self, authority, answer):
        return self.call("ca", "approve", "--ca", authority, "alice/request.pem", "--yes", "--out", answer)

    def install(self, answer, *more):
        return ("cert", "install", "alice", answer, *more)

    def files(self):
        return sorted(os.listdir(self.folder / "alice"))

    def test_nobody_trusts_an_authority_unseen(self):
        before = self.files()
        self.assertIn("terminal", self.refuse(*self.install("answer")))
        terminal = self.terminal(*self.install("swapped"))
        terminal.wait_for("[y/N]")
        self.assertNotIn(self.fingerprint, terminal.seen)
        terminal.type("n\n")
        self.assertEqual(os.EX_NOPERM, terminal.end(), terminal.seen)
        self.assertEqual(before, self.files())
        terminal = self.terminal(*self.install("answer"))
        terminal.wait_for("[y/N]")
        self.assertIn(self.fingerprint, terminal.seen)
        terminal.type("y\n")
        self.assertEqual(0, terminal.end(), terminal.seen)
        self.call(*self.install("answer"))  # it is trusted now

    def test_by_fingerprint(self):
        before = self.files()
        self.assertIn("nothing was changed", self.refuse(*self.install("swapped", "--fingerprint", self.fingerprint)))
        self.assertEqual(before, self.files())
        self.call(*self.install("answer", "--fingerprint", self.fingerprint))
        self.assertIn("--new-authority", self.refuse(*self.install("swapped", "--yes")))
        self.assertIn("nothing was changed", self.refuse(
            *self.install("swapped", "--new-authority", "--fingerprint", self.fingerprint)))
        self.call(*self.install("swapped", "--new-authority", "--yes"))


class Passphrase(Case):
    def setUp(self):
        super().setUp()
        terminal = self.terminal("ca", "init", "demo", "--encrypt")
        for question in ("new passphrase of the authority: ", "the same again: "):
            terminal.wait_for(question)
            terminal.type("sesame\n")
        self.assertEqual(0, terminal.end(), terminal.seen)
        self.assertNotIn("sesame", terminal.seen)

    def test_asked_once_for_several_kits_and_not_shown(self):
        terminal = self.terminal("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "alice", "bob")
        terminal.wait_for("passphrase of demo/ca.key: ")
        terminal.type("sesamex\x7f\n")
        self.assertEqual(0, terminal.end(), terminal.seen)
        self.assertNotIn("sesame", terminal.seen)
        self.assertEqual(1, terminal.seen.count("passphrase"))

    def test_two_secrets_are_not_mixed_up(self):
        """The authority's passphrase, asked for, is not tried on a kit's keys."""
        (self.folder / "secret").write_text("open\n", encoding="utf-8")
        (self.folder / "secret").chmod(0o600)
        terminal = self.terminal("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "alice", "--key-passphrase-file",
                                 "secret")
        terminal.wait_for("passphrase of demo/ca.key: ")
        terminal.type("sesame\n")
        self.assertEqual(0, terminal.end(), terminal.seen)
        terminal = self.terminal("ca", "renew", "--ca", "demo", "alice")
        for question, typed in (("demo/ca.key: ", "sesame\n"), ("server.key: ", "open\n"), ("client.key: ", "open\n")):
            terminal.wait_for(question)
            terminal.type(typed)
        self.assertEqual(0, terminal.end(), terminal.seen)
        self.assertEqual(4, self.call("ca", "list", "demo").count(" good "))

    def test_wrong_or_not_given(self):
        for typed in ("wrong\n", "\n", "\x03", "\x04"):
            with self.subTest(typed):
                terminal = self.terminal("ca", "crl", "demo")
                terminal.wait_for("passphrase of demo/ca.key: ")
                terminal.type(typed)
                self.assertNotEqual(0, terminal.end(), terminal.seen)
        self.assertIn("terminal", self.refuse("ca", "crl", "demo"))

    def test_two_that_differ(self):
        terminal = self.terminal("ca", "init", "other", "--encrypt")
        for question, typed in (("authority: ", "sesame\n"), ("again: ", "simsim\n")):
            terminal.wait_for(question)
            terminal.type(typed)
        self.assertEqual(os.EX_DATAERR, terminal.end(), terminal.seen)
        self.assertFalse((self.folder / "other").exists())


class Robust(Case):
    """What was handed out is in the database, whatever happened, and the authority goes on."""

    KILLS = 30

    def setUp(self):
        super().setUp()
        self.call("ca", "init", "demo")

    def certificates(self, folder):
        """Serial numbers in a kit."""
        found = set()
        for name in ("server.pem", "client.pem"):
            text = subprocess.run(["openssl", "x509", "-in", folder / name, "-noout", "-serial"], check=True,
                                  capture_output=True, text=True).stdout
            found.add(text.strip().removeprefix("serial=").lower())
        return found

    def check(self, kits):
        entries = self.entries()
        serials = [entry["serial"] for entry in entries]
        self.assertEqual(len(set(serials)), len(serials))
        for kit in kits:
            self.assertLessEqual(self.certificates(kit), set(serials), kit)
        text = subprocess.run(["openssl", "crl", "-in", "demo/crl.pem", "-noout", "-text", "-CAfile", "demo/ca.pem"],
                              cwd=self.folder, check=True, capture_output=True, text=True).stdout
        return entries, int(re.search(r"CRL Number:\s+(\d+)", text)[1]), text

    def test_killed_at_any_moment(self):
        """Issuing and revoking, by turns, each killed at a random moment of the time that it takes undisturbed."""
        began = time.monotonic()
        self.call("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "first")
        usual = time.monotonic() - began
        chance = random.Random(1)
        numbers = [1]
        for index in range(self.KILLS):
            arguments = ("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", f"n{index}") if index % 2 == 0 else \
                ("ca", "revoke", "--ca", "demo", f"n{index - 1}")
            process = self.start(*arguments)
            time.sleep(chance.uniform(0, 1.2 * usual))
            process.signal(signal.SIGKILL)
            process.wait()
            kits = [path for path in self.folder.glob("n*") if (path / "settings.json").exists()]
            _, number, _ = self.check(kits)
            self.assertGreaterEqual(number, numbers[-1])
            numbers.append(number)
        self.call("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "last")
        entries, number, text = self.check(self.folder.glob("[nfl]*[0-9t]"))
        self.assertGreaterEqual(number, numbers[-1])
        revoked = {entry["serial"].upper() for entry in entries if entry["state"] == "revoked"}
        self.assertEqual(revoked, set(re.findall(r"Serial Number: ([0-9A-F]+)", text)))

    def test_a_full_disk(self):
        """Files may not grow beyond a limit; whatever it is, nothing that failed was handed out."""
        size = (self.folder / "demo/database.jsonl").stat().st_size
        for room in range(0, 4000, 250):
            def limit(room=room):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, resource.RLIM_INFINITY))
            result = self.run_program("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", f"n{room}", preexec_fn=limit)
            made = (self.folder / f"n{room}").exists()
            self.assertEqual(made, result.returncode == 0, result.stderr)
            self.check([self.folder / f"n{room}"] if made else [])
        self.assertEqual([], list(self.folder.glob(".n*")))
        self.call("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "last")

    def test_issuers_at_once(self):
        processes = [self.start("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "--port", str(7400 + 10 * index),
                                f"a{index}", f"b{index}") for index in range(6)]
        processes += [self.start("ca", "crl", "demo") for _ in range(3)]
        for process in processes:
            self.assertEqual(0, process.wait(), process.output())
        entries, number, _ = self.check(sorted(self.folder.glob("[ab][0-9]")))
        self.assertEqual(24, len(entries))
        self.assertEqual(4, number)

    def test_one_of_several_kits_fails(self):
        """All or none, and none of what was made meanwhile stays good."""
        shutil.copytree(self.folder / "demo", self.folder / "copy")
        self.call("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "bob", "--out", "elsewhere")
        self.refuse("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "alice", "bob")
        self.assertFalse((self.folder / "alice").exists())
        states = {entry["name"]: entry["state"] for entry in self.entries()}
        self.assertEqual({"alice": "revoked", "bob": "good"}, states)
        self.call("ca", "issue", "--ca", "demo", "--host", "127.0.0.1", "alice")


if __name__ == "__main__":
    unittest.main()
