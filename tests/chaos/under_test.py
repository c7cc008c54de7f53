"""A flock under test: the pieces of the test network's driver, and what is measured on it, all from the records."""
import array
import contextlib
import json
import math
import os
import pathlib
import signal
import subprocess
import time

from driver import kits, main, network, options as command_line
from driver.faults import Faults
from driver.record import View
from scenario import check

POLL = 0.02  # s
DEADLINE_MIN, DEADLINE_MAX = 2.0, 5.0  # s
SLACK = 1.0  # s after the deadline
NS = 1e9
LEFT_OUT = 3  # exit code
SAME = 1e-6  # of the mean's norm
ENDLESS = 100000  # rounds
SETTINGS = {
    "round": {"deadline_min": DEADLINE_MIN, "deadline_max": DEADLINE_MAX, "linger_max": 10, "averaging_rounds": 1},
    "learner": {"evaluate_every": 0},
    "model": {"save_every": 1, "keep": 30},
}


class Watch(View):
    """A node's record with all its events."""

    def __init__(self, path):
        super().__init__(path)
        self.events = []

    def take(self, event):
        self.events.append(event)
        super().take(event)

    def all(self, kind, **fields):
        return [event for event in self.events
                if event["event"] == kind and all(event.get(key) == value for key, value in fields.items())]

    def last(self, kind):
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    def entered(self, round_, phase):
        """Whether it is in that phase of that round, or beyond."""
        return self.round > round_ or any(event.get("round") == round_ and event.get("phase") in (phase, "linger", "left")
                                          for event in self.all("phase"))

    def counted(self, round_):
        """How many exchanges the round's mean is of; None before it is there."""
        return next((event["counted"] for event in reversed(self.all("mixed", round=round_))), None)


