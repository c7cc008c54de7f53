"""Certificates that openssl's usual commands make, without starling's own authority: real nodes run with them to the end."""
import json
import shutil
import subprocess
import unittest

import support

EX_DATAERR, EX_NOPERM = 65, 77
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")
ED25519 = ("-newkey", "ed25519")


def setUpModule():
    if not shutil.which("openssl"):
        raise unittest.SkipTest("openssl is not installed")
    support.own_network()


class OpensslCertificates(support.Case):
    def openssl(self, *arguments):
        result = subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False)
        self.assertEqual(0, result.returncode, result.stderr)

    def make_authority(self, key):
        self.openssl("req", "-x509", *key, "-nodes", "-days", 30, "-keyout", "ca.key", "-out", "ca.pem",
                     "-subj", "/O=Our laboratory/CN=Our authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def certify(self, node, side, key, common_name, names):
        """node/side.key and node/side.pem."""
        path = self.folder / node / side
        path.parent.mkdir(exist_ok=True)
        self.openssl("req", "-new", *key, "-nodes", "-keyout", f"{path}.key", "-out", f"{path}.csr",
                     "-subj", f"/O=Our laboratory/CN={common_name}")
        extensions = path.with_suffix(".ext")
        extensions.write_text(f"keyUsage=critical,digitalSignature\nextendedKeyUsage={side}Auth\n"
                              f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n", encoding="utf-8")
        self.openssl("x509", "-req", "-in", f"{path}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", 30, "-extfile", extensions, "-out", f"{path}.pem")

    def make_node(self, node, key=EC, common_name=None, names="DNS:{node}.example", **identity):
        """`names`: alternative names of both certificates; the server's has its address as well."""
        names = names.format(node=node)
        self.certify(node, "server", key, common_name or node, f"IP:127.0.0.1,{names}")
        self.certify(node, "client", key, common_name or node, names)
        shutil.copy(self.folder / "ca.pem", self.folder / node / "ca.pem")
        self.settings(node).write_text(json.dumps({
            "flock": {"name": "laboratory", "start_nodes": 2}, "node": {"name": node},
            "identity": {"ca": "ca.pem", "server_certificate": "server.pem", "server_key": "server.key",
                         "client_certificate": "client.pem", "client_key": "client.key",
                         "crl": "if-present", **identity},
            "transport": {"listen": ["127.0.0.1:0"]}, "round": {"rounds": 2, "linger_max": 2},
            **support.IDLE}), encoding="utf-8")

    def run_pair(self):
        anna = self.start("node", self.settings("anna"))
        told = support.wait_for(lambda: [line for line in anna.output().splitlines() if "msg=listening" in line]
                                or not anna.running(), what="anna to listen")
        self.assertIsInstance(told, list, anna.output())
        ben = self.start("node", self.settings("ben"), "--join", told[0].split("address=")[1].split()[0])
        for node in (ben, anna):
            self.assertEqual(0, node.wait(), node.output())
        finishes = [support.events(self.record(name), "finish")[-1] for name in ("anna", "ben")]
        self.assertEqual([("ok", 2)] * 2, [(each["status"], each["rounds_completed"]) for each in finishes])
        for name, other in (("anna", "ben"), ("ben", "anna")):
            self.assertEqual({other}, {event["peer"] for event in support.events(self.record(name), "peer_up")})
            self.assertTrue(all(event["clean"] for event in support.events(self.record(name), "mixed")))

    def run_flock(self, key=EC, **options):
        self.make_authority(key)
        for node in ("anna", "ben"):
            self.make_node(node, key, **options)
        self.run_pair()

    def test_common_name(self):
        self.run_flock(name_from="cn")

    def test_dns_name(self):
        self.run_flock(name_from="dns", common_name="whoever", names="DNS:{node}")

    def test_uri(self):
        self.run_flock(common_name="whoever", names="URI:starling://laboratory/{node}")

    def test_rsa(self):
        self.run_flock(RSA, name_from="cn")

    def test_ed25519(self):
        self.run_flock(ED25519, name_from="cn")

    def test_common_name_counts_only_by_that_setting(self):
        self.make_authority(EC)
        self.make_node("anna")
        self.assert_clean_failure(self.run_program("node", self.settings("anna")), EX_NOPERM,
                                  "server.pem", "starling://laboratory/NODE")

    def test_common_name_never_beats_a_uri(self):
        """Whoever is certified as ben by a URI is not anna for having her common name."""
        self.make_authority(EC)
        self.make_node("anna", names="URI:starling://laboratory/ben", name_from="cn")
        self.assert_clean_failure(self.run_program("node", self.settings("anna")), EX_DATAERR, "of the node ben")


if __name__ == "__main__":
    unittest.main()
