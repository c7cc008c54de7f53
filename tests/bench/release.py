"""The build that benchmarks measure: build/bench, release, made or brought up to date when it is asked for."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def build(*targets, more=()):
    """Builds the targets, packages included (of these sections of testnet/packages.txt besides), and returns the build
    folder. Says what it does on standard error."""
    folder = TOP / "build" / "bench"
    quiet = {"check": True, "stdout": subprocess.PIPE, "text": True}
    try:
        subprocess.run([TOP / "testnet" / "setup", "run", "tests", *more], **quiet)
        if not (folder / "build.ninja").exists():
            subprocess.run(["meson", "setup", folder, TOP, "--buildtype", "release"], **quiet)
        print(f"building {folder}", file=sys.stderr)
        subprocess.run(["ninja", "-C", folder, "--quiet", *targets], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stdout or ''}{error.cmd[0]} failed with {error.returncode}")
    return folder
