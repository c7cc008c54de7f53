"""The files of a source tree, and what the checks have in common."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT_OUT = {".git", "build", "__pycache__"}


def files(root, *folders, suffixes=None):
    """Files below root/folder, sorted; all of the tree when no folder is named."""
    found = []
    for folder in folders or ("",):
        for where, names, leaves in os.walk(root / folder):
            names[:] = [name for name in names if name not in LEFT_OUT]
            found += [pathlib.Path(where, leaf) for leaf in leaves if suffixes is None or leaf.endswith(suffixes)]
    return sorted(found)


def code(root):
    return files(root, "src", "include", "tests", suffixes=(".c", ".h"))


def text(path):
    return path.read_text(encoding="utf-8", errors="replace")


def place(root, path, line):
    return f"{path.relative_to(root)}:{line}"
