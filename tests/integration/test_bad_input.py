"""Whatever is wrong with what a node is given: one clear line, the proper exit code, nothing left running, nothing lost."""
import contextlib
import gzip
import os
import re
import resource
import shutil
import signal
import unittest

import support

EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_CANTCREAT, EX_IOERR, EX_NOPERM, EX_CONFIG = 65, 66, 69, 73, 74, 77, 78


def setUpModule():
    support.own_network()


class BadInput(support.Case):
    def setUp(self):
        super().setUp()
        self.make_kits("alice", settings=support.IDLE)

    def node(self, *arguments, name="alice", **options):
        return self.run_program("node", self.settings(name), *arguments, **options)

    def fails(self, code, *words, **options):
        """The node does not start, and says why in one line."""
        result = self.node(**options)
        self.assertTrue(self.assert_clean_failure(result, code, *words).startswith("starling: "), result.stderr)

    def set(self, **sections):
        from driver.kits import merge
        self.edit("alice", lambda value: merge(value, sections))


class Settings(BadInput):
    def test_the_kit_itself_is_good(self):
        result = self.node("--set", "round.rounds=1", "--set", "flock.start_nodes=1")
        self.assertEqual(0, result.returncode, result.stderr)

    def test_missing(self):
        self.settings("alice").unlink()
        self.fails(EX_NOINPUT, "settings.json")

    def test_empty(self):
        self.settings("alice").write_bytes(b"")
        self.fails(EX_CONFIG, "settings.json")

    def test_truncated(self):
        text = self.settings("alice").read_bytes()
        for length in (1, len(text) // 2, len(text.rstrip()) - 1):
            with self.subTest(length):
                self.settings("alice").write_bytes(text[:length])
                self.fails(EX_CONFIG, "settings.json")

    def test_comma_too_many(self):
        text = self.settings("alice").read_text(encoding="utf-8").rstrip()
        self.settings("alice").write_text(text[:-1] + ",}", encoding="utf-8")
        self.fails(EX_CONFIG, "settings.json")

    def test_a_folder(self):
        self.settings("alice").unlink()
        self.settings("alice").mkdir()
        self.fails(EX_IOERR, "settings.json")

    def test_endless(self):
        """A device is no settings file: reading ends."""
        self.settings("alice").unlink()
        self.settings("alice").symlink_to("/dev/zero")
        self.fails(EX_DATAERR, "settings.json")

    def test_not_utf8(self):
        self.settings("alice").write_bytes(b'{"flock": {"name": "\xff"}}')
        result = self.node()
        self.assertEqual(EX_CONFIG, result.returncode, result.stderr)

    def test_all_problems_at_once(self):
        self.set(round={"rounds": "many"}, flok={}, learner={"rate": -1})
        result = self.node()
        self.assertEqual(EX_CONFIG, result.returncode)
        for word in ("round.rounds", "flok", "flock", "learner.rate"):
            self.assertIn(word, result.stderr)
        self.assertEqual(3, len(result.stderr.splitlines()), result.stderr)


class Identity(BadInput):
    KEYS = {"ca": "ca.pem", "server_certificate": "server.pem", "server_key": "server.key",
            "client_certificate": "client.pem", "client_key": "client.key"}

    def test_missing_files(self):
        for key, file in self.KEYS.items():
            with self.subTest(key):
                path = self.folder / "alice" / file
                path.rename(path.with_suffix(".away"))
                self.fails(EX_NOINPUT, file)
                path.with_suffix(".away").rename(path)

    def test_empty_and_cut_files(self):
        for key, file in self.KEYS.items():
            path = self.folder / "alice" / file
            whole = path.read_bytes()
            for length in (0, len(whole) // 2):
                with self.subTest((key, length)):
                    path.write_bytes(whole[:length])
                    result = self.node()
                    self.assert_clean_failure(result, result.returncode, file)
                    self.assertIn(result.returncode, (EX_DATAERR, EX_NOPERM), result.stderr)
            path.write_bytes(whole)

    def test_key_of_another_certificate(self):
        for which in ("server", "client"):
            with self.subTest(which):
                kit = self.folder / "alice"
                other = "client" if which == "server" else "server"
                shutil.copy(kit / f"{which}.key", kit / "saved.key")
                shutil.copy(kit / f"{other}.key", kit / f"{which}.key")
                self.fails(EX_DATAERR, f"{which}.key")
                shutil.copy(kit / "saved.key", kit / f"{which}.key")

    def test_certificate_of_another_authority(self):
        for arguments in (("ca", "init", "other", "--flock", "flock"),
                          ("ca", "issue", "--ca", "other", "--out", "theirs", "alice", "--host", "127.0.0.1")):
            self.assertEqual(0, self.run_program(*arguments).returncode)
        shutil.copy(self.folder / "other/ca.pem", self.folder / "alice/ca.pem")
        self.fails(EX_NOPERM)

    def test_name_that_the_certificates_do_not_have(self):
        self.set(node={"name": "mallory"})
        result = self.node()
        self.assert_clean_failure(result, result.returncode, "mallory")
        self.assertIn(result.returncode, (EX_DATAERR, EX_NOPERM))

    def test_wrong_passphrase(self):
        kit = self.folder / "locked" / "alice"
        for name in ("right", "wrong"):
            (self.folder / name).write_text(f"the {name} one\n", encoding="ascii")
            (self.folder / name).chmod(0o600)
        result = self.run_program("ca", "issue", "--ca", "flock", "--replace", "--out", "locked",
                                  "--key-passphrase-file", "right", "alice", "--host", "127.0.0.1")
        self.assertEqual(0, result.returncode, result.stderr)
        for end in ("server", "client"):
            for kind in ("pem", "key"):
                shutil.copy(kit / f"{end}.{kind}", self.folder / "alice")
        self.set(identity={"passphrase_file": str(self.folder / "wrong")})
        self.fails(EX_NOPERM, "server.key", "not with this passphrase")
        self.set(identity={"passphrase_file": ""})
        self.fails(EX_NOPERM, "server.key", "no terminal")
        self.set(identity={"passphrase_file": str(self.folder / "right")}, round={"rounds": 1},
                 flock={"start_nodes": 1})
        self.assertEqual(0, self.node().returncode)

    def test_list_that_is_none(self):
        """Of what a start makes nothing is left, whichever folders it has to make, confined or not."""
        (self.folder / "alice/crl.pem").write_bytes(b"")
        self.fails(EX_DATAERR, "crl.pem")
        for confine in (True, False):
            with self.subTest(confine=confine):
                self.set(node={"confine": confine}, model={"folder": "runs/one/models"},
                         membership={"proof_folder": "runs/proofs"}, record={"file": "record"})
                self.fails(EX_DATAERR, "crl.pem")

    def test_security_cannot_be_set_from_outside(self):
        self.assertNotEqual(0, self.node("--set", "identity.ca=/dev/null").returncode)
        result = self.run_program("node", self.settings("alice"), env={"STARLING_IDENTITY_CA": "/dev/null"})
        self.assertEqual(EX_CONFIG, result.returncode, result.stderr)


def failed_attempts():
    """TCP connections of this network that nobody took, so far."""
    with open("/proc/net/snmp", encoding="ascii") as stream:
        names, values = (line.split() for line in stream if line.startswith("Tcp:"))
    return int(values[names.index("AttemptFails")])


class Network(BadInput):
    def test_port_in_use(self):
        with support.socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.set(transport={"listen": [address]})
            self.fails(EX_UNAVAILABLE, address)

    def test_unreachable_join_is_said_once_and_tried_again(self):
        self.make_second("bob")
        node = self.start("node", self.settings("bob"), "--join", self.address("alice"),
                          "--set", "membership.dial_retry_max=0.5")
        support.wait_for(lambda: self.address("alice") in node.output(), 20, "the line that says it")
        failed = failed_attempts()
        support.wait_for(lambda: failed_attempts() >= failed + 4, 20, "some more attempts")
        self.assertTrue(node.running(), node.output())
        told = [line for line in node.output().splitlines()
                if self.address("alice") in line and ("level=warning" in line or "level=error" in line)]
        self.assertEqual(1, len(told), node.output())
        first = self.start("node", self.settings("alice"))
        self.assertEqual([0, 0], [first.wait(), node.wait()], first.output() + node.output())

    def make_second(self, name):
        result = self.run_program("ca", "issue", "--ca", "flock", name, "--host", "127.0.0.1")
        self.assertEqual(0, result.returncode, result.stderr)
        from driver.kits import merge
        port = support.free_port()
        for each, listen in (("alice", self.address("alice")), (name, f"127.0.0.1:{port}")):
            self.edit(each, lambda value, listen=listen: merge(value, {
                "flock": {"start_nodes": 2}, "transport": {"listen": [listen], "advertise": [listen]},
                "round": {"rounds": 2, "linger_max": 2}, **support.IDLE}))

    def test_stranger_is_refused_and_both_say_why(self):
        """A kit of another authority that calls itself the same flock: by their keys the two are told apart."""
        for arguments in (("ca", "init", "other", "--flock", "flock"),
                          ("ca", "issue", "--ca", "other", "mallory", "--host", "127.0.0.1")):
            self.assertEqual(0, self.run_program(*arguments).returncode)
        self.make_second("bob")
        self.edit("mallory", lambda value: {**value, "transport": {"listen": [f"127.0.0.1:{support.free_port()}"]},
                                            "flock": {**value["flock"], "start_nodes": 2}, **support.IDLE})
        alice = self.start("node", self.settings("alice"))
        mallory = self.start("node", self.settings("mallory"), "--join", self.address("alice"))
        key = re.compile(r"\(key [0-9a-f]{8}\)")
        keys = [key.search(self.run_program("ca", "show", name).stdout)[0] for name in ("flock", "other")]
        self.assertNotEqual(*keys)
        for node, why in ((mallory, f"authority,O=flock {keys[0]} is neither"), (alice, "refused by peer")):
            support.wait_for(lambda node=node, why=why: why in node.output(), 20, why)
        self.assertEqual([], support.events(self.record("alice"), "peer_up"))
        bob = self.start("node", self.settings("bob"), "--join", self.address("alice"))
        self.assertEqual([0, 0], [alice.wait(), bob.wait()], alice.output() + bob.output())
        self.assertEqual({"bob"}, {event["peer"] for event in support.events(self.record("alice"), "peer_up")})
        mallory.signal(signal.SIGINT)
        self.assertEqual(0, mallory.wait(), mallory.output())


class Data(BadInput):
    FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
             "t10k-labels-idx1-ubyte.gz")

    def setUp(self):
        super().setUp()
        data = self.folder / "data"
        data.mkdir()
        for name in self.FILES:
            count, images = (64 if name.startswith("train") else 32), "images" in name
            shape = (count, 28, 28) if images else (count,)
            header = bytes((0, 0, 8, len(shape))) + b"".join(size.to_bytes(4, "big") for size in shape)
            body = bytes(index % (256 if images else 10) for index in range(count * (784 if images else 1)))
            (data / name).write_bytes(gzip.compress(header + body))
        self.data = data
        paths = [str(data / name) for name in self.FILES]
        self.set(learner={"trainer": "mlp"}, data={"format": "idx", "train": paths[:2], "test": paths[2:]},
                 round={"rounds": 1}, flock={"start_nodes": 1})

    def test_the_data_itself_is_good(self):
        result = self.node()
        self.assertEqual(0, result.returncode, result.stderr)

    def test_missing(self):
        for name in self.FILES:
            with self.subTest(name):
                path = self.data / name
                path.rename(self.data / "away")
                self.fails(EX_NOINPUT, name)
                (self.data / "away").rename(path)

    def test_cut(self):
        """The gzip stream cut, and a whole one with too little in it."""
        for name in self.FILES:
            path = self.data / name
            whole = path.read_bytes()
            plain = gzip.decompress(whole)
            for kind, content in (("stream", whole[:len(whole) // 2]), ("content", gzip.compress(plain[:-1])),
                                  ("empty", b""), ("longer", gzip.compress(plain + b"0"))):
                with self.subTest((name, kind)):
                    path.write_bytes(content)
                    self.fails(EX_DATAERR, name)
            path.write_bytes(whole)


class Disk(BadInput):
    def setUp(self):
        super().setUp()
        self.set(round={"rounds": 3}, flock={"start_nodes": 1})

    @contextlib.contextmanager
    def read_only(self, folder):
        """As root nothing is forbidden by its mode: a mount that is read-only is."""
        if support.can_mount():
            yield ("unshare", "-m", "sh", "-c", f'mount --bind "{folder}" "{folder}" && '
                   f'mount -o remount,ro,bind "{folder}" && exec "$@"', "sh")
        elif os.geteuid() == 0:
            self.skipTest("needs mounts of its own, or not to be root")
        else:
            folder.chmod(0o500)
            yield ()
            folder.chmod(0o700)

    def test_run_folder_that_is_not_writable(self):
        with self.read_only(self.folder / "alice") as prefix:
            result = self.node(prefix=prefix)
        self.assert_clean_failure(result, result.returncode, "alice/")
        self.assertIn(result.returncode, (EX_CANTCREAT, EX_IOERR, EX_NOPERM))

    def test_file_where_the_model_folder_should_be(self):
        (self.folder / "alice/models").touch()
        result = self.node()
        self.assert_clean_failure(result, result.returncode, "alice/models")
        self.assertIn(result.returncode, (EX_CANTCREAT, EX_IOERR, EX_NOPERM))

    def test_folder_where_the_record_should_be(self):
        (self.folder / "alice/record.jsonl").mkdir()
        result = self.node()
        self.assert_clean_failure(result, result.returncode, "record.jsonl")
        self.assertIn(result.returncode, (EX_CANTCREAT, EX_IOERR, EX_NOPERM))

    def check_full(self, result, models):
        """It went through, said what is missing, and left no half of a file."""
        self.assertEqual(EX_IOERR, result.returncode, result.stderr)
        last = result.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("starling: "), result.stderr)
        self.assertIn("models", last)
        self.assertEqual([], models)
        finish = support.events(self.record("alice"), "finish")
        self.assertEqual([3], [event["rounds_completed"] for event in finish], result.stderr)

    def test_full_disk_while_saving(self):
        """Models go to a small file system of their own."""
        if not support.can_mount():
            self.skipTest("needs root and mounts of its own, for a small file system")
        models = self.folder / "alice/models"
        models.mkdir()
        listing = self.folder / "listing"
        result = self.node(prefix=("unshare", "-m", "sh", "-c",
                                   f'mount -t tmpfs -o size=64k none "{models}"; "$@"; code=$?; '
                                   f'ls -A "{models}" >"{listing}"; exit $code', "sh"))
        self.check_full(result, listing.read_text(encoding="utf-8").split())

    def test_limit_of_file_size_while_saving(self):
        """Neither SIGXFSZ nor anything else ends the node: the other files still have room."""
        result = self.node(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))
        self.check_full(result, list((self.folder / "alice/models").glob("*")))

    def test_former_model_survives_a_full_disk(self):
        self.assertEqual(0, self.node("--set", "round.rounds=1").returncode)
        models = self.folder / "alice/models"
        before = {path.name: path.read_bytes() for path in models.iterdir()}
        self.assertEqual(1, len(before))
        result = self.node("--resume", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))
        self.assertEqual(EX_IOERR, result.returncode, result.stderr)
        self.assertEqual(before, {path.name: path.read_bytes() for path in models.iterdir()})