class Flock:
    """Nodes in namespaces of their own, from the first to the last line of a with statement. `only`: the nodes of all that
    take part; the others' data is nobody's. `own`: what single nodes have in their settings, by index."""

    def __init__(self, context, rounds, settings=None, nodes=8, only=None, arguments=(), own=None):
        self.context, self.rounds = context, rounds
        self.only = list(range(nodes)) if only is None else list(only)
        self.folder = context.new_folder()
        self.options = command_line.parse(["--nodes", str(nodes), "--rounds", str(rounds), "--netns", "--seed",
                                           str(context.seed), "--run-dir", str(self.folder)])
        self.options.settings = kits.merge(kits.merge(SETTINGS, context.learner()), settings or {})
        self.own = own or {}
        self.arguments = ["--set", f"flock.start_nodes={len(self.only)}", *arguments]
        self.may_be_left_out = set()  # nodes whose last round may have come to nothing: that is an exit code of its own
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            kits.make_folder(self.folder)
            self.network = stack.enter_context(network.Namespaces(self.options.nodes, self.options.program, self.folder,
                                                                  say=self.context.say))
            self.nodes = [main.Node(self.options, kit) for kit in kits.make(self.options, self.network)]
            for node in self.nodes:
                node.flock = Watch(node.kit.folder / "record.jsonl")
            for index, settings in self.own.items():
                path = self.nodes[index].kit.settings
                path.write_text(json.dumps(kits.merge(json.loads(path.read_text()), settings)), encoding="utf-8")
            self.faults = Faults(self.options.program, self.nodes, self.network, self.arguments)
            stack.callback(self._end)
            self.began = time.monotonic()
            self.faults.start_all(self.only)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind, *_):
        self.stack.close()
        if kind is None:
            self.conserves()

    def _end(self):
        for process in self.faults.running.values():
            process.kill()

    # ---- following it ----

    def view(self, index):
        return self.nodes[index].flock

    def name(self, index):
        return self.nodes[index].name

    def living(self):
        return [index for index in self.only if self.nodes[index] not in self.faults.killed]

    def look(self):
        for node in self.nodes:
            node.flock.update()
        for index in self.living():
            process = self.faults.process(index)
            well = not process.failed or (process.code == LEFT_OUT and index in self.may_be_left_out)
            check(well, "" if well else process.last_words())

    def wait(self, condition, seconds, what):
        """The first value of condition() that counts as true, and how long it took."""
        began = time.monotonic()
        while True:
            self.look()
            value = condition()
            if value:
                return value, time.monotonic() - began
            check(time.monotonic() - began < seconds, f"{what} did not come in {seconds:.0f} s; {self.where()}")
            time.sleep(POLL)  # what is waited for is written by other processes into their records

    def where(self):
        return "; ".join(f"{self.name(index)} round {self.view(index).round} {self.view(index).phase}"
                         for index in self.only)

    def wait_round(self, round_, indices=None, seconds=120):
        """All of them have mixed that round."""
        chosen = self.living() if indices is None else indices
        return self.wait(lambda: all(self.view(index).mixed >= round_ for index in chosen), seconds, f"round {round_}")[1]

    def wait_phase(self, index, round_, phase, seconds=120):
        return self.wait(lambda: self.view(index).entered(round_, phase), seconds, f"phase {phase} of round {round_}")[1]

    def finish(self, seconds=300):
        """All that live come to their end, well."""
        self.wait(lambda: all(self.faults.process(index).code is not None for index in self.living()), seconds, "the end")
        self.look()

    def end_well(self, seconds=60):
        """All that live are asked to stop, and do."""
        for index in self.living():
            self.faults.process(index).signal(signal.SIGINT)
        self.wait(lambda: all(self.faults.process(index).code is not None for index in self.living()), seconds, "the end")
        self.look()

    # ---- what is measured ----

    def conserves(self):
        """Of what the nodes learned nothing was lost or counted twice, whatever was done to them: their ledgers' sums."""
        if self.options.settings.get("mix", {}).get("stream"):
            return  # keeps no promises
        records = [str(path) for path in (node.kit.folder / "record.jsonl" for node in self.nodes) if path.exists()]
        result = subprocess.run([self.context.program, "ledger", "check", "--json", *records], capture_output=True, text=True,
                                check=False)
        check(result.returncode == 0, f"the ledger: {result.stderr.strip()}")
        self.context.figure("ledger off by", json.loads(result.stdout)["error"])

    def longest_wait(self, indices=None, since=0.0):
        """s from the end of a node's own training to its mean, the longest of all rounds."""
        longest = 0.0
        for index in self.living() if indices is None else indices:
            trained = {}
            for event in self.view(index).events:
                if event["event"] == "trained":
                    trained[event["round"]] = event["time_ns"]
                elif event["event"] == "mixed" and event["time_ns"] >= since:
                    took = (event["time_ns"] - trained.get(event["round"], event["time_ns"])) / NS
                    longest = max(longest, took, event.get("waited") or 0.0)
        return longest

    def rounds_end_in_time(self, indices=None, since=0.0):
        longest = self.longest_wait(indices, since)
        self.context.figure("longest wait", longest, "s")
        check(longest <= DEADLINE_MAX + SLACK, f"a round ended {longest:.2f} s after its node's training, the deadline is "
                                               f"{DEADLINE_MAX:.0f} s and {SLACK:.0f} s more is allowed")

    def accuracy(self, indices=None):
        """After the last round, the mean of the nodes that came to the end."""
        known = [self.view(index).accuracy for index in (self.living() if indices is None else indices)]
        check(None not in known, "a node did not evaluate its last model")
        return sum(known) / len(known)

    def digests(self, indices=None):
        return {(self.view(index).finish or {}).get("model_sha256")
                for index in (self.living() if indices is None else indices)}

    def _model(self, index, round_):
        data = (pathlib.Path(self.nodes[index].kit.folder) / "models" / f"round-{round_:06}.safetensors").read_bytes()
        begin = 8 + int.from_bytes(data[:8], "little")
        return data[begin:]

    def consensus_error(self, round_, indices):
        """The largest ‖x_i − mean‖ / ‖mean‖ of the models after that round; None where one is not saved."""
        try:
            models = [self._model(index, round_) for index in indices]
        except FileNotFoundError:
            return None
        if len(set(models)) == 1:
            return 0.0
        vectors = [array.array("f", model) for model in models]
        mean = [math.fsum(values) / len(values) for values in zip(*vectors)]
        norm = math.sqrt(math.fsum(value * value for value in mean))
        return max(math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(vector, mean))) for vector in vectors) / norm

    def agreement(self, first, within, indices):
        """How many rounds after `first` all models were the same, as they are in a full mesh after a round that all count
        in."""
        for round_ in range(first, first + within + 1):
            self.wait(lambda round_=round_: all(self.view(index).all("saved", round=round_) or
                                                self.view(index).mixed > round_ + 2 for index in indices), 60,
                      f"the models of round {round_}")
            error = self.consensus_error(round_, indices)
            if error is not None and error < SAME:
                return round_ - first
        raise AssertionError(f"the models still differ {within} rounds after round {first}")

    def open_files(self, index):
        return len(os.listdir(f"/proc/{self.faults.process(index).child.pid}/fd"))

    def memory(self, index, since=0.0):
        """(s, bytes) as the record tells it every second, since then."""
        return [(event["time_ns"] / NS, event["rss_bytes"]) for event in self.view(index).all("status")
                if event["time_ns"] / NS >= since]
