"""A script of faults: a line each, # begins a remark.

    at WHEN ACTION

WHEN    12.5               seconds after the flock's start
        node-1:5           when node-1 enters round 5
        node-1:5:exchange  when it enters that phase of it: train, exchange or mix
ACTION  cut A B            no packet between A and B any more; A and B are nodes, or several as node-1,node-2
        cut-one-way A B    what A sends to B is lost
        heal A B           both ways again; "heal" alone: all links
        link A WORDS       A's link from now on: loss=5% delay=100ms rate=10mbit, or clear
        kill A             SIGKILL
        start A            start it again; start-bare A: without what it had saved
        stop A             SIGSTOP; continue A: SIGCONT
"""
import dataclasses
import itertools
import time

from . import links

ON_LINKS = {"cut": 2, "cut-one-way": 2, "heal": 2, "link": 1}
ON_NODES = {"kill": 1, "start": 1, "start-bare": 1, "stop": 1, "continue": 1}
PHASES = ("train", "exchange", "mix", "linger")


@dataclasses.dataclass
class Step:
    line: int
    text: str
    seconds: float | None = None
    node: int | None = None
    round: int = 0
    phase: str = ""
    action: str = ""
    sets: tuple = ()  # of nodes, an operand each
    link: links.Link | None = None


def _node(name, names):
    if name not in names:
        raise ValueError(f"there is no {name}")
    return names.index(name)


def _read_when(step, word, names):
    if ":" not in word:
        step.seconds = float(word)
        return
    name, number, *phase = word.split(":")
    step.node, step.round = _node(name, names), int(number)
    if phase and (len(phase) > 1 or phase[0] not in PHASES):
        raise ValueError(f"{word}: the phase must be one of {', '.join(PHASES)}")
    step.phase = phase[0] if phase else ""


def _read_action(step, words, names, on_links):
    step.action, *operands = words
    if step.action in ON_LINKS and not on_links:
        raise ValueError(f"{step.action} needs --netns")
    count = {**ON_LINKS, **ON_NODES}.get(step.action)
    if count is None:
        raise ValueError(f"{step.action}: there is no such action")
    if step.action == "link":
        step.link = links.parse(" ".join(operands[1:]))
        operands = operands[:1]
    if len(operands) != count and not (step.action == "heal" and not operands):
        raise ValueError(f"{step.action} takes {count} of the nodes, or lists of them")
    step.sets = tuple([_node(name, names) for name in operand.split(",")] for operand in operands)


def read_line(number, line, names, on_links):
    words = line.split()
    if len(words) < 3 or words[0] != "at":
        raise ValueError("expected: at WHEN ACTION")
    step = Step(number, line)
    _read_when(step, words[1], names)
    _read_action(step, words[2:], names, on_links)
    return step


def read(path, names, on_links=True):
    """The steps of a file; ValueError names the line."""
    steps = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.split("#")[0].strip()
        if line:
            try:
                steps.append(read_line(number, line, names, on_links))
            except ValueError as problem:
                raise ValueError(f"{path}:{number}: {problem}") from None
    return steps


def pairs(step):
    return [(one, other) for one, other in itertools.product(*step.sets) if one != other]


def carry_out(step, faults):
    network = faults.network
    on_pair = {"cut": "cut", "cut-one-way": "cut_one_way", "heal": "heal"}
    on_node = {"kill": faults.kill, "start": faults.start, "start-bare": faults.start_bare, "stop": faults.stop,
               "continue": faults.go_on}
    if step.action == "heal" and not step.sets:
        network.heal_all()
    elif step.action in on_pair:
        for one, other in pairs(step):
            getattr(network, on_pair[step.action])(one, other)
    else:
        for index in step.sets[0]:
            if step.action == "link":
                network.links.set(index, step.link)
            else:
                on_node[step.action](index)


class Player:
    """Does each step when its time has come."""

    def __init__(self, steps, faults, say):
        self.left, self.faults, self.say = list(steps), faults, say
        self.began = time.monotonic()

    def update(self):
        for step in [step for step in self.left if self._due(step)]:
            self.left.remove(step)
            self.say(f"{time.monotonic() - self.began:.1f} s: {step.text.split(None, 2)[2]}")
            carry_out(step, self.faults)

    def _due(self, step):
        if step.seconds is not None:
            return time.monotonic() - self.began >= step.seconds
        view = self.faults.nodes[step.node].flock
        if view.round != step.round:
            return view.round > step.round
        return not step.phase or view.phase == step.phase or step.round in view.mixed_ns

    def tell_rest(self):
        for step in self.left:
            self.say(f"line {step.line} of the script was never due: {step.text}")
