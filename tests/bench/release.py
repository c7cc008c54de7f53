"""The build that benchmarks measure: build/bench, release, made or brought up to date when it is asked for."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def build(*targets):
    """Builds the targets, packages included, and returns the build folder. Says what it does on standard error."""
    folder = TOP / "build" / "bench"
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    try:
        subprocess.run([TOP / "testnet" / "setup", "run", "tests", "bench"], **quiet)
        if not (folder / "build.ninja").exists():
            subprocess.run(["meson", "setup", folder, TOP, "--buildtype", "release"], **quiet)
        print(f"building {folder}", file=sys.stderr)
        subprocess.run(["ninja", "-C", folder, "--quiet", *targets], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} failed with {error.returncode}; try it by hand to see why")
    return folder
