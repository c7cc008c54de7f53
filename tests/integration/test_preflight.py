"""What `starling preflight` finds before a run, that it writes nothing, and that nobody who runs is disturbed by it."""
import json
import os
import pathlib
import socket
import subprocess
import unittest

import certificates
import support

FAILED = 1
NOBODY = 65534


def setUpModule():
    support.own_network()


class Preflight(support.Case):
    def preflight(self, name, *options, code=0, prefix=(), **other):
        """The findings, each a dictionary; the counts at the end were compared with them."""
        result = self.run_program("preflight", f"{name}/settings.json", "--json", *options, prefix=prefix, **other)
        self.assertEqual(code, result.returncode, result.stdout + result.stderr)
        self.assertEqual("", result.stderr)
        *findings, counts = [json.loads(line) for line in result.stdout.splitlines()]
        levels = [finding["level"] for finding in findings]
        self.assertEqual({"good": levels.count("ok"), "warnings": levels.count("warning"),
                          "failures": levels.count("failure")}, counts)
        self.assertEqual(code == FAILED, counts["failures"] > 0)
        for finding in findings:
            self.assertNotIn("\n", finding["detail"])
        return findings

    def bad(self, findings, level="failure"):
        return [f"{finding['what']}: {finding['detail']}" for finding in findings if finding["level"] == level]

    def assert_only(self, findings, *words, level="failure"):
        """One finding of that level and no other, which has these words."""
        found = self.bad(findings, level)
        self.assertEqual(1, len(found), found)
        for word in words:
            self.assertIn(word, found[0])

    def kits(self, *names, **options):
        self.make_kits(*names, settings={**support.IDLE, **options})

    def files(self):
        return {path: (path.stat().st_mtime_ns, path.stat().st_size)
                for path in self.folder.rglob("*") if not path.name.startswith("output")}

    def start_node(self, name, *options):
        node = self.start("node", f"{name}/settings.json", *options)
        support.wait_for(lambda: "listening" in node.output() or not node.running(), what=f"{name}'s listener")
        self.assertTrue(node.running(), node.output())
        return node


