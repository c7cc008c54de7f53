"""What the integration tests share: the programs under test, processes that never outlive their test, records."""
import ctypes
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")  # of Debian's dataset-fashion-mnist
sys.path.insert(0, str(ROOT / "testnet"))
os.environ["PATH"] += ":/usr/sbin:/sbin"  # haproxy, nginx and tcpdump: Debian leaves these out for ordinary users

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl
CONFINING = re.compile(r'^time=\S+ level=\w+ node=\S+ subsystem=node msg=("it runs as root|confined)')
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def program(variable="STARLING", folder="release"):
    return os.environ.get(variable) or str(ROOT / "build" / folder / "starling")


def tap(name):
    """A module of tests/tap, of the build that the program is of, or of one with tests; None: there is none."""
    folders = [pathlib.Path(program()).parent, ROOT / "build/plain"]
    return next((path for path in (folder / f"tests/tap/{name}.so" for folder in folders) if path.exists()), None)


def sanitizer_environment():
    return {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:abort_on_error=1",
            "TSAN_OPTIONS": f"halt_on_error=1:exitcode=66:suppressions='{ROOT}/tests/runner/tsan.supp'"}


def own_network():
    """A loopback of its own for this process and its children, so that ports do not collide with anybody's: call it in
    setUpModule. Without root it is not to be had; then tests share the machine's."""
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    return True


def can_mount():
    """Whether a process may have mounts of its own: root, where no container forbids it, and not in a chroot whose root
    is no mount point."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL,
                                                check=False).returncode == 0


def wait_for(condition, seconds=60, what="what the test waits for"):
    """The first value of condition() that counts as true."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come in {seconds} s")
        time.sleep(0.02)


def events(path, kind=None):
    """What a record file holds."""
    from driver.record import Tail
    return [event for event in Tail(path).read() if kind in (None, event["event"])]


def free_port(host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def end_with_test():
    """In a child: be killed when the test's process dies before it could clean up."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """A process in the background. Its output goes to a file that the test may read at any time."""

    def __init__(self, arguments, log, **options):
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as output:
            self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                          start_new_session=True, preexec_fn=end_with_test, **options)

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds=120):
        """Its exit code; a process that does not end is a failure, with what it said."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.child.args} did not end in {seconds} s; it said:\n{self.output()}") from None

    def signal(self, number):
        self.child.send_signal(number)

    def running(self):
        return self.child.poll() is None

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


class Case(unittest.TestCase):
    """A test with a folder and processes of its own. `starling` is the program under test."""

    starling = program()
    environment = {}

    def setUp(self):
        if not os.path.exists(self.starling):
            self.fail(f"{self.starling} is not built")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="starling-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.count = 0

    def _environment(self, extra):
        # What the caller's environment sets for nodes is not part of the test.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("STARLING_")}
        return {**clean, **sanitizer_environment(), **self.environment, **(extra or {})}

    def run_program(self, *arguments, cwd=None, env=None, timeout=120, prefix=(), **options):
        """To its end; the result has returncode and stderr."""
        before = self.all_files()
        result = subprocess.run([*prefix, self.starling, *map(str, arguments)], cwd=cwd or self.folder,
                              env=self._environment(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=timeout, check=False, **options)
        result.files_before = before
        return result

    def all_files(self):
        return sorted(str(path) for path in self.folder.rglob("*"))

    def start(self, *arguments, cwd=None, env=None, command=None, **options):
        """In the background; killed when the test is over."""
        self.count += 1
        process = Process([command or self.starling, *map(str, arguments)], self.folder / f"output-{self.count}",
                          cwd=cwd or self.folder, env=self._environment(env), **options)
        self.addCleanup(process.kill)
        return process

    def make_kits(self, *names, settings=None, host="127.0.0.1"):
        """An authority and a kit for each name with a free port; `settings` are merged over what the kits have."""
        from driver.kits import merge
        for arguments in (("ca", "init", "flock"), ("ca", "issue", "--ca", "flock", *names, "--host", host)):
            result = self.run_program(*arguments)
            self.assertEqual(0, result.returncode, result.stderr)

        def change(value):
            del value["transport"]["advertise"]  # what it listens on
            return merge(merge(value, {"transport": {"listen": [f"{host}:{free_port(host)}"]},
                                       "round": {"linger_max": 2}}), settings or {})

        for name in names:
            self.edit(name, change)

    def settings(self, name):
        return self.folder / name / "settings.json"

    def edit(self, name, change):
        path = self.settings(name)
        path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")

    def address(self, name):
        return json.loads(self.settings(name).read_text(encoding="utf-8"))["transport"]["listen"][0]

    def record(self, name):
        return self.folder / name / "record.jsonl"

    def wait_for_event(self, name, kind, seconds=60, **fields):
        def found():
            for event in events(self.record(name), kind):
                if all(event.get(key) == value for key, value in fields.items()):
                    return event
            return None
        return wait_for(found, seconds, f"{name}'s event {kind} {fields or ''}")

    def assert_clean_failure(self, result, code, *words):
        """The program ended with that code and told why in one line, which holds the words; a node may have logged
        before what it gave up (node.confine). It left no file."""
        lines = [line for line in result.stderr.splitlines() if line.strip() and not CONFINING.search(line)]
        self.assertEqual(code, result.returncode, result.stderr)
        self.assertEqual(1, len(lines), result.stderr)
        self.assertEqual(result.files_before, self.all_files())
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]


# The trainer that does nothing: what such a test looks at is not the learning.
IDLE = {"learner": {"trainer": "idle", "idle_bytes": 100000}}
