"""A node as others see it: openssl's s_client is no starling, and gets exactly as far as TLS lets it."""
import re
import shutil
import socket
import subprocess
import time
import unittest

import support
from protocol_reader import wire

FRAME_HEADER = 8
HELLO = 1


def setUpModule():
    if not shutil.which("openssl"):
        raise unittest.SkipTest("openssl is not installed")


class TlsPeer(support.Case):
    def setUp(self):
        super().setUp()
        # Two are wanted for round 1, and the second one never comes: alice waits, listening.
        self.make_kits("alice", "bob", settings={**support.IDLE, "flock": {"start_nodes": 2},
                                                 "transport": {"handshake_timeout": 2}})
        self.alice = self.start("node", "alice/settings.json")
        support.wait_for(self.listening, what="alice's listener")

    def listening(self):
        host, port = self.address("alice").rsplit(":", 1)
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def s_client(self, *options):
        """Standard output with what the node said, standard error and exit code. It ends when the node closes."""
        return subprocess.run(["openssl", "s_client", "-connect", self.address("alice"), "-CAfile", "alice/ca.pem",
                               "-verify_return_error", "-ign_eof", "-quiet", *options], cwd=self.folder,
                              input=b"", capture_output=True, timeout=60, check=False)

    def kit(self, name, side):
        return "-cert", f"{name}/{side}.pem", "-key", f"{name}/{side}.key"

    def test_with_a_client_certificate_tls_succeeds_and_hello_arrives(self):
        result = self.s_client(*self.kit("bob", "client"))
        said = result.stdout
        self.assertGreater(len(said), FRAME_HEADER, result.stderr)
        self.assertEqual(HELLO, said[4])
        self.assertGreaterEqual(len(said), FRAME_HEADER + int.from_bytes(said[:4], "big"))
        self.assertIn(b"alice", said)
        support.wait_for(lambda: "the admission took too long" in self.alice.output(), what="the deadline in the log")

    def test_the_certificate_is_checked_by_openssl_too(self):
        result = subprocess.run(["openssl", "s_client", "-connect", self.address("alice"), "-CAfile", "alice/ca.pem",
                                 "-verify_ip", "127.0.0.1", *self.kit("bob", "client")], cwd=self.folder, input=b"",
                                capture_output=True, timeout=60, check=False)
        said = result.stdout.decode(errors="replace")
        self.assertIn("Verify return code: 0 (ok)", said)
        self.assertIn("TLSv1.3", said)
        self.assertRegex(said, r"TLS_AES_(128|256)_GCM_SHA(256|384)")

    def refused(self, *options, alert, reason):
        result = self.s_client(*options)
        self.assertRegex(result.stderr.decode(errors="replace"), f"SSL alert number {alert}")
        self.assertEqual(b"", result.stdout, "a stranger hears nothing of what members say")
        support.wait_for(lambda: re.search(f"peer refused.*{reason}", self.alice.output()), what="the reason")

    def test_without_a_client_certificate(self):
        self.refused(alert=116, reason="no certificate")

    def test_openssl_believes_in_success_before_it_is_refused(self):
        """TLS 1.3: the client's handshake is over before the server has seen that it has no certificate."""
        result = subprocess.run(["openssl", "s_client", "-connect", self.address("alice"), "-CAfile", "alice/ca.pem",
                                 "-ign_eof"], cwd=self.folder, input=b"", capture_output=True, timeout=60, check=False)
        self.assertIn("Verify return code: 0 (ok)", result.stdout.decode(errors="replace"))
        self.assertRegex(result.stderr.decode(errors="replace"), "SSL alert number 116")

    def test_with_a_server_certificate_as_the_clients(self):
        self.refused(*self.kit("bob", "server"), alert=42, reason="extended key usage")

    def test_with_another_authoritys(self):
        for arguments in (("ca", "init", "other"), ("ca", "issue", "--ca", "other", "eve", "--host", "127.0.0.1")):
            self.assertEqual(0, self.run_program(*arguments).returncode)
        self.refused(*self.kit("eve", "client"), alert=42, reason="authority")

    def test_tls_1_2(self):
        result = self.s_client("-tls1_2", *self.kit("bob", "client"))
        self.assertNotEqual(0, result.returncode)
        # GnuTLS answers handshake_failure (40) where only the version differs; protocol_version (70) would do as well.
        self.assertRegex(result.stderr.decode(errors="replace"), "SSL alert number (40|70)")

    # ---- no TLS at all ----

    def say(self, data):
        """What the node answers to bytes, to its end of the connection."""
        host, port = self.address("alice").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(data)
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer

    def test_what_is_no_tls_gets_an_alert_at_most(self):
        hello = bytes([0, 0, 0, 2, HELLO, 0, 0, 0, 8, 1])  # a frame, in the clear
        for said in (b"GET / HTTP/1.1\r\nHost: alice\r\n\r\n", hello, bytes(3000), b"\xff" * 70000,
                     b"\x16\x03\x01\xff\xff" + b"A" * 65535, b"\x16\x03\x03\x00\x05\x01\x00\x00\x01\x00"):
            with self.subTest(said[:12]):
                answer = self.say(said)
                self.assertIn(answer[:1], (b"", b"\x15"))  # nothing, or a TLS record of type alert
                self.assertLessEqual(len(answer), 7)
        self.assertTrue(self.alice.running())
        self.test_with_a_client_certificate_tls_succeeds_and_hello_arrives()

    def test_silence_is_not_answered(self):
        self.assertEqual(b"", self.say(b""))
        support.wait_for(lambda: "took too long" in self.alice.output(), what="the deadline in the log")

    def test_hello_is_as_documented(self):
        said = self.s_client(*self.kit("bob", "client")).stdout
        (kind, hello), = [frame for frame in wire.Frames().feed(said) if frame[0] == "HELLO"]
        self.assertEqual(("HELLO", "flock", "default", "alice"), (kind, hello["flock"], hello["run"], hello["node"]))
        self.assertEqual([self.address("alice")], hello["addresses"])
        leaf = subprocess.run(["openssl", "x509", "-in", "alice/client.pem", "-outform", "DER"], cwd=self.folder,
                              capture_output=True, check=True).stdout
        self.assertEqual(leaf, hello["chain"][0])
        self.assertEqual((32, 64), (len(hello["delegate"]), len(hello["proof"])))
        self.assertLess(0, hello["delegated_until"] - time.time())
        self.assertLessEqual(hello["delegated_until"] - time.time(), 7 * 86400)


if __name__ == "__main__":
    unittest.main()
