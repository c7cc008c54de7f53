"""How long it will still take."""
# Seconds that a scenario takes, short and in full, as measured on two processors. They are for foretelling alone.
USUAL = (15, 60)
TAKES = {
    "partition": (25, 120), "dial-out-only": (12, 30), "flapping": (30, 70), "slow-node": (35, 120), "stop": (20, 100),
    "slowloris": (5, 60),
    "emfile": (9, 30), "disk-full": (5, 30), "dial-each-other": (4, 1800), "big-transfer": (5, 5400),
    "transfer-cut": (15, 90), "control-latency": (15, 90), "soak": (17, 1830), "virtual-day": (4, 70),
    "rolling-restart": (12, 120), "random-faults": (0, 2100), "allocation-failure": (0, 900),
    **{f"kill-{count}-{phase}": (18, 60) for count in (1, 2, 4) for phase in ("train", "exchange", "mix")},
}
BELIEF = 60  # s: a first scenario that was quick says little


def seconds_of(name, short):
    return TAKES.get(name, USUAL)[0 if short else 1]


def text(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    """Of the scenarios of these names. What is foretold of the rest follows how long the first ones really took."""

    def __init__(self, names, short):
        self.left = [(name, seconds_of(name, short)) for name in names]
        self.count = len(self.left)
        self.foretold = self.took = 0.0

    def _factor(self):
        return (self.took + BELIEF) / (self.foretold + BELIEF)

    def next(self):
        """What is told before the next one."""
        name, seconds = self.left[0]
        rest = sum(more for _, more in self.left)
        return (f"[{self.count - len(self.left) + 1}/{self.count}] {name}: about {text(seconds * self._factor())}, all that is "
                f"left {text(rest * self._factor())}")

    def done(self, seconds):
        self.foretold += self.left.pop(0)[1]
        self.took += seconds
