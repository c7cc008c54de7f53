"""The run: kits, each node alone, the flock, the comparison."""
import os
import signal
import subprocess
import sys
import time

from . import kits, network, options as command_line, plot, result, screen, script
from .faults import Faults
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
        return Process(self.name, [*self.kit.enter, program, "node", str(self.kit.settings_alone)],
                       self.kit.folder / "alone" / "log")

    def start(self, program, *arguments):
        return Process(self.name, [*self.kit.enter, program, "node", str(self.kit.settings), *arguments],
                       self.kit.folder / "log")


class Run:
    """Everything between the kits and the comparison. However it is left, no node is left running."""

    def __init__(self, options, nodes, network_, stop):
        self.options, self.nodes, self.network, self.stop = options, nodes, network_, stop
        self.screen = screen.make(nodes, options.rounds)
        self.running = {}  # node → its process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running and not stop_all(list(self.running.values()), self.stop):
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
                node = waiting.pop(0)
                self.running[node] = node.start_alone(self.options.program)
            self.look()
            for node, process in [each for each in self.running.items() if each[1].code is not None]:
                del self.running[node]
                if process.failed:
                    raise Failure("alone, " + process.last_words())
        self.look()

    def flock(self):
        """All together; each joins the first. True when all ended well, but for those that the script killed."""
        self.faults = Faults(self.options.program, self.nodes, self.network)
        play = script.Player(self.options.script, self.faults, self.screen.say)
        self.running = self.faults.running
        self.faults.start_all()
        while any(process.code is None for process in self.running.values()):
            self.look()
            play.update()
            for node, process in self.running.items():
                if process.failed and not node.gone and node not in self.faults.killed:
                    node.gone = True
                    self._lost(process)
        ended = [not process.failed for node, process in self.running.items() if node not in self.faults.killed]
        self.running = {}
        self.look()
        self.screen.update(final=True)
        play.tell_rest()
        return all(ended)

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


def build(options, stop):
    """This tree's program, with its packages. Only now: wrong options are told before anything is installed."""
    testnet = command_line.ROOT / "testnet"
    code = subprocess.call([testnet / "setup", "netns"]) if options.netns else 0
    code = code or subprocess.call([testnet / "build"])
    if stop.asked or code:
        raise Failure("the program was not built", 128 + stop.number if stop.asked else abs(code))


def run(options, stop):
    print(f"run folder: {options.run_dir}", flush=True)
    kits.make_folder(options.run_dir)
    try:
        with network.make(options) as places:
            nodes = [Node(options, kit) for kit in kits.make(options, places)]
            for index, link in options.links.items():
                places.links.set(index, link)
            with Run(options, nodes, places, stop) as live:
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
            build(options, stop)
        return run(options, stop)
    except Failure as failure:
        print(f"testnet/run: {failure}", file=sys.stderr)
        return failure.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere, without a second complaint
        return 128 + signal.SIGPIPE
