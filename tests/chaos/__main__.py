"""The command line of tests/chaos/run, and the playing of one scenario after the other."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "testnet"), str(ROOT / "tests" / "runner"), str(ROOT / "tests" / "chaos")]

import progress  # noqa: E402
import scenario  # noqa: E402
import scenario_kill  # noqa: E402,F401
import scenario_links  # noqa: E402,F401
import scenario_load  # noqa: E402,F401
import scenario_long  # noqa: E402,F401
import scenario_restart  # noqa: E402,F401
import scenario_virtual  # noqa: E402,F401
import table  # noqa: E402
import under_test  # noqa: E402
from driver.kits import Failure  # noqa: E402
from report import FAILED, PASSED, SKIPPED, Case, Report  # noqa: E402

EX_USAGE = 64
SHORT = {"learner": {"steps": 40, "batch": 64}}


class Context:
    """What a scenario is given."""

    def __init__(self, options, program):
        self.options, self.program = options, program
        self.short, self.seed = options.short, options.seed
        self.folders = []
        self.figures = []
        self.baselines = {}

    def begin(self, name):
        self.random = random.Random(f"{self.seed} {name}")
        self.figures = []

    def learner(self):
        return SHORT if self.short else {}

    def new_folder(self):
        self.folders.append(pathlib.Path(tempfile.mkdtemp(prefix="starling-chaos-")))
        return self.folders[-1]

    def figure(self, what, value, unit=""):
        self.figures.append(f"{what} {value:.3g}{' ' if unit and unit != '%' else ''}{unit}"
                            if isinstance(value, float) else f"{what} {value}{' ' if unit else ''}{unit}")

    def say(self, text):
        if self.options.verbose:
            print(f"          {text}", flush=True)

    def flock(self, rounds, **options):
        return under_test.Flock(self, rounds, **options)

    def baseline(self, rounds, only=None, settings=None):
        """The accuracy of an undisturbed run with the same seed; of the survivors alone where `only` says so."""
        key = (rounds, tuple(only or ()), str(settings))
        if key not in self.baselines:
            with self.flock(rounds, only=only, settings=settings) as flock:
                flock.finish()
                self.baselines[key] = flock.accuracy()
        return self.baselines[key]

    def close(self, keep):
        for folder in self.folders:
            if keep:
                print(f"          its runs: {folder}", flush=True)
            else:
                shutil.rmtree(folder, ignore_errors=True)
        self.folders = []


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EX_USAGE, f"tests/chaos/run: {message} (try --help)\n")


def parse(arguments):
    parser = Parser(prog="tests/chaos/run", description=f"{__doc__} STARLING names the program; else this tree's is built.")
    add = parser.add_argument
    add("--short", action="store_true", help="the short form of each, for the CI")
    add("--seed", type=int, default=1, metavar="S", help="of the flock and of what is drawn by lot (1)")
    add("--only", action="append", metavar="NAME", help="that scenario alone; may be repeated")
    add("--list", action="store_true", help="name the scenarios")
    add("--write-table", action="store_true", help="put the results into docs/reliability.md")
    add("--keep", action="store_true", help="do not remove the folders of runs that failed")
    add("--json", action="store_true", help="a JSON line a scenario, for tests/run")
    add("--verbose", action="store_true", help="tell what is done")
    options = parser.parse_args(arguments)
    unknown = set(options.only or ()) - set(scenario.ALL)
    if unknown:
        parser.error(f"argument --only: there is no scenario {sorted(unknown)[0]}")
    if options.only and options.write_table:
        parser.error("argument --write-table: the table is of all scenarios, so not with --only")
    return options


def play(context, one):
    context.begin(one.name)
    try:
        one.play(context)
        return Case(one.name, PASSED)
    except scenario.Skip as reason:
        return Case(one.name, SKIPPED, str(reason))
    except (AssertionError, Failure) as problem:
        return Case(one.name, FAILED, str(problem))
    except Exception:  # a scenario that breaks has failed, the others are still to be played
        return Case(one.name, FAILED, traceback.format_exc())


def program():
    if os.environ.get("STARLING"):
        return
    for command in ([ROOT / "testnet" / "setup", "netns"], [ROOT / "testnet" / "build"]):
        code = subprocess.call(command)
        if code:
            sys.exit(code)
    os.environ["STARLING"] = str(ROOT / "build" / "release" / "starling")


def _handle_stop(number, _frame):
    raise KeyboardInterrupt


def tell(report, options, case, figures, seconds):
    if options.json:
        print(json.dumps({"name": case.name, "outcome": case.outcome, "detail": case.detail,
                          "open": scenario.ALL[case.name].open}), flush=True)
    else:
        report.add(f"{case.name} ({'; '.join(figures)})" if figures else case.name, [case], seconds)


def play_one(options, context, report, one):
    began = time.monotonic()
    try:
        case = play(context, one)
        tell(report, options, case, context.figures, time.monotonic() - began)
        context.close(options.keep and case.outcome == FAILED)
        return case
    finally:
        context.close(False)  # of one that was stopped in the midst of it


def play_all(options, chosen):
    context = Context(options, os.environ["STARLING"])
    report, results = Report(), []
    ahead = progress.Progress([one.name for one in chosen], options.short)
    try:
        for one in chosen:
            began = time.monotonic()
            if not options.json:
                print(ahead.next(), flush=True)
            results.append((one, play_one(options, context, report, one), list(context.figures)))
            ahead.done(time.monotonic() - began)
    except KeyboardInterrupt:
        if not options.json:
            print(f"stopped: {len(results)} of {len(chosen)} scenarios were played")
            report.close()
        return 130
    if options.write_table:
        table.write(ROOT, options, results)
    return 0 if options.json else report.close()


def main(arguments):
    options = parse(arguments)
    chosen = [one for name, one in scenario.ALL.items()
              if (name in options.only if options.only else one.short or not options.short)]
    if options.list:
        for one in chosen:
            print(f"{one.name:24} {one.fault}")
        return 0
    if os.geteuid() != 0:
        print("tests/chaos/run: it needs root: every node has a network of its own", file=sys.stderr)
        return os.EX_NOPERM
    program()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handle_stop)
    return play_all(options, chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
