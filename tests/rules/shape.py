"""Sizes of files and functions, format, paths that belong to one machine, shell scripts."""
import re
import shutil
import subprocess

import tree

FUNCTION_MAX = 60
FILE_MAX = 600
FORMATTER = 14
# Somebody's home or workplace. A pattern, so that it does not find itself here.
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:home|root|work|Users)/\w")


def functions(path):
    """(line, name, length) of each function of a file in the project's format: its head starts in the first column and
    so does its closing brace."""
    start = head = None
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if start is None and re.match(r"[A-Za-z_].*\(", line) and not line.rstrip().endswith(";"):
            start, head = number, line
        elif start is not None and line.startswith("}"):
            name = re.search(r"(\w+)\(", head)
            yield start, name[1], number - start + 1
            start = None
        elif start is not None and line.endswith(";") and not line.startswith(" "):
            start = None


def check_sizes(root):
    problems = []
    for path in tree.code(root):
        length = len(tree.text(path).splitlines())
        if length > FILE_MAX:
            problems.append(f"{path.relative_to(root)}: {length} lines, at most {FILE_MAX}")
        problems += [f"{tree.place(root, path, line)}: {name} has {size} lines, at most {FUNCTION_MAX}"
                     for line, name, size in functions(path) if size > FUNCTION_MAX]
    return problems


def formatter_version():
    """None where there is no clang-format."""
    if not shutil.which("clang-format"):
        return None
    text = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"version (\d+)", text)[1])


def check_format(root, style):
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", f"--style=file:{style}",
                             *map(str, tree.code(root))], capture_output=True, text=True, check=False)
    wrong = sorted({line.split(":")[0] for line in result.stderr.splitlines() if ": error:" in line})
    if result.returncode != 0 and not wrong:
        return [result.stderr]
    return [f"{path}: not as clang-format writes it" for path in wrong]


def check_paths(root):
    problems = []
    for path in tree.files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # not a text
        problems += [f"{tree.place(root, path, number)}: a path of one machine: {line.strip()}"
                     for number, line in enumerate(lines, 1) if MACHINE_PATH.search(line) or str(tree.ROOT) in line]
    return problems


def scripts(root):
    found = []
    for path in tree.files(root):
        with open(path, "rb") as file:
            if re.match(rb"#!.*/(?:ba)?sh\b", file.readline(80)):
                found.append(path)
    return found


def check_scripts(root):
    found = scripts(root)
    if not found:
        return []
    result = subprocess.run(["shellcheck", "--format=gcc", *map(str, found)], capture_output=True, text=True,
                            check=False)
    return result.stdout.splitlines()
