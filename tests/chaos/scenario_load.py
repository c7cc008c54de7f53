"""Strangers, and resources that run out."""
import contextlib
import os
import pathlib
import resource
import subprocess
import sys

from scenario import Skip, check, scenario

NODES = 4
# Holds N connections to a node open and says a byte on each now and then.
SLOWLORIS = """
import resource, socket, sys, time
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
held, opened = [], 0
print("ready", flush=True)
while True:
    while len(held) < count:
        one = socket.socket()
        one.settimeout(1)
        try:
            one.connect((host, port))
            one.send(b"\\x16")
        except OSError:
            one.close()
            break
        one.setblocking(False)
        held.append(one)
        opened += 1
    print(opened, len(held), flush=True)
    for one in list(held):
        try:
            one.send(b"\\x03")
        except OSError:
            held.remove(one)
            one.close()
    time.sleep(0.2)  # the pace of the attack: a byte each
"""


def next_rounds(flock, count, indices=None):
    """Each of them mixes that many rounds more, with all exchanges counted in the last one."""
    chosen = flock.living() if indices is None else indices
    flock.wait_round(max(flock.view(index).mixed for index in chosen) + count, chosen)


@scenario("slowloris", "a stranger holds 10,000 slow connections (or as many as limits let; short: 1000)", "the rounds go on")
def slowloris(context):
    count = 1000 if context.short else 10000
    with context.flock(400, nodes=NODES, only=range(3)) as flock:
        flock.wait_round(2)
        host, port = flock.network.places[0]
        log = flock.folder / "slowloris"
        with open(log, "wb") as output:
            child = subprocess.Popen([*flock.network.enter(3), sys.executable, "-c", SLOWLORIS, host, str(port), str(count)],
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        flock.stack.callback(child.wait)
        flock.stack.callback(child.kill)

        def opened():
            lines = log.read_text(encoding="utf-8").split("\n")
            return int(lines[-2].split()[0]) if len(lines) > 2 else 0
        flock.wait(lambda: opened() > 50, 60, "the stranger's connections")
        next_rounds(flock, 5)
        check(child.poll() is None, log.read_text(encoding="utf-8"))
        context.figure("connections opened", opened())
        flock.rounds_end_in_time()
        check(flock.view(1).last("mixed")["counted"] == 2, "the stranger kept an exchange from counting")


@scenario("emfile", "no descriptor left on one node for some rounds", "the rounds go on")
def emfile(context):
    with context.flock(400, nodes=NODES) as flock:
        flock.wait_round(2)
        pid = flock.faults.process(1).child.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
        next_rounds(flock, 5)
        flock.faults.kill(3)  # and what would reconnect cannot
        next_rounds(flock, 3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        flock.faults.start(3)
        flock.wait(lambda: (flock.view(1).last("mixed") or {}).get("counted") == 3, 60, "all exchanges of the node")
        flock.rounds_end_in_time([0, 1, 2])


def small_disk(flock, index, size):
    """The node's models are on a disk of that many bytes. In a mount namespace of our own, or not at all."""
    if "STARLING_CHAOS_MOUNTS" not in os.environ:
        raise Skip("no mount namespace to be had here: tests/chaos/run makes one where it may")
    folder = pathlib.Path(flock.nodes[index].kit.folder) / "models"
    flock.faults.kill(index)
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    flock.stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
    flock.faults.start(index)
    return folder


@scenario("disk-full", "the disk of one node's models is full for some rounds", "the rounds go on; it saves again later")
def disk_full(context):
    with context.flock(400, nodes=NODES, settings={"model": {"keep": 1}}) as flock:
        flock.wait_round(2)
        folder = small_disk(flock, 1, 16 << 20)
        flock.wait(lambda: len(flock.view(1).all("start")) > 1 and flock.view(1).last("mixed")["counted"] == 3, 60,
                   "the node's return")
        filler = folder / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        warned = len(flock.view(1).all("warning"))
        next_rounds(flock, 5)
        told = len(flock.view(1).all("warning")) - warned
        context.figure("warnings", told)
        check(told, "the full disk was not told in the record")
        filler.unlink()
        saved = len(flock.view(1).all("saved"))
        flock.wait(lambda: len(flock.view(1).all("saved")) > saved + 1, 60, "a model that is saved again")
        flock.rounds_end_in_time()
