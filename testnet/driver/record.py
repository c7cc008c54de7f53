"""The nodes' records of the run (docs/record.md), followed while they grow."""
import json


class Tail:
    """The whole lines of a file that grows. A torn last line waits for its rest, other lines that are not JSON objects
    are left out: a crash can leave one in the middle."""

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def read(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        return [event for event in map(_parse, whole.split(b"\n")) if event is not None]


def _parse(line):
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("v") == 1 and "event" in event else None


class View:
    """What a node's record says so far."""

    def __init__(self, path):
        self.tail = Tail(path)
        self.start = self.finish = None
        self.first_ns = self.last_ns = None
        self.round = 0
        self.phase = ""
        self.peers = self.bytes_sent = self.bytes_received = 0
        self.mixed = 0  # the last round that the model has behind it
        self.mixed_ns = {}  # round → when
        self.trained_loss = None
        self.evaluations = {}  # round → (accuracy, loss)
        self.warnings = []

    def update(self):
        for event in self.tail.read():
            self.take(event)

    def take(self, event):
        self.first_ns = self.first_ns or event.get("time_ns")
        self.last_ns = event.get("time_ns", self.last_ns)
        handle = getattr(self, "_on_" + str(event["event"]), None)
        if handle:
            handle(event)

    @property
    def accuracy(self):
        """After the last round that was evaluated; None before."""
        return self.evaluations[max(self.evaluations)][0] if self.evaluations else None

    @property
    def loss(self):
        """On the test set after the last evaluation, in training before that."""
        return self.evaluations[max(self.evaluations)][1] if self.evaluations else self.trained_loss

    def _on_start(self, event):
        self.start = event

    def _on_phase(self, event):
        self.round = event.get("round", self.round)
        self.phase = event.get("phase", "")

    def _on_trained(self, event):
        self.trained_loss = event.get("loss")

    def _on_mixed(self, event):
        self.mixed = max(self.mixed, event.get("round", 0))
        self.mixed_ns[event.get("round", 0)] = event.get("time_ns", 0)

    def _on_evaluated(self, event):
        self.evaluations[event.get("round", 0)] = (event.get("accuracy"), event.get("loss"))

    def _on_status(self, event):
        self.peers = event.get("peers", 0)
        self._count(event)

    def _on_warning(self, event):
        self.warnings.append(event.get("text", ""))

    def _on_finish(self, event):
        self.finish = event
        self.phase = event.get("status", "")
        self._count(event)

    def _count(self, event):
        self.bytes_sent = event.get("bytes_sent", self.bytes_sent)
        self.bytes_received = event.get("bytes_received", self.bytes_received)
