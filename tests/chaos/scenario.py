"""What a scenario is: a row of the table in docs/reliability.md, and a function that plays it on real nodes."""
import dataclasses

ALL = {}


class Skip(Exception):
    """The scenario cannot run here; the text says why."""


@dataclasses.dataclass
class Scenario:
    name: str
    fault: str
    wanted: str
    play: object
    short: bool  # part of --short
    open: str = ""  # why it is known to fail: tests/run counts it as skipped then, with this


def scenario(name, fault, wanted, short=True, still_open=""):
    """The function is called with the Context; what is not as wanted it tells by check()."""
    def register(play):
        ALL[name] = Scenario(name, fault, wanted, play, short, still_open)
        return play
    return register


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def check_at_most(value, most, what, unit=""):
    check(value <= most, f"{what}: {value:.4g}{unit}, wanted at most {most:.4g}{unit}")


def check_at_least(value, least, what, unit=""):
    check(value >= least, f"{what}: {value:.4g}{unit}, wanted at least {least:.4g}{unit}")
