"""Without a flock: virtual time, and the tests in which each call fails, in their long forms."""
import json
import os
import pathlib
import subprocess

import trend
from scenario import Skip, check, check_at_least, check_at_most, scenario

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
SEEDS = 500


@scenario("virtual-day", "24 h of virtual time, 16 nodes, a message in 50 lost (short: 45 min)", "RSS flat, every round ends")
def virtual_day(context):
    """A round takes some 1.6 seconds of that time; the memory is that of all nodes together."""
    rounds = 2000 if context.short else 56000
    command = [context.program, "simulate", "--nodes", "16", "--rounds", str(rounds), "--seed", str(context.seed), "--elements",
               "1000", "--loss", "0.02", "--delay", "0.1", "--jitter", "0.1", "--deadline-min", "2", "--deadline-max", "5", "--json"]
    samples = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for number, line in enumerate(child.stdout):
            if number > rounds / 4 and number % (rounds // 200) == 0:
                samples.append((number, resident(child.pid)))
    check(child.returncode == 0, f"it ended with {child.returncode}")
    summary = json.loads(line)
    context.figure("virtual time", summary["virtual_seconds"] / 3600, "h")
    grown = trend.relative_growth(samples)
    context.figure("RSS grew", 100 * grown, "%")
    check(summary["finished"] == 16, f"{summary['finished']} of 16 nodes came to the end")
    check_at_least(summary["virtual_seconds"] / 3600, 0.75 if context.short else 24, "virtual time", " h")
    check_at_most(grown, 0.05, "RSS grew by a share of")


def resident(pid):
    """Bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def built(variable, folder, program):
    """A test program of one of the builds of tests/run, which told where that is."""
    path = pathlib.Path(os.environ.get(variable) or BUILD / folder / "starling").parent / program
    if not path.exists():
        raise Skip(f"{path} is not built: tests/run does that")
    return path


def run(command, **environment):
    """Its output, where it passed."""
    result = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", env={**os.environ, **environment}, check=False)
    check(result.returncode == 0, f"{command[0]} ended with {result.returncode}\n{result.stdout[-4000:]}")
    return result.stdout


@scenario("random-faults", "1000 random faults in virtual time, 100 nodes, 500 seeds",
          "no assertion, no deadlock, mass conserved, every round of every live node ends", short=False)
def random_faults(context):
    """tests/run has two seeds of 30 nodes."""
    tests = built("STARLING_PLAIN", "plain", "tests/sim/sim_tests").parents[2]
    said = run([BUILD.parent / "tests" / "sim" / "run", "--build", tests, "--seeds", SEEDS, "--first",
                1 + SEEDS * (context.seed - 1)])
    context.figure("seeds", said.splitlines()[-1])


@scenario("allocation-failure", "each allocation of a round fails once, each system call's error return",
          "clean error or retry, nothing leaked", short=False)
def allocation_failure(context):
    """tests/run has every one of a start and of connections, and of rounds fewer and fewer."""
    for folder, name in (("alloc", "unit_allocations_node"), ("syscalls", "unit_syscalls_node"), ("syscalls", "unit_syscalls")):
        said = run([built("STARLING_SANITIZED", "sanitize", f"tests/{folder}/{name}")], STARLING_EVERY_ALLOCATION="1",
                   ASAN_OPTIONS="abort_on_error=1:detect_leaks=1", UBSAN_OPTIONS="halt_on_error=1:abort_on_error=1",
                   LSAN_OPTIONS=f"suppressions='{BUILD.parent}/tests/runner/lsan.supp':print_suppressions=0")
        context.figure(name, said.splitlines()[-1].removeprefix("[====] Synthesis: ").strip())
