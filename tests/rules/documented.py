"""Every setting in the reference page, every event of the record in its page."""
import json
import re

import tree


def keys(schema, prefix=""):
    """The dotted names of all settings of a JSON schema."""
    for name, value in schema.get("properties", {}).items():
        if "properties" in value:
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def check_settings(schema_text, page):
    names = list(keys(json.loads(schema_text)))
    if not names:
        return ["the schema has no settings"]
    return [f"{name} is not in the reference" for name in names if f"`{name}`" not in page]


EVENT = re.compile(r'sl_record_(?:event|write)\(\s*[^,()]+(?:\([^()]*\))?,\s*"(\w+)"')


def check_events(root, page):
    """Events that code writes and the page does not know."""
    problems = []
    for path in tree.files(root, "src", suffixes=(".c",)):
        problems += [f"{path.relative_to(root)}: event {name} is not documented"
                     for name in EVENT.findall(tree.text(path)) if f"| `{name}` |" not in page]
    return problems


ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \|", re.MULTILINE)
FILE = re.compile(r"`([a-z]+/[a-z_]+\.[ch])`")


def check_architecture(root, rules, page):
    """The page's table says what borders.txt does, and the files that it names exist. Rows that name the others as a
    whole ("all above") are left to the reader."""
    problems = []
    rows = dict(ROW.findall(page))
    for folder, rule in rules.items():
        said = set(rows.get(folder, "none").replace("\u2013", "").split())
        if not said & {"all", "public"} and said != rule.layers - {folder, "base"}:
            problems.append(f"{folder}: the page says {sorted(said)}")
    problems += [f"src/{name} is not there" for name in FILE.findall(page) if not (root / "src" / name).exists()]
    return problems
