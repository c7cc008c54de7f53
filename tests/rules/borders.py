"""Who may include whom, by borders.txt."""
import dataclasses
import fnmatch
import pathlib
import re

import tree

INCLUDE = re.compile(r'\s*#\s*include\s+(?:<([^>]+)>|"([^"]+)")')
DEPENDENCY = re.compile(r"\b(\w+)_layer\b")


@dataclasses.dataclass
class Rule:
    layers: set
    headers: list
    once: list


@dataclasses.dataclass
class Borders:
    rules: dict
    libc: list


def read(path):
    borders = Borders({}, [])
    for line in tree.text(path).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        folder, row = line.split(":", 1)
        if folder == "libc":
            borders.libc = row.split()
            continue
        layers, headers = (part.split() for part in row.split("|"))
        unknown = set(layers) - set(borders.rules) - {"-"}
        if unknown:
            raise ValueError(f"{folder} names {', '.join(sorted(unknown))}, which is not a row above it")
        once = [header[5:] for header in headers if header.startswith("once:")]
        borders.rules[folder] = Rule(set() if layers == ["-"] else {*layers, folder, "base"},
                                     [header for header in headers if not header.startswith("once:")] + once, once)
    return borders


def matches(header, patterns):
    return any(fnmatch.fnmatchcase(header, pattern) for pattern in patterns)


def refused(borders, rule, path, angled, quoted):
    """Why this file may not include this header; None when it may."""
    if angled:
        if angled.startswith("starling/") or matches(angled, borders.libc) or matches(angled, rule.headers):
            return None
        return f"<{angled}> is no header that this layer may include"
    if quoted.endswith(".pb-c.h"):
        ok = matches(quoted, rule.headers) and path.suffix == ".c"
        return None if ok else "generated protobuf headers belong into src/wire/*.c alone"
    if "/" not in quoted:
        return None if (path.parent / quoted).exists() else f'"{quoted}" is not beside this file'
    layer = pathlib.PurePath(quoted).parts[0]
    return None if layer in rule.layers else f'"{quoted}": this layer may not include {layer}'


def includes(path):
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def check_once(root, folder, rule):
    for header in rule.once:
        users = [path for path in tree.files(root, folder, suffixes=(".c", ".h"))
                 if any(angled == header for _, angled, _ in includes(path))]
        if len(users) > 1:
            yield f"{folder}: <{header}> belongs into one file: {', '.join(path.name for path in users)}"


def check_folder(root, borders, folder, rule):
    for path in tree.files(root, folder, suffixes=(".c", ".h")):
        for number, angled, quoted in includes(path):
            why = refused(borders, rule, path, angled, quoted)
            if why:
                yield f"{tree.place(root, path, number)}: {why}"
    yield from check_once(root, folder, rule)


def check_links(root, folder, rule):
    """What Meson links must be in the row too: an archive of a layer above would be linked silently."""
    build = root / "src" / folder / "meson.build"
    if build.exists():
        for layer in sorted(set(DEPENDENCY.findall(tree.text(build))) - rule.layers):
            yield f"{build.relative_to(root)}: links {layer}"


def check(root, borders):
    problems = []
    for folder in sorted(path.name for path in (root / "src").iterdir() if path.is_dir()):
        rule = borders.rules.get(folder)
        if rule is None:
            problems.append(f"src/{folder}: borders.txt has no row for it")
            continue
        problems += check_folder(root, borders, pathlib.Path("src", folder), rule)
        problems += check_links(root, folder, rule)
    public = Rule(set(), [], [])
    problems += check_folder(root, borders, pathlib.Path("include", "starling"), public)
    return problems
