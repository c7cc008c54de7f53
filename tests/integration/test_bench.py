"""The benchmarks, each in its smallest form: that they run to their end and tell what they promise to. How fast anything
was is no matter here."""
import json
import math
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import support

BENCH = support.ROOT / "tests" / "bench"
# The build with tests in it: that of the program under test has none.
BUILD = pathlib.Path(support.program("STARLING_PLAIN", "plain")).parent
SECONDS = 300
WITH_TORCH = subprocess.run(["/usr/bin/python3", "-c", "import torch"], capture_output=True, check=False).returncode == 0


def setUpModule():
    support.own_network()


def numbers(value, path=""):
    """Each number of what a benchmark told, with its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from numbers(item, f"{path}[{index}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


class Bench(unittest.TestCase):
    def call(self, name, *arguments):
        """What it prints with --json."""
        run = subprocess.run([str(BENCH / name), *arguments, "--json", "--build", str(BUILD)], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual(0, run.returncode, run.stderr)
        told = json.loads(run.stdout)
        for place, value in numbers(told):
            self.assertTrue(math.isfinite(value), f"{place} is {value}")
        return told

    def run_program(self, name, *arguments, **options):
        run = subprocess.run([str(BUILD / "tests" / "bench" / name), *arguments], capture_output=True, text=True,
                             timeout=SECONDS, check=False, **options)
        self.assertEqual(0, run.returncode, run.stderr)
        return run.stdout

    def check_above_zero(self, told, *keys):
        for key in keys:
            self.assertGreater(told[key], 0, key)


class Rounds(Bench):
    SMALL = ("--nodes", "2", "--mb", "0.1", "--rounds", "2", "--passes", "1")

    def check_round(self, *arguments):
        told = self.call("round", *self.SMALL, *arguments)
        self.check_above_zero(told, "seconds_per_round", "seconds_per_round_min", "cpu_seconds_per_round", "peak_rss_bytes",
                              "peak_rss_models", "limit_seconds_per_round", "limit_with_digests_seconds", "ratio",
                              "ratio_with_digests")
        self.assertTrue(told["identical"])
        self.assertGreaterEqual(told["bytes_ratio"], 1)
        return told

    def test_round_streamed(self):
        told = self.check_round()
        self.assertEqual(("stream", "none", 0), (told["mix"], told["journal"], told["journal_models_per_round"]))

    def test_round_held(self):
        for journal in ("none", "process", "power"):
            with self.subTest(journal):
                told = self.check_round("--hold", "--journal", journal)
                self.assertEqual(("hold", journal), (told["mix"], told["journal"]))
                written = told["journal_models_per_round"]
                self.assertTrue(written > 1 if journal != "none" else written == 0, f"{written} models written")

    def test_round_with_and_without_a_ledger(self):
        self.check_above_zero(self.check_round("--hold", "--ledger"), "ledger_ratio", "ledger_cpu_ratio")

    def test_hostile(self):
        told = self.call("hostile", "--nodes", "2", "--mb", "0.1", "--passes", "1", "--seconds", "3", "--idle", "5",
                         "--half-open", "2", "--slow", "2", "--bad", "20")
        self.check_above_zero(told, "ratio", "ratio_mean", "ratio_quiet", "ratio_sink_to_quiet", "longest_wait_seconds",
                              *(f"{what}_{mode}" for what in ("seconds", "rounds", "cpu")
                                for mode in ("quiet", "sink", "hostile")),
                              *(f"{what}_{mode}_{when}" for what in ("rss", "descriptors")
                                for mode in ("quiet", "hostile") for when in ("first", "last")))
        self.assertGreater(told["descriptors_hostile_first"], told["descriptors_quiet_first"], "the load came to nobody")
        for kind in ("idle", "half_open", "slow", "bad"):
            self.assertGreater(told["load"][kind]["opened"], 0, kind)
        self.assertIn("unclean", told)
        self.assertIn("warnings", told)


class Others(Bench):
    def test_journal(self):
        told = self.call("journal", "--megabytes", "1", "--passes", "1", "--flushes", "5")
        self.assertEqual(["none", "process", "power"], [row["mode"] for row in told["modes"]])
        for row in told["modes"]:
            self.assertEqual(1000000, row["bytes"])
            self.check_above_zero(row, "fresh_write", "fresh_read", "reused_write", "reused_read")
        for row in told["modes"][1:]:  # without a journal, a flush is nothing that a clock could see
            self.check_above_zero(row, "small_p50", "small_p99", "large_p50", "large_p99")
        self.check_above_zero(told["modes"][2], "fresh_seal", "reused_seal")

    def test_handshake(self):
        told = self.call("handshake", "--handshakes", "2", "--passes", "1", "--connections", "2", "--keys", "ecdsa-p256")
        self.check_above_zero(told["rates"]["ecdsa-p256"], "bare_a_second", "known_a_second", "bare_cold_a_second",
                              "fresh_a_second", "known_ratio", "fresh_ratio")
        self.assertEqual(2, told["memory"]["connections"])
        self.check_above_zero(told["memory"], "bare_bytes", "ours_bytes")
        self.assertIn("more_bytes", told["memory"])

    @unittest.skipUnless(WITH_TORCH, "PyTorch is not installed (testnet/setup bench)")
    def test_learner(self):
        told = self.call("learner", "--epochs", "1", "--network", "mlp")
        self.check_above_zero(told, *(f"mlp.{key}" for key in (
            "ratio", "seconds", "seconds_pytorch", "evaluation_seconds", "loss", "loss_pytorch", "accuracy",
            "accuracy_pytorch")))

    def test_learner_without_pytorch(self):
        with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
            lines = self.run_program("learner_bench", "mlp", str(support.DATA), "64", "1", "1", folder, input="0.1\n",
                                     env={**os.environ, "OMP_NUM_THREADS": "1"}).splitlines()
        self.assertEqual({}, json.loads(lines[0]))
        told = json.loads(lines[1])
        self.check_above_zero(told, "seconds", "loss", "evaluation_seconds")
        self.assertGreater(told["accuracy"], 0.5, "it learned nothing in an epoch")

    def test_transport(self):
        for security in ("mtls", "tls", "clear"):
            with self.subTest(security):
                text = self.run_program("bench_transport", "--bytes", "100000", "--rounds", "2", "--security", security)
                self.assertRegex(text, r"one way: [\d.]+ s .* [\d.]+ GB/s each way at best\n")
                self.assertRegex(text, r"control there and back meanwhile: [\d.]+ ms \(p50\), [\d.]+ ms \(p99\)")

    def test_statements(self):
        told = json.loads(self.run_program("bench_statements", "10"))
        self.assertEqual((10, 1), (told["statements"], told["frames"]))
        self.check_above_zero(told, "bytes", "cold_seconds", "warm_seconds")

    def test_codec(self):
        told = json.loads(self.run_program("bench_codec", "400000", "2", "2"))
        self.check_above_zero(told, "bytes", "sources", "encode", "decode", "sound", "digest_f32", "digest_int8", "fold_f32",
                              "fold_int8")


class All(unittest.TestCase):
    def test_none_is_left_out(self):
        commands = {path.name for path in BENCH.iterdir() if path.is_file() and os.access(path, os.X_OK)}
        self.assertEqual({"handshake", "hostile", "journal", "learner", "round"}, commands,
                         "a benchmark that no case of this module runs")
        programs = set(re.findall(r"executable\('(\w+)'", (BENCH / "meson.build").read_text(encoding="utf-8")))
        alone = {"bench_transport", "bench_statements", "bench_codec"}
        of_commands = {"learner_bench", "limit", "bench_handshake", "hostile_load", "bench_journal"}
        self.assertEqual(alone | of_commands, programs, "a benchmark that no case of this module runs")

    def test_wrong_usage(self):
        for name, arguments in (("round", ("--nodes", "1")), ("round", ("--journal", "power")), ("hostile", ("--mb", "0")),
                                ("journal", ("--passes", "0")), ("handshake", ("--keys", "dsa")),
                                ("learner", ("--network", "vgg"))):
            with self.subTest(name):
                run = subprocess.run([str(BENCH / name), *arguments], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((2, ""), (run.returncode, run.stdout))
                self.assertIn("error:", run.stderr)


if __name__ == "__main__":
    unittest.main()