class Alone(Preflight):
    """Of one kit, with nobody else about."""

    def setUp(self):
        super().setUp()
        self.kits("alice")

    def change(self, **sections):
        from driver.kits import merge
        self.edit("alice", lambda value: merge(value, sections))

    def test_a_good_kit(self):
        before = self.files()
        findings = self.preflight("alice")
        self.assertEqual([], self.bad(findings) + self.bad(findings, "warning"))
        self.assertEqual(before, self.files(), "a preflight writes nothing")
        what = {finding["what"] for finding in findings}
        for expected in ("settings", "identity.ca", "identity.server_key", "identity", "certificate", "clock", "data",
                         "model.folder", "record.file", "transport.listen[0]"):
            self.assertIn(expected, what)
        days = [finding["detail"] for finding in findings if "server certificate CN=alice" in finding["detail"]]
        self.assertIn("127.0.0.1 is in the server certificate", [finding["detail"] for finding in findings])
        self.assertRegex(days[0], r"good until \d{4}-\d\d-\d\d, 36[45] days left")

    def test_lines_for_people(self):
        (self.folder / "alice/ca.pem").unlink()
        result = self.run_program("preflight", "alice/settings.json")
        self.assertEqual(FAILED, result.returncode)
        *lines, end = result.stdout.splitlines()
        for line in lines:
            self.assertRegex(line, r"\A(ok  |WARN|FAIL)  [a-z_.\[\]0-9]+: .")
        self.assertTrue(any(line.startswith("FAIL  identity.ca: ") and line.endswith(")") for line in lines), lines)
        self.assertRegex(end, r"\A\d+ good, \d+ warnings?, \d+ failures?\Z")

    def test_a_kit_that_waits_for_its_answer(self):
        self.assertNotIn("cert install", self.run_program("preflight", "alice/settings.json").stdout)
        result = self.run_program("cert", "request", "wanda", "--flock", "demo", "--host", "127.0.0.1")
        self.assertEqual(0, result.returncode, result.stderr)
        lines = self.run_program("preflight", "wanda/settings.json", "--offline").stdout.splitlines()
        told = [line.split(":")[0] for line in lines if line.endswith("use starling cert install)")]
        self.assertEqual([f"FAIL  identity.{key}" for key in ("ca", "server_certificate", "client_certificate",
                                                              "crl_file")], told)

    def test_every_fault_of_the_settings(self):
        self.change(round={"rounds": 0}, transport={"listen": ["nowhere"]})
        findings = self.preflight("alice", code=FAILED)
        self.assertEqual(2, len(findings), "nothing else can be looked at")
        self.assertIn("round.rounds", findings[1]["detail"] + findings[0]["detail"])

    def test_settings_that_are_not_there(self):
        (self.folder / "alice/settings.json").unlink()
        self.assert_only(self.preflight("alice", code=FAILED), "settings")

    def test_each_missing_file(self):
        for name, setting in (("ca.pem", "ca"), ("server.pem", "server_certificate"), ("server.key", "server_key"),
                              ("client.pem", "client_certificate"), ("client.key", "client_key"),
                              ("crl.pem", "crl_file")):
            with self.subTest(name):
                path = self.folder / "alice" / name
                path.rename(self.folder / "away")
                found = self.bad(self.preflight("alice", code=FAILED))
                self.assertTrue(any(text.startswith(f"identity.{setting}: ") and name in text for text in found), found)
                (self.folder / "away").rename(path)

    def test_no_list_is_a_warning_where_none_is_required(self):
        (self.folder / "alice/crl.pem").unlink()
        self.change(identity={"crl": "if-present"})
        findings = self.preflight("alice")
        self.assertTrue(any("identity.crl_file" in text and "revoked" in text for text in self.bad(findings, "warning")))

    def test_a_key_that_others_can_read(self):
        key = self.folder / "alice/server.key"
        key.chmod(0o644)
        findings = self.preflight("alice", code=FAILED)
        self.assertTrue(any(text.startswith("identity.server_key: ") and "chmod 600" in text
                            for text in self.bad(findings)), findings)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_as_somebody_who_may_read_and_write_nothing(self):
        program = pathlib.Path(self.starling).resolve()
        try:
            reachable = subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", program, "version"],
                                       capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            reachable = False
        if not reachable:
            self.skipTest("setpriv is missing, or nobody may not run the program where it is")
        for path in (self.folder, self.folder / "alice"):
            path.chmod(0o755)
        self.settings("alice").chmod(0o644)
        found = self.bad(self.preflight("alice", code=FAILED,
                                        prefix=["setpriv", f"--reuid={NOBODY}", "--clear-groups"]))
        for expected in ("identity.server_key: ", "identity.client_key: ", "model.folder: ", "record.file: "):
            self.assertTrue(any(text.startswith(expected) and "Permission denied" in text for text in found),
                            (expected, found))

    def test_another_name(self):
        self.change(node={"name": "alicia"})
        self.assert_only(self.preflight("alice", code=FAILED), "identity: ", "alice")

    def test_a_host_that_the_certificate_does_not_have(self):
        self.change(transport={"advertise": ["127.0.0.1:7400", "alice.example:7400"]})
        self.assert_only(self.preflight("alice", code=FAILED), "transport.advertise[1]", "alice.example")

    def test_a_port_in_use(self):
        host, port = self.address("alice").rsplit(":", 1)
        with socket.create_server((host, int(port))):
            findings = self.preflight("alice", code=FAILED)
            self.assert_only(findings, "transport.listen[0]", "in use")
        self.preflight("alice")

    def test_an_address_of_another_machine(self):
        self.change(transport={"listen": ["192.0.2.1:7400"], "advertise": ["127.0.0.1:7400"]})
        self.assert_only(self.preflight("alice", code=FAILED), "transport.listen[0]", "192.0.2.1")

    def test_in_the_clear_for_all_the_world(self):
        address = f"0.0.0.0:{support.free_port()}"
        self.change(transport={"listen": [{"address": address, "connection_security": "clear"}],
                               "advertise": ["127.0.0.1:7400"]})
        self.assert_only(self.preflight("alice"), "transport.listen[0]", "everybody", level="warning")

    def test_folders_that_cannot_be(self):
        self.change(model={"folder": "ca.pem/models"}, record={"file": "missing/record.jsonl"},
                    membership={"proof_folder": "server.pem"})
        found = self.bad(self.preflight("alice", code=FAILED))
        self.assertEqual(["membership.proof_folder", "model.folder", "record.file"],
                         sorted(text.split(":")[0] for text in found), found)

    def test_data_that_is_not_there(self):
        self.change(learner={"trainer": "mlp"}, data={"format": "idx", "train": ["images", "labels"], "test": []})
        self.assert_only(self.preflight("alice", code=FAILED), "data: ", "images")

    def test_a_topology_that_so_many_cannot_form(self):
        self.change(flock={"start_nodes": 3}, overlay={"topology": "hypercube"})
        self.assert_only(self.preflight("alice"), "overlay.topology", level="warning")

    def test_what_all_connections_need(self):
        for key, value in (("congestion", "fast"), ("priorities", "NORMAL:+NOTHING")):
            with self.subTest(key):
                self.change(transport={key: value})
                self.assert_only(self.preflight("alice", code=FAILED), "transport: ")
                self.change(transport={"congestion": "", "priorities": "NORMAL"})

    def test_models_that_do_not_fit(self):
        self.change(learner={"idle_bytes": 16000000000}, model={"keep": 1000000}, round={"rounds": 100000})
        self.assert_only(self.preflight("alice"), "model.folder: ", "MB are free", level="warning")

    def test_wrong_usage(self):
        for arguments in ((), ("a", "b"), ("alice/settings.json", "--timeout", "0"),
                          ("alice/settings.json", "--timeout", "soon")):
            self.assert_clean_failure(self.run_program("preflight", *arguments), 64, "preflight")


