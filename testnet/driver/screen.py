"""What one sees while it runs: a table that is drawn again and again on a terminal, else a line for each finished round.
All figures come from the views, that is from the record files."""
import os
import shutil
import sys
import time

WIDTHS = (10, 8, 6, 10, 9, 8, 6, 9, 9)
HEADER = ("node", "alone", "round", "phase", "accuracy", "loss", "peers", "sent", "received")


def percent(value):
    return "" if value is None else f"{100 * value:.1f} %"


def number(value):
    return "" if value is None else f"{value:.3f}"


def size(count):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def columns(cells):
    first, *rest = cells
    return f"{first:{WIDTHS[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(rest, WIDTHS[1:]))


class Progress:
    """Rounds done of all that are to be done, alone and in the flock, and the time left at the pace so far."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.began = time.monotonic()

    def share(self):
        done = total = 0
        for node in self.nodes:
            for view, rounds in ((node.alone, node.rounds_alone), (node.flock, node.rounds)):
                done += rounds if view.finish else min(view.mixed, rounds)
                total += rounds
        return done / total if total else 1.0

    def text(self, width):
        share = self.share()
        cells = max(10, width - 24)
        bar = "#" * int(cells * share)
        passed = time.monotonic() - self.began
        left = clock(passed * (1 - share) / share) + " left" if share > 0.02 else ""
        return f"[{bar:.<{cells}}] {100 * share:3.0f} % {left}"


class Table:
    """The live table of a terminal. NO_COLOR takes the colours away; the drawing itself needs a cursor."""

    PAUSE = 0.2

    def __init__(self, nodes, rounds):
        self.nodes, self.rounds = nodes, rounds
        self.progress = Progress(nodes)
        self.colour = not os.environ.get("NO_COLOR")
        self.drawn = 0
        self.next = 0.0

    def _bold(self, text):
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def _row(self, node):
        view = node.flock
        phase = view.phase
        if not view.start:
            phase = "" if node.alone.finish else "alone" if node.alone.start else "waits"
        shown = view if view.start else node.alone
        exchanged = (view.peers, size(view.bytes_sent), size(view.bytes_received)) if view.start else ("", "", "")
        return columns((node.name, percent(node.alone.accuracy), shown.round or "", phase, percent(view.accuracy),
                        number(shown.loss), *exchanged))

    def update(self, final=False):
        if time.monotonic() < self.next and not final:
            return
        self.next = time.monotonic() + self.PAUSE
        width, height = shutil.get_terminal_size()
        room = max(1, height - 4)
        rows = [self._row(node)[:width - 1] for node in self.nodes]
        if len(rows) > room:
            rows = rows[:room - 1] + [f"... and {len(rows) - room + 1} more"]
        lines = [self._bold(columns(HEADER)[:width - 1]), *rows, self.progress.text(width)[:width - 1]]
        back = f"\x1b[{self.drawn}A\r" if self.drawn else ""
        sys.stdout.write(back + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self.drawn = len(lines)

    def say(self, text):
        """A line that stays above the table."""
        if self.drawn:
            sys.stdout.write(f"\x1b[{self.drawn}A\r\x1b[J")
        self.drawn = 0
        self.next = 0.0
        print(text, flush=True)


class Lines:
    """A line for each node that is through alone, and for each round that all nodes are through."""

    def __init__(self, nodes, rounds):
        self.nodes, self.rounds = nodes, rounds
        self.told_alone = set()
        self.told_round = 0

    def say(self, text):
        print(text, flush=True)

    def _through(self, view, number_):
        return number_ in view.evaluations or view.mixed > number_ or view.finish

    def update(self, final=False):
        for node in self.nodes:
            if node.alone.finish and node.name not in self.told_alone:
                self.told_alone.add(node.name)
                self.say(f"alone {node.name}: accuracy {percent(node.alone.accuracy)}")
        views = [node.flock for node in self.nodes if not node.gone]
        while views and self.told_round < self.rounds and all(self._through(view, self.told_round + 1)
                                                               for view in views):
            self.told_round += 1
            if any(view.mixed >= self.told_round for view in views):
                self.say(self._round(self.told_round, views))

    def _round(self, round_, views):
        known = [view.evaluations[round_] for view in views if round_ in view.evaluations]
        text = f"round {round_}/{self.rounds}"
        if known:
            accuracies = [accuracy for accuracy, _ in known]
            text += f": accuracy {percent(min(accuracies))} ... {percent(max(accuracies))}"
            losses = [loss for _, loss in known if loss is not None]
            text += f", loss {number(sum(losses) / len(losses))}" if losses else ""
        began = min(view.first_ns for view in views)
        ended = max(view.mixed_ns.get(round_, began) for view in views)
        return text + f", {(ended - began) / 1e9:.1f} s"


def make(nodes, rounds):
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return (Table if terminal else Lines)(nodes, rounds)