class Resume(BadInput):
    def setUp(self):
        super().setUp()
        self.set(round={"rounds": 2}, flock={"start_nodes": 1})

    def model(self):
        return sorted((self.folder / "alice/models").glob("*.safetensors"))[-1]

    def fails_to_resume(self, code, *words):
        before = {path: path.read_bytes() for path in (self.folder / "alice/models").glob("*")}
        result = self.node("--resume")
        self.assert_clean_failure(result, code, "--resume", *words)
        self.assertEqual(before, {path: path.read_bytes() for path in (self.folder / "alice/models").glob("*")})

    def test_no_model(self):
        self.assert_clean_failure(self.node("--resume"), EX_NOINPUT, "--resume", "alice/models")

    def test_model_of_another_shape(self):
        self.assertEqual(0, self.node().returncode)
        self.set(learner={"idle_bytes": 200000})
        self.fails_to_resume(EX_DATAERR, self.model().name)

    def test_model_of_another_flock(self):
        self.assertEqual(0, self.node().returncode)
        data = self.model().read_bytes()
        self.assertEqual(1, data.count(b'"flock":"flock"'))
        self.model().write_bytes(data.replace(b'"flock":"flock"', b'"flock":"flick"'))
        self.fails_to_resume(EX_DATAERR, self.model().name)

    def test_model_that_is_cut(self):
        self.assertEqual(0, self.node().returncode)
        data = self.model().read_bytes()
        for length in (0, 7, 100, len(data) - 1):
            with self.subTest(length):
                self.model().write_bytes(data[:length])
                self.fails_to_resume(EX_DATAERR, self.model().name)


if __name__ == "__main__":
    unittest.main()