@unittest.skipUnless(certificates.OPENSSL, "openssl is not installed")
class Dates(Preflight):
    """Certificates from elsewhere, of any date."""

    def make(self, start=None, end=None, until=None):
        self.make_kits("alice", settings=support.IDLE)
        authority = certificates.Authority(self.folder / "authority", extensions=())
        for side in ("server", "client"):
            made = certificates.issue_node(authority, self.folder / f"made-{side}", side, "alice", flock="flock",
                                           start=start, end=end)
            (self.folder / f"alice/{side}.pem").write_bytes(made.pem.read_bytes())
            (self.folder / f"alice/{side}.key").write_bytes(made.key.read_bytes())
        (self.folder / "alice/ca.pem").write_bytes(authority.pem.read_bytes())
        authority.write_crl(self.folder / "alice/crl.pem", last=-2 if until else None, until=until)

    def test_good(self):
        self.make(end=300)
        # The authority itself has 30 days.
        self.assertEqual([], self.bad(self.preflight("alice")))

    def test_expired(self):
        self.make(start=-10, end=-1)
        self.assert_only(self.preflight("alice", code=FAILED), "identity: ", "expired")

    def test_not_yet_valid_may_be_the_clock(self):
        self.make(start=5, end=20)
        findings = self.preflight("alice", code=FAILED)
        self.assert_only(findings, "identity: ", "not valid before", "clock")
        self.assertIn("NTP", [finding["advice"] for finding in findings if finding["level"] == "failure"][0])

    def test_soon_over(self):
        self.make(start=-10, end=3.5)
        warnings = self.bad(self.preflight("alice"), "warning")
        self.assertTrue(any("server certificate" in text and "3 days left" in text for text in warnings), warnings)

    def test_a_list_that_is_out_of_date(self):
        self.make(end=300, until=-1)
        self.assert_only(self.preflight("alice", code=FAILED), "identity: ", "list")

    def test_a_file_from_the_future(self):
        self.make(end=300)
        later = 4102444800  # 2100
        os.utime(self.folder / "alice/ca.pem", (later, later))
        self.assertTrue(any(text.startswith("clock: ") and "ca.pem" in text
                            for text in self.bad(self.preflight("alice"), "warning")))


