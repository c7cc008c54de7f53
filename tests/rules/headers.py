"""Headers that need nothing included before them."""
import shutil
import subprocess

import tree

C = ("-x", "c", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
CXX = ("-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Werror")


def cxx_compiler():
    return shutil.which("g++")


def public(root):
    return tree.files(root, "include/starling", suffixes=(".h",))


def private(root):
    return tree.files(root, "src", suffixes=(".h",))


def check(root, compiler, language, headers, folders):
    """`folders`: where #include looks. The header is included twice: its guard is part of it."""
    problems = []
    for header in headers:
        source = f'#include "{header}"\n#include "{header}"\nextern int not_empty;\n'
        result = subprocess.run([compiler, *language, *(f"-I{root / folder}" for folder in folders), "-fsyntax-only",
                                 "-"], input=source, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            problems.append(f"{header.relative_to(root)} does not compile alone:\n{result.stderr}")
    return problems
