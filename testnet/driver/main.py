"""The run: kits, each node alone, the flock, the comparison."""
import os
import signal
import subprocess
import sys
import time

from . import kits, options as command_line, plot, result, screen
from .kits import Failure
from .processes import Process, Stop, stop_all
from .record import View

POLL = 0.05  # s


class Node:
    """A kit with its two runs."""

    def __init__(self, options, kit):
        self.name = kit.name
        self.kit = kit
        self.rounds = options.rounds
        self.rounds_alone = options.rounds
        self.alone = View(kit.folder / "alone" / "record.jsonl")
        self.flock = View(kit.folder / "record.jsonl")
        self.gone = False  # ended before its time

    def start_alone(self, program):
        return Process(self.name, [program, "node", str(self.kit.settings_alone)], self.kit.folder / "alone" / "log")

    def start(self, program, join):
        return Process(self.name, [program, "node", str(self.kit.settings), *join], self.kit.folder / "log")


class Run:
    """Everything between the kits and the comparison. However it is left, no node is left running."""

    def __init__(self, options, nodes, stop):
        self.options, self.nodes, self.stop = options, nodes, stop
        self.screen = screen.make(nodes, options.rounds)
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running and not stop_all(self.running, self.stop):
            self.screen.say("a node did not stop by itself and was killed: its last model may not be saved")

    def look(self):
        for node in self.nodes:
            node.alone.update()
            node.flock.update()
        self.screen.update()
        if self.stop.asked:
            raise Interrupted
        time.sleep(POLL)

    def alone(self):
        """Each node by itself, as many at a time as there are processors."""
        waiting = list(self.nodes)
        places = len(os.sched_getaffinity(0))
        while waiting or self.running:
            while waiting and len(self.running) < places:
                self.running.append(waiting.pop(0).start_alone(self.options.program))
            self.look()
            for process in [each for each in self.running if each.code is not None]:
                self.running.remove(process)
                if process.failed:
                    raise Failure("alone, " + process.last_words())
        self.look()

    def flock(self):
        """All together; each joins the first. True when all ended well."""
        join = ["--join", self.nodes[0].kit.address]
        processes = {node: node.start(self.options.program, join if index else [])
                     for index, node in enumerate(self.nodes)}
        self.running = list(processes.values())
        while any(process.code is None for process in self.running):
            self.look()
            for node, process in processes.items():
                if process.failed and not node.gone:
                    node.gone = True
                    self._lost(process)
        self.running = []
        self.look()
        self.screen.update(final=True)
        return not any(process.failed for process in processes.values())

    def _lost(self, process):
        """The others go on without it, unless the flock is not complete yet: then they would wait for ever."""
        if not any(node.flock.mixed for node in self.nodes):
            raise Failure(process.last_words())
        self.screen.say(process.last_words())


class Interrupted(Exception):
    """Ctrl-C or its like."""


def compare(options, nodes):
    """Prints and writes what came out; returns what is wrong with it, or None."""
    outcome = result.summary(options, nodes)
    result.write(options.run_dir / "summary.json", outcome)
    picture = plot.draw(options.run_dir, nodes)
    print()
    print("\n".join(result.table(outcome)))
    print(result.verdict(outcome))
    if outcome["seconds"] is not None:
        print(f"The flock took {outcome['seconds']:.1f} s.")
    print(f"Logs, records, models, summary.json{'' if picture else ', accuracy.svg'}: {options.run_dir}")
    return picture


def build(stop):
    """This tree's program, with its packages. Only now: wrong options are told before anything is installed."""
    code = subprocess.call([command_line.ROOT / "testnet" / "build"])
    if stop.asked or code:
        raise Failure("the program was not built", 128 + stop.number if stop.asked else abs(code))


def run(options, stop):
    print(f"run folder: {options.run_dir}", flush=True)
    nodes = [Node(options, kit) for kit in kits.make(options)]
    try:
        with Run(options, nodes, stop) as live:
            live.alone()
            well = live.flock()
    except Interrupted:
        saved = sum(any((node.kit.folder / "models").glob("*.safetensors")) for node in nodes)
        print(f"stopped; {saved} of {len(nodes)} nodes left a model of the flock in {options.run_dir}")
        return 128 + stop.number
    problem = compare(options, nodes)
    if problem:
        raise Failure(problem)
    return 0 if well else 1


def main(arguments):
    options = command_line.parse(arguments)
    stop = Stop()
    try:
        if options.build:
            build(stop)
        return run(options, stop)
    except Failure as failure:
        print(f"testnet/run: {failure}", file=sys.stderr)
        return failure.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere, without a second complaint
        return 128 + signal.SIGPIPE
