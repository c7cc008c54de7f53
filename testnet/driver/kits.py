"""What the nodes start from: one authority, a kit a node, and in each kit two settings files, the flock's and alone's."""
import json
import os
import socket
import subprocess

FLOCK = "testnet"


class Failure(Exception):
    """Ends the run: one message, one exit code."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


class Kit:
    """A node's folder in the run folder."""

    def __init__(self, folder, name, host, port, enter):
        self.name = name
        self.folder = folder / name
        self.enter = enter  # what a command begins with that runs where the address is
        self.host = host
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def settings(self):
        return self.folder / "settings.json"

    @property
    def settings_alone(self):
        return self.folder / "alone.json"


def merge(base, extra):
    """`extra` over `base`, object by object; whatever is not an object is replaced."""
    result = dict(base)
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result


def make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Failure(f"{folder} is not empty: name another --run-dir", os.EX_CANTCREAT)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as problem:
        raise Failure(f"cannot use {folder} as run folder: {problem.strerror}", os.EX_CANTCREAT) from None


def call(options, *arguments):
    """One call of the program that has to succeed."""
    try:
        result = subprocess.run([options.program, *arguments], cwd=options.run_dir, capture_output=True, text=True,
                                errors="replace", stdin=subprocess.DEVNULL, check=False)
    except OSError as problem:
        raise Failure(f"cannot run {options.program}: {problem.strerror}", os.EX_UNAVAILABLE) from None
    if result.returncode != 0:
        raise Failure(f"starling {' '.join(arguments[:2])} failed:\n{result.stderr.strip()}",
                      result.returncode if result.returncode > 0 else os.EX_SOFTWARE)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def free_ports(hosts):
    """A free port for each host; all are held until the last is found, so that no two are the same."""
    held = []
    try:
        for host in hosts:
            held.append(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            held[-1].bind((host, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def node_settings(options, kit, index):
    """What this run changes in the settings that the kit came with."""
    return {
        "flock": {"run": options.run, "start_nodes": options.nodes, "seed": options.seed},
        "transport": {"listen": [kit.address], "advertise": [kit.address]},
        "overlay": {"topology": options.topology},
        "round": {"rounds": options.rounds},
        "learner": {"trainer": {"mlp": "mlp", "cnn": "lenet5"}[options.model], "threads": 1},
        "data": {"partition": options.partition, "part": index, "parts": options.nodes, "seed": options.seed},
        "record": {"file": "record.jsonl"},
        "model": {"folder": "models"},
    }


def alone_settings(settings):
    """The same steps on the same data without peers. Rounds that only average have no steps."""
    round_settings = settings.get("round", {})
    steps = round_settings["rounds"] - round_settings.get("averaging_rounds", 0)
    return merge(settings, {
        "flock": {"start_nodes": 1},
        "membership": {"join": []},
        "overlay": {"topology": "full"},
        "round": {"rounds": steps, "averaging_rounds": 0, "min_peers_to_start": 0, "min_peers_per_round": 0},
        "learner": {"evaluate_every": 0},
        "node": {"state_folder": "alone/state", "journal": "none"},
        "record": {"file": "alone/record.jsonl"},
        "model": {"folder": "alone/models", "save_every": 0},
    })


def write_settings(options, kit, index):
    with open(kit.settings, encoding="utf-8") as file:
        settings = json.load(file)
    settings = merge(merge(settings, node_settings(options, kit, index)), options.settings)
    (kit.folder / "alone").mkdir()
    for path, value in ((kit.settings, settings), (kit.settings_alone, alone_settings(settings))):
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        call(options, "settings", "check", str(path))


def names_of(count):
    digits = len(str(count))
    return [f"node-{index + 1:0{digits}}" for index in range(count)]


def make(options, network):
    """The run folder with its authority and one kit a node."""
    call(options, "ca", "init", FLOCK)
    names = names_of(options.nodes)
    for host in dict.fromkeys(host for host, _ in network.places):
        of_host = [name for name, place in zip(names, network.places) if place[0] == host]
        call(options, "ca", "issue", "--ca", FLOCK, *of_host, "--host", host)
    kits = [Kit(options.run_dir, name, host, port, network.enter(index))
            for index, (name, (host, port)) in enumerate(zip(names, network.places))]
    for index, kit in enumerate(kits):
        write_settings(options, kit, index)
    return kits
