"""The command line: help, version, exit codes, one-line errors. STARLING is the path of the program."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import support

ROOT = pathlib.Path(__file__).resolve().parents[2]
STARLING = str(pathlib.Path(os.environ.get("STARLING", ROOT / "build/release/starling")).resolve())
COMMANDS = ("node", "preflight", "ca init", "ca issue", "ca approve", "ca renew", "ca revoke", "ca crl", "ca list",
            "ca show", "cert request", "cert install", "cert show", "proof verify", "ledger check",
            "settings check", "settings show",
            "settings schema", "settings reference", "simulate",
            "simulate membership", "help", "version")
# Nothing of the caller's own environment may reach the settings.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("STARLING")}
IDENTITY = {"ca": "ca.pem", "server_certificate": "server.pem", "server_key": "server.key",
            "client_certificate": "client.pem", "client_key": "client.key"}
# A node that waits for another one.
WAITING = ("--set", "learner.trainer=idle", "--set", "data.format=none", "--set", "data.train=", "--set", "data.test=",
           "--set", "flock.start_nodes=2")
IDLE = (*WAITING, "--set", "transport.listen=127.0.0.1:0")
USAGE, DATA, INPUT, EXISTS, OUTPUT, PERMISSION, SETTINGS = 64, 65, 66, 73, 74, 77, 78


def settings(**sections):
    return {"flock": {"name": "demo"}, "node": {"name": "alice"}, "identity": IDENTITY,
            "learner": {"trainer": "idle"}, **sections}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="starling-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def call(self, *arguments, environment=None, stdout=subprocess.PIPE):
        return subprocess.run([STARLING, *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              start_new_session=True,  # away from a terminal that it could ask on
                              env={**ENVIRONMENT, **(environment or {})})

    def succeed(self, *arguments, **options):
        result = self.call(*arguments, **options)
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        return result.stdout

    def fail(self, code, *arguments, **options):  # pylint: disable=arguments-differ
        """The lines of the error, each without its "starling: "."""
        result = self.call(*arguments, **options)
        self.assertEqual(code, result.returncode, result.stderr)
        lines = result.stderr.splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"\Astarling: \S[\x20-\uffff]*\Z")
        return [line.removeprefix("starling: ") for line in lines]

    def fail_in_a_line(self, code, *arguments, **options):
        lines = self.fail(code, *arguments, **options)
        self.assertEqual(1, len(lines), lines)
        return lines[0]

    def write(self, name, value):
        text = value if isinstance(value, str) else json.dumps(value)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


class Program(Case):
    def test_help_and_version_of_each_command(self):
        for command in COMMANDS:
            with self.subTest(command):
                output = self.succeed(*command.split(), "--help")
                self.assertTrue(output.startswith(f"Usage: starling {command} "), output)
                self.assertGreater(len(output.splitlines()), 3)
                self.assertLess(max(map(len, output.splitlines())), 90)
                self.assertEqual(output, self.succeed("help", *command.split()))
                self.assertEqual(output, self.succeed(*command.split(), "-h"))
                self.assertRegex(self.succeed(*command.split(), "--version"), r"\Astarling \d+\.\d+\.\d+\n\Z")

    def test_help_names_each_command_and_no_other(self):
        output = self.succeed("help")
        self.assertEqual(output, self.succeed("--help"))
        self.assertEqual(list(COMMANDS), re.findall(r"^  (\w+(?: \w+)?)  ", output, re.MULTILINE))

    def test_help_of_a_group(self):
        for group in ("ca", "cert", "settings"):
            output = self.succeed("help", group)
            self.assertEqual(output, self.succeed(group, "--help"))
            for command in COMMANDS:
                self.assertEqual(command.startswith(group + " "), f"  {command} " in output)

    def test_version(self):
        self.assertEqual(self.succeed("version"), self.succeed("--version"))
        self.assertEqual(self.succeed("version"), self.succeed("ca", "--version"))

    def test_wrong_usage_is_one_line_that_says_what_to_do(self):
        cases = [[], ["frobnicate"], ["ca"], ["ca", "frobnicate"], ["settings"], ["help", "frobnicate"],
                 ["help", "ca", "init", "more"], ["version", "more"], ["node"], ["node", "a", "b"], ["--frobnicate"],
                 ["node", "a", "--resume=yes"], ["node", "a", "--join"], ["node", "a", "--join", "nowhere"],
                 ["node", "a", "--join", "a:0"], ["node", "a", "--join", "a:65536"], ["node", "a", "--set", "x"],
                 ["node", "a", "--set", "=x"], ["node", "a", "--log-level", "loud"],
                 ["node", "a", "--log-format", "xml"], ["ca", "init"], ["ca", "init", "a", "b"],
                 ["ca", "init", "a", "--key", "dsa"], ["ca", "init", "a", "--days", "0"],
                 ["ca", "init", "a", "--days", "-1"], ["ca", "init", "a", "--flock", "A"],
                 ["ca", "issue", "a"], ["ca", "issue", "--ca", "x", "a"], ["ca", "issue", "--host", "h", "a"],
                 ["ca", "issue", "--ca", "x", "--host", "h"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "Alice"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "a/b"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "../a"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "a", "b", "a"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "a", "--port", "0"],
                 ["ca", "issue", "--ca", "x", "--host", "h", "a", "b", "--port", "65535"],
                 ["ca", "init", "a", "--any-flock"], ["ca", "init", "a", "--path-length", "-1"],
                 ["ca", "init", "a", "--encrypt", "--passphrase-file", "x"], ["ca", "init", "a", "--crl-days", "0"],
                 ["ca", "approve", "r"], ["ca", "approve", "--ca", "x"], ["ca", "approve", "--ca", "x", "r", "s"],
                 ["ca", "approve", "--ca", "x", "r", "--days", "0"], ["ca", "renew", "a"], ["ca", "renew", "--ca", "x"],
                 ["ca", "revoke", "a"], ["ca", "revoke", "--ca", "x"],
                 ["ca", "revoke", "--ca", "x", "a", "--reason", "anger"], ["ca", "crl"], ["ca", "crl", "a", "b"],
                 ["ca", "crl", "a", "--days", "x"], ["ca", "list"], ["ca", "list", "a", "--json=1"], ["ca", "show"],
                 ["cert"], ["cert", "request"], ["cert", "request", "a", "--host", "h"],
                 ["cert", "request", "a", "--flock", "f"], ["cert", "request", "a", "--flock", "F", "--host", "h"],
                 ["cert", "request", "a", "--flock", "f", "--host", "h", "--node", "A"],
                 ["cert", "install", "a"], ["cert", "install", "a", "b", "c"], ["cert", "show"],
                 ["settings", "check"], ["settings", "show", "a", "b"], ["settings", "schema", "a", "b"],
                 ["settings", "reference", "--format", "html"], ["simulate", "more"], ["simulate", "--nodes", "0"],
                 ["simulate", "--nodes", "x"], ["simulate", "--loss", "1"], ["simulate", "--loss", "-0.1"],
                 ["simulate", "--seed", "1.5"], ["simulate", "--delay", "nan"], ["simulate", "--json=1"],
                 ["simulate", "--deadline-min", "20000", "--deadline-max", "1"]]
        cases += [[*command.split(), "--frobnicate"] for command in COMMANDS]
        cases += [[*command.split(), "-x"] for command in COMMANDS]
        for arguments in cases:
            with self.subTest(arguments):
                line = self.fail_in_a_line(USAGE, *arguments)
                self.assertRegex(line, r'"starling .*(help|--help)')
        self.assertEqual([], list(self.folder.iterdir()))

    def test_an_argument_stays_in_its_line(self):
        line = self.fail_in_a_line(USAGE, "one\ntwo\x1b[2J")
        self.assertIn("one?two?[2J", line)
        self.assertIn("three??2J", self.fail_in_a_line(USAGE, "three\u009b2J"))

    def test_the_wrong_option_is_named(self):
        self.assertIn("unknown option -x", self.fail_in_a_line(USAGE, "simulate", "--json", "-xh"))
        self.assertIn("--json takes no value", self.fail_in_a_line(USAGE, "simulate", "--json=1"))
        self.assertIn("ladder", self.fail_in_a_line(USAGE, "simulate", "--topology", "ladder"))

    def test_output_that_cannot_be_written_is_an_error(self):
        for command in (["help"], ["version"], ["settings", "schema"], ["settings", "reference"]):
            with self.subTest(command), open("/dev/full", "wb") as full:
                self.fail_in_a_line(OUTPUT, *command, stdout=full)

    def test_a_reader_that_went_away_kills_nobody(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            self.fail_in_a_line(OUTPUT, "settings", "reference", stdout=pipe)


class Settings(Case):
    def test_good(self):
        self.write("a.json", settings())
        self.assertEqual("a.json: good settings\n", self.succeed("settings", "check", "a.json"))

    def test_samples_are_good(self):
        samples = [path for path in (ROOT / "settings").glob("*.json") if path.name != "schema.json"]
        self.assertGreaterEqual(len(samples), 3)
        for path in samples:
            self.succeed("settings", "check", path)

    def test_what_is_made_of_the_table_is_current(self):
        self.assertEqual((ROOT / "settings/schema.json").read_text(), self.succeed("settings", "schema"))
        self.assertEqual((ROOT / "docs/settings.md").read_text(), self.succeed("settings", "reference"))
        section = self.succeed("settings", "reference", "--format", "mdoc")
        self.assertIn(f"begin\n{section}.\\\" end\n", (ROOT / "docs/man/starling-settings.5").read_text())

    def test_schema_and_reference_may_be_given_a_file_and_leave_it_alone(self):
        self.write("a.json", settings())
        before = (self.folder / "a.json").read_bytes()
        for command in ("schema", "reference"):
            self.assertEqual(self.succeed("settings", command), self.succeed("settings", command, "a.json"))
        self.assertEqual(before, (self.folder / "a.json").read_bytes())

    def test_show(self):
        self.write("a.json", settings(round={"rounds": 3, "linger_max": 1}))
        output = self.succeed("settings", "show", "a.json", "--set", "round.rounds=5", "--join", "127.0.0.1:7400",
                              environment={"STARLING_FLOCK_SEED": "9", "STARLING_ROUND_ROUNDS": "4"})
        lines = {line.split()[0]: line.split(None, 1)[1] for line in output.splitlines()}
        for key, value, origin in (("round.rounds", "5", "flag --set"), ("round.linger_max", "1", "file"),
                                   ("flock.seed", "9", "environment STARLING_FLOCK_SEED"),
                                   ("round.deadline_max", "60", "default"),
                                   ("membership.join", '["127.0.0.1:7400"]', "flag --join")):
            self.assertRegex(lines[key], rf"\A{re.escape(value)} +{re.escape(origin)}\Z")
        schema = json.loads(self.succeed("settings", "schema"))
        keys = [f"{section}.{key}" for section, value in schema["properties"].items()
                for key in value.get("properties", {})]
        # Lists of objects have lines for their members besides: transport.listen[0].address.
        self.assertEqual(keys, [line for line in lines if "[" not in line])
        self.assertIn("transport.listen[0].connection_security", lines)

    def test_bad_files(self):
        good = json.dumps(settings())
        for name, text, said in (("empty", "", "empty"), ("cut", good[:-1], "line 1"), ("a list", "[]", "JSON object"),
                                 ("a comma too many", good[:-1] + ",}", "line 1"),
                                 ("twice", '{"flock":{},' + good[1:], "flock"),
                                 ("unknown", json.dumps(settings(flok={})), '"flock"')):
            for command in (["settings", "check"], ["settings", "show"], ["node"]):
                with self.subTest(name, command=command):
                    self.write("a.json", text)
                    line = self.fail_in_a_line(SETTINGS, *command, "a.json")
                    self.assertTrue(line.startswith("a.json: "), line)
                    self.assertIn(said, line)

    def test_missing_file(self):
        for command in (["settings", "check"], ["settings", "show"], ["node"]):
            self.assertIn("none.json", self.fail_in_a_line(INPUT, *command, "none.json"))

    def test_everything_wrong_at_once(self):
        self.write("a.json", settings(round={"ruonds": 3, "rounds": 0}, transport={"listen": ["here"]}))
        lines = self.fail(SETTINGS, "node", "a.json", "--set", "mix.stream=maybe", "--set", "identity.ca=x",
                          environment={"STARLING_LOG_LEVEL": "loud", "STARLING_TRANSPORT_PRIORITIES": "NORMAL"})
        self.assertEqual([
            'a.json: round.ruonds: unknown key; the nearest known one is "round.rounds"',
            'a.json: round.rounds: expected an integer from 1 to 1000000000 rounds, found 0',
            'a.json: transport.listen[0]: expected "host:port", found "here"',
            'STARLING_TRANSPORT_PRIORITIES: transport.priorities: decides security, so only the settings file may set '
            'it',
            'STARLING_LOG_LEVEL: log.level: expected "debug", "info", "warning" or "error", found "loud"',
            '--set: mix.stream: expected true or false, found "maybe"',
            '--set: identity.ca: decides security, so only the settings file may set it'], lines)

    def test_too_many_problems_are_counted(self):
        self.write("a.json", settings(round={f"unknown{i}": i for i in range(200)}))
        lines = self.fail(SETTINGS, "settings", "check", "a.json")
        self.assertEqual(200, len(lines) - 1 + int(re.fullmatch(r"and (\d+) problems more", lines[-1])[1]))


class Authority(Case):
    KIT = ["ca.pem", "client.key", "client.pem", "crl.pem", "server.key", "server.pem", "settings.json"]

    def names(self, folder="."):
        return sorted(path.name for path in (self.folder / folder).iterdir())

    def mode(self, name):
        return stat.S_IMODE((self.folder / name).stat().st_mode)

    def test_kits(self):
        self.assertEqual("", self.succeed("ca", "init", "demo"))
        self.assertEqual(["ca.key", "ca.pem", "crl.pem", "database.jsonl"], self.names("demo"))
        self.assertEqual(0o600, self.mode("demo/ca.key"))
        self.succeed("ca", "issue", "--ca", "demo", "alice", "bob", "carol", "--host", "127.0.0.1")
        for index, name in enumerate(("alice", "bob", "carol")):
            self.assertEqual(self.KIT, self.names(name))
            self.assertEqual([0o600, 0o600], [self.mode(f"{name}/{key}") for key in ("client.key", "server.key")])
            self.succeed("settings", "check", f"{name}/settings.json")
            text = (self.folder / name / "settings.json").read_text(encoding="utf-8")
            self.assertNotIn(str(self.folder), text)
            kit = json.loads(text)
            self.assertEqual([f"127.0.0.1:{7400 + index}"], kit["transport"]["listen"])
            self.assertEqual(("demo", name, 3), (kit["flock"]["name"], kit["node"]["name"], kit["flock"]["start_nodes"]))

    def test_options(self):
        self.write("passphrase", "correct horse\n")
        (self.folder / "passphrase").chmod(0o600)
        self.succeed("ca", "init", "a/b", "--flock", "other", "--key", "ed25519", "--days", "30", "--passphrase-file",
                     "passphrase")
        self.assertIn("ENCRYPTED", (self.folder / "a/b/ca.key").read_text(encoding="utf-8"))
        issue = ["ca", "issue", "--ca", "a/b", "--host", "localhost", "--host", "::1", "--port", "7500", "--out", "kits",
                 "--days", "7", "--key", "ed25519", "eve"]
        self.assertNotEqual(0, self.call(*issue).returncode)
        self.assertFalse((self.folder / "kits/eve").exists())
        self.write("wrong", "incorrect horse\n")
        self.fail_in_a_line(PERMISSION, *issue, "--passphrase-file", "wrong")
        self.assertFalse((self.folder / "kits/eve").exists())
        self.succeed(*issue, "--passphrase-file", "passphrase")
        kit = json.loads((self.folder / "kits/eve/settings.json").read_text(encoding="utf-8"))
        self.assertEqual("other", kit["flock"]["name"])
        self.assertIn("[::1]:7500", kit["transport"]["listen"])

    def test_passphrase_files(self):
        cases = {"empty": b"", "empty line": b"\nsecret\n", "long": b"a" * 1024 + b"\n", "zero": b"a\0b\n"}
        passphrase = self.folder / "passphrase"
        passphrase.touch(0o600)
        for name, content in cases.items():
            with self.subTest(name):
                passphrase.write_bytes(content)
                self.fail_in_a_line(DATA, "ca", "init", "demo", "--passphrase-file", "passphrase")
                self.assertFalse((self.folder / "demo").exists())
        self.fail_in_a_line(INPUT, "ca", "init", "demo", "--passphrase-file", "none")
        passphrase.write_bytes(b"a" * 1023)
        passphrase.chmod(0o640)
        self.assertIn("chmod 600 passphrase", self.fail_in_a_line(
            PERMISSION, "ca", "init", "demo", "--passphrase-file", "passphrase"))
        self.assertFalse((self.folder / "demo").exists())
        passphrase.chmod(0o600)
        self.succeed("ca", "init", "demo", "--passphrase-file", "passphrase")

    def test_nothing_that_exists_is_touched(self):
        self.succeed("ca", "init", "demo")
        before = (self.folder / "demo/ca.key").read_bytes()
        self.fail_in_a_line(EXISTS, "ca", "init", "demo")
        self.assertEqual(before, (self.folder / "demo/ca.key").read_bytes())

    def test_all_kits_or_none(self):
        self.succeed("ca", "init", "demo")
        issue = ["ca", "issue", "--ca", "demo", "--host", "127.0.0.1"]
        (self.folder / "carol").mkdir()
        self.write("carol/mine", "")
        self.assertIn("carol", self.fail_in_a_line(EXISTS, *issue, "alice", "bob", "carol"))
        self.assertEqual(["carol", "demo"], self.names())
        self.assertEqual(["mine"], self.names("carol"))
        self.write("dave", "a file")
        self.assertIn("dave", self.fail_in_a_line(EXISTS, *issue, "alice", "dave"))
        self.fail_in_a_line(USAGE, "ca", "issue", "--ca", "demo", "--host", "not a host", "alice", "bob")
        self.fail_in_a_line(INPUT, "ca", "issue", "--ca", "none", "--host", "127.0.0.1", "alice", "bob")
        self.assertEqual(["carol", "dave", "demo"], self.names())
        self.succeed(*issue, "alice", "bob")


class Node(Case):
    def setUp(self):
        super().setUp()
        self.succeed("ca", "init", "demo")
        self.succeed("ca", "issue", "--ca", "demo", "alice", "--host", "127.0.0.1")

    def start(self, *arguments, environment=None):
        child = subprocess.Popen([STARLING, "node", "alice/settings.json", *IDLE, *arguments],
                                 cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, env={**ENVIRONMENT, **(environment or {})})
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_missing_identity_files(self):
        for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key"):
            with self.subTest(name):
                path = self.folder / "alice" / name
                path.rename(self.folder / "away")
                self.assertIn(f"alice/{name}", self.fail_in_a_line(INPUT, "node", "alice/settings.json"))
                (self.folder / "away").rename(path)

    def test_a_key_of_another_certificate(self):
        shutil.copy(self.folder / "alice/client.key", self.folder / "alice/server.key")
        self.assertIn("alice/server.key", self.fail_in_a_line(DATA, "node", "alice/settings.json"))

    def test_stops_cleanly_at_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                child = self.start()
                first = child.stderr.readline()
                self.assertTrue(first)
                child.send_signal(number)
                _, rest = child.communicate(timeout=30)
                self.assertEqual(0, child.returncode, first + rest)

    def test_a_closed_standard_error_is_no_other_files_number(self):
        path = self.folder / "alice/settings.json"
        value = json.loads(path.read_text(encoding="utf-8"))
        value["node"]["confine"] = False  # else only root may look at its descriptors
        path.write_text(json.dumps(value), encoding="utf-8")
        child = subprocess.Popen(["sh", "-c", 'exec "$@" 2>&-', "sh", STARLING, "node", "alice/settings.json",
                                  *IDLE, "--set", "record.file=record.jsonl"], cwd=self.folder,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        record = self.folder / "alice/record.jsonl"
        support.wait_for(lambda: record.exists() and record.stat().st_size > 0, 30, "the record")
        self.assertEqual("/dev/null", os.readlink(f"/proc/{child.pid}/fd/2"))
        child.send_signal(signal.SIGTERM)
        self.assertEqual(0, child.wait(timeout=30))

    def test_each_listener_is_told_with_its_mode(self):
        path = self.folder / "alice/settings.json"
        value = json.loads(path.read_text(encoding="utf-8"))
        value["transport"] = {
            "listen": ["127.0.0.1:0", {"address": "127.0.0.2:0", "connection_security": "clear", "proxy": True},
                       {"address": "127.0.0.3:0", "connection_security": "tls"}],
            "advertise": ["127.0.0.1:0", "proxy.example:443"]}
        path.write_text(json.dumps(value), encoding="utf-8")
        child = subprocess.Popen([STARLING, "node", path, *WAITING, "--log-format", "json"], cwd=self.folder,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env=ENVIRONMENT)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        told = []
        while not told or told[-1]["msg"] != "advertised":
            line = child.stderr.readline()
            self.assertTrue(line, "it ended")
            told.append(json.loads(line))
        listeners = [line for line in told if line["msg"] == "listening"]
        self.assertEqual([("127.0.0.1", "mtls", False, True), ("127.0.0.2", "clear", True, False),
                          ("127.0.0.3", "tls", False, False)],
                         [(line["address"].split(":")[0], line["security"], line["proxy"], line["advertised"])
                          for line in listeners])
        self.assertEqual("proxy.example:443", told[-1]["address"])
        for line in listeners:
            host, port = line["address"].split(":")
            socket.create_connection((host, int(port)), timeout=10).close()

    def test_log_lines(self):
        child = self.start("--log-format", "json")
        line = json.loads(child.stderr.readline())
        self.assertEqual("alice", line["node"])
        self.assertIn("subsystem", line)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)
        child = self.start()
        line = child.stderr.readline()
        self.assertRegex(line, r"\btime=\S+ level=\w+ ")
        self.assertNotIn("\x1b", line)  # a pipe is no terminal
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)

    def test_colour_is_for_terminals_that_want_it(self):
        for environment, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                                      ({"TERM": "xterm", "NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)):
            with self.subTest(environment):
                self.assertEqual(coloured, "\x1b[" in self.first_line_on_a_terminal(environment))

    def first_line_on_a_terminal(self, environment):
        plain = {key: value for key, value in ENVIRONMENT.items() if key not in ("NO_COLOR", "TERM")}
        ours, theirs = os.openpty()
        with open(ours, "rb", buffering=0) as terminal:
            with open(theirs, "wb", buffering=0) as stderr:
                child = subprocess.Popen([STARLING, "node", "alice/settings.json", "--set", "flock.start_nodes=2",
                                          "--set", "transport.listen=127.0.0.1:0", "--set", "learner.trainer=idle",
                                          "--set", "data.format=none", "--set", "data.train=", "--set", "data.test="],
                                         cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=stderr, env={**plain, **environment})
            self.addCleanup(child.wait)
            self.addCleanup(child.kill)
            text = terminal.read(200).decode()
            child.terminate()
            while True:  # until the node has closed its end
                try:
                    if not terminal.read(4096):
                        break
                except OSError:
                    break
        self.assertEqual(0, child.wait(timeout=30))
        return text


class ManPages(Case):
    PAGES = sorted((ROOT / "docs/man").glob("*.[1-8]"))

    def test_each_command_has_one(self):
        words = {command.split()[0] for command in COMMANDS} - {"help", "version"}
        self.assertEqual({"starling.1", "starling-settings.5"} | {f"starling-{word}.1" for word in words},
                         {path.name for path in self.PAGES})

    def test_each_option_is_described(self):
        for command in COMMANDS[:-2]:
            page = (ROOT / f"docs/man/starling-{command.split()[0]}.1").read_text(encoding="utf-8")
            for option in re.findall(r"^  --([a-z-]+)", self.succeed(*command.split(), "--help"), re.MULTILINE):
                with self.subTest(command, option=option):
                    self.assertRegex(page, rf"\bFl -{option}\b")

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_no_fault(self):
        for path in self.PAGES:
            with self.subTest(path.name):
                # -Wwarning: the pages that these refer to need not be installed.
                result = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], stdout=subprocess.PIPE, text=True,
                                        check=False)
                self.assertEqual("", result.stdout)


if __name__ == "__main__":
    unittest.main()
