"""What spin is asked about rounds.pml: whole searches of the protocol, and wrong protocols that it must find wrong.
`tests/model/run` runs them by hand, test_model.py in tests/run."""
import dataclasses
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile

MODEL = pathlib.Path(__file__).resolve().parent / "rounds.pml"
DEPTH = 100_000  # steps; a search that gets there is not whole
NEEDED = ("spin", "cc")


@dataclasses.dataclass
class Search:
    name: str
    flags: str  # rounds.pml's options
    long: bool = False
    cycles: bool = False  # looks for a cycle instead of a broken promise
    wrong: bool = False   # a protocol that must be found wrong


@dataclasses.dataclass
class Result:
    errors: int
    states: int
    depth: int
    seconds: float  # of one processor, compiling included
    output: str


WHOLE = (
    Search("crash_and_loss", "ROUNDS=3 CRASHES=1 LOSSES=1 AT_ONCE"),
    Search("two_crashes", "ROUNDS=3 CRASHES=2 LAZY"),
    Search("slow_flush", "ROUNDS=2 CRASHES=1 LOSSES=1 VIEWS"),
    Search("views_and_other_results", "ROUNDS=2 CRASHES=2 RETRAIN VIEWS"),
    Search("lost_disk", "ROUNDS=2 DISKS=1 LOSSES=1 AT_ONCE"),
    Search("lost_disk_and_crash", "ROUNDS=2 DISKS=1 CRASHES=1 AT_ONCE"),
    Search("written_off", "ROUNDS=3 LOSSES=1 WRITE_OFFS=1 AT_ONCE"),
    Search("no_deadline_no_edge_lost", "ROUNDS=2 CRASHES=2 LOSSES=2 PATIENT"),
    Search("half_of_the_live", "ROUNDS=3 CRASHES=1 DEATHS=1 PACE"),
    Search("three_nodes", "NODES=3 ROUNDS=2 AT_ONCE"),
    Search("three_nodes_crash", "NODES=3 ROUNDS=1 CRASHES=1"),
    Search("no_cycle", "ROUNDS=2 CRASHES=1 LOSSES=1 AT_ONCE", cycles=True),
    Search("crash_and_loss_long", "ROUNDS=3 CRASHES=1 LOSSES=1", long=True),
    Search("four_rounds", "ROUNDS=4 CRASHES=2 LOSSES=2 AT_ONCE", long=True),
    Search("lost_disk_long", "ROUNDS=3 DISKS=1 LOSSES=1 VIEWS AT_ONCE", long=True),
    Search("written_off_long", "ROUNDS=3 CRASHES=1 LOSSES=1 WRITE_OFFS=1", long=True),
    Search("three_nodes_death", "NODES=3 ROUNDS=2 DEATHS=1 PACE AT_ONCE", long=True),
    Search("three_nodes_crash_and_loss", "NODES=3 ROUNDS=1 CRASHES=1 LOSSES=1 AT_ONCE", long=True),
    Search("three_nodes_no_place", "NODES=3 ROUNDS=2 PENDING_MAX=1 AT_ONCE", long=True),
    Search("three_nodes_lost_disk", "NODES=3 ROUNDS=1 DISKS=1 LOSSES=1 AT_ONCE", long=True),
    Search("three_nodes_no_deadline", "NODES=3 ROUNDS=1 CRASHES=2 LOSSES=1 PATIENT", long=True),
    Search("three_nodes_crash_long", "NODES=3 ROUNDS=2 CRASHES=1 AT_ONCE", long=True),
    Search("no_cycle_long", "ROUNDS=3 CRASHES=1 LOSSES=1 AT_ONCE", long=True, cycles=True),
)

WRONG = tuple(Search(f"wrong_{name}", f"M_{name.upper()} {flags}", wrong=True, cycles=name == "unanswered")
              for name, flags in (
    ("naive", "ROUNDS=1"),                                    # each counts on the other's word that it holds it
    ("void_on_silence", "ROUNDS=1"),                          # a bound follower forgets at close
    ("count_on_silence", "ROUNDS=1"),                         # … or counts
    ("manifest_unflushed", "ROUNDS=1 CRASHES=1 RETRAIN"),     # said before it is on disk
    ("ready_unflushed", "ROUNDS=1 CRASHES=1"),
    ("count_unflushed", "ROUNDS=1 CRASHES=1"),
    ("void_unflushed", "ROUNDS=1 CRASHES=1"),
    ("two_undecided", "ROUNDS=2 LOSSES=1"),                   # two undecided edges of one pair
    ("pass_frees", "ROUNDS=1 CRASHES=1"),                     # PASS frees a bound follower
    ("no_repetition", "ROUNDS=1 LOSSES=1"),                   # READY is said once
    ("confirmed_degrees", "NODES=3 ROUNDS=1"),                # weights by what was counted
    ("sign_twice", "ROUNDS=1 CRASHES=1 RETRAIN"),             # another result takes the signed one's place
    ("heir", "ROUNDS=1 DISKS=1"),                             # a lineage answers for the one before it
    ("bound_waits", "ROUNDS=1 DEATHS=1"),                     # no deadline for a bound follower: two-phase commit
    ("wait_for_all", "NODES=3 ROUNDS=2 DEATHS=1"),            # the next round waits for everybody
    ("unanswered", "ROUNDS=1"),                               # READY of a closed round is thrown away: asked for ever
))


def missing():
    """What is not installed of that which a search needs."""
    return [program for program in NEEDED if shutil.which(program) is None]


def run(search):
    """Everything is made in a folder that is gone afterwards. RuntimeError: there was no search."""
    began = used()
    with tempfile.TemporaryDirectory(prefix="starling-spin-") as folder:
        call(folder, ["spin", "-a", *(f"-D{flag}" for flag in search.flags.split()), str(MODEL)], "pan.c")
        kind = ["-DNP"] if search.cycles else ["-DSAFETY"]
        effort = "-O0" if search.wrong else "-O1"
        options = ["-w", "-DCOLLAPSE", "-DNOREDUCE", "-DVECTORSZ=4096"]
        call(folder, ["cc", effort, *kind, *options, "-o", "pan", "pan.c"], "pan")
        output = call(folder, ["./pan", f"-m{DEPTH}", "-w22", *(["-l"] if search.cycles else [])])
    return read(output, used() - began)


def call(folder, command, product=None):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if product and not (pathlib.Path(folder) / product).exists():
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}")
    return done.stdout


def used():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def read(output, seconds):
    end = re.search(r"depth reached (\d+), errors: (\d+)", output)
    states = re.search(r"(\d+) states, stored", output)
    if not end or not states:
        raise RuntimeError(f"spin's search said nothing\n{output[-2000:]}")
    return Result(int(end[2]), int(states[1]), int(end[1]), seconds, output)


def fault(search, result):
    """Why the result is not what it has to be, or ''."""
    if "max search depth too small" in result.output or "Search not completed" in result.output and not result.errors:
        return "the search is not whole: it came to a limit of depth or memory"
    if search.wrong:
        return "" if result.errors else "it found nothing wrong with a protocol that is"
    return f"it found an error\n{result.output[:2000]}" if result.errors else ""