class Peers(Preflight):
    def test_somebody_is_there(self):
        self.kits("alice", "bob", flock={"start_nodes": 2})
        alice = self.start_node("alice")
        before = self.files()
        for _ in range(3):
            findings = self.preflight("bob", "--join", self.address("alice"))
            told = [finding["detail"] for finding in findings if finding["what"] == "membership.join[0]"]
            self.assertRegex(told[0], r"is alice, certificate \S*CN=alice.*, protocol 3, mtls, in \d+ ms\Z")
        self.assertEqual({path for path in before if "bob" in path.parts},
                         {path for path in self.files() if "bob" in path.parts})
        support.wait_for(lambda: alice.output().count("peer probed") == 3, what="the probes in alice's log")
        self.assertNotIn("level=warning", "".join(line for line in alice.output().splitlines() if "transport" in line))
        self.assertEqual([], support.events(self.record("alice"), "member"), "nobody joined")

    def test_nobody_is_there(self):
        self.kits("alice", "bob")
        findings = self.preflight("bob", "--join", self.address("alice"), "--timeout", "5", code=FAILED)
        self.assert_only(findings, "membership.join[0]", self.address("alice"), "refused")
        self.preflight("bob", "--join", self.address("alice"), "--offline")

    def test_one_of_two_is_enough(self):
        self.kits("alice", "bob", "carol")
        self.start_node("alice")
        findings = self.preflight("bob", "--join", self.address("alice"), "--join", self.address("carol"))
        self.assert_only(findings, "membership.join[1]", self.address("carol"), level="warning")

    def test_a_name_that_does_not_resolve(self):
        self.kits("alice")
        self.assert_only(self.preflight("alice", "--join", "nobody.invalid:7400", code=FAILED), "nobody.invalid")

    def test_somebody_who_says_nothing(self):
        self.kits("alice")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            self.assert_only(self.preflight("alice", "--join", address, "--timeout", "0.5", code=FAILED),
                             address, "no answer within 0.5 s")

    def test_somebody_of_another_authority(self):
        self.kits("alice")
        for arguments in (("ca", "init", "others/flock"),
                          ("ca", "issue", "--ca", "others/flock", "eve", "--host", "127.0.0.1",
                           "--port", str(support.free_port()))):
            self.assertEqual(0, self.run_program(*arguments).returncode)
        eve = self.start_node("eve", "--set", "learner.trainer=idle", "--set", "data.format=none", "--set",
                              "data.train=", "--set", "data.test=", "--set", "flock.start_nodes=2")
        findings = self.preflight("alice", "--join", self.address("eve"), code=FAILED)
        self.assert_only(findings, self.address("eve"), "eve", "authority")
        self.assertTrue(eve.running())

    def test_somebody_who_is_in_another_run(self):
        self.kits("alice", "bob", flock={"start_nodes": 2})
        self.start_node("alice", "--set", "flock.run=another")
        self.assert_only(self.preflight("bob", "--join", self.address("alice"), code=FAILED), "another", "run")

    def test_another_node_than_the_rule_says(self):
        self.kits("alice", "bob", flock={"start_nodes": 2})
        self.start_node("alice")
        address = self.address("alice")
        self.edit("bob", lambda value: {**value, "transport": {**value["transport"], "peers": [
            {"connect_to": address, "node": "carol"}]}})
        self.assert_only(self.preflight("bob", code=FAILED), "transport.peers[0]", "alice", "carol")
        self.edit("bob", lambda value: {**value, "transport": {**value["transport"], "peers": [
            {"connect_to": address, "node": "alice"}]}})
        self.assertEqual([], self.bad(self.preflight("bob")))

    def test_each_mode(self):
        self.kits("alice", "bob", flock={"start_nodes": 2})
        for mode in ("mtls", "tls", "clear"):
            with self.subTest(mode):
                address = f"127.0.0.1:{support.free_port()}"
                self.edit("alice", lambda value, at=address, by=mode: {**value, "transport": {
                    **value["transport"], "listen": [{"address": at, "connection_security": by}]}})
                self.edit("bob", lambda value, at=address, by=mode: {**value, "transport": {
                    **value["transport"], "peers": [{"connect_to": at, "connection_security": by}]}})
                alice = self.start_node("alice")
                findings = self.preflight("bob", "--join", address)
                self.assertRegex(findings[-1]["detail"], rf"is alice, .*, protocol 3, {mode}, in \d+ ms\Z")
                for other in {"mtls", "tls", "clear"} - {mode}:
                    # A mode that the other end does not speak is no way in, whatever it was told.
                    self.edit("bob", lambda value, at=address, by=other: {**value, "transport": {
                        **value["transport"], "peers": [{"connect_to": at, "connection_security": by}]}})
                    self.assert_only(self.preflight("bob", "--join", address, "--timeout", "2", code=FAILED), address)
                alice.kill()

    def test_a_run_goes_on(self):
        self.kits("alice", "bob", flock={"start_nodes": 2}, round={"rounds": 100000, "deadline_min": 0.05})
        alice = self.start_node("alice")
        bob = self.start_node("bob", "--join", self.address("alice"))
        self.wait_for_event("bob", "mixed", round=3)
        for _ in range(5):
            findings = self.preflight("bob", "--join", self.address("alice"), "--join", self.address("bob"),
                                      code=FAILED)
            self.assert_only(findings, "transport.listen[0]", "in use")  # by the node that runs
        now = max(event["round"] for event in support.events(self.record("bob"), "mixed"))
        self.wait_for_event("bob", "mixed", round=now + 3)
        for node in (alice, bob):
            self.assertNotIn("peer down", node.output())
            self.assertNotIn("copied kit", node.output())
            self.assertEqual(1, node.output().count('msg="peer up"'), node.output())


if __name__ == "__main__":
    unittest.main()
