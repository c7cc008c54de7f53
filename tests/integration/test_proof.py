"""starling proof verify. What a true proof looks like is tests/unit/node/test_witness.c's: here nobody lies."""
import unittest

import support


class Verify(support.Case):
    def verify(self, *arguments):
        return self.run_program("proof", "verify", *arguments)

    def test_what_is_none(self):
        self.make_kits("alice", settings={})
        path = self.folder / "a.proof"
        for content in (b"", b"nonsense", bytes(131073)):
            with self.subTest(length=len(content)):
                path.write_bytes(content)
                result = self.verify(path, "--ca", self.folder / "flock/ca.pem")
                self.assertEqual(1, result.returncode)
                self.assertRegex(result.stderr, r"^starling: .*a\.proof: .+\n$")
                self.assertEqual("", result.stdout)

    def test_what_cannot_be_looked_at(self):
        result = self.verify(self.folder / "absent.proof")
        self.assertEqual(66, result.returncode)
        self.assertIn("absent.proof", result.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("a", "b"), ("a", "--name-from", "face")):
            with self.subTest(arguments):
                self.assertEqual(64, self.verify(*arguments).returncode)


if __name__ == "__main__":
    unittest.main()
