"""What README, the pages of docs/ and the man pages tell their readers to type."""
import os
import re

import support


def blocks(name, section=None):
    """The code blocks of a page (of one section), each a list of commands. Indented blocks and fenced ones."""
    text = (support.ROOT / name).read_text(encoding="utf-8")
    if section is not None:
        start = text.index(f"## {section}\n")
        end = text.find("\n## ", start)
        text = text[start:end if end >= 0 else len(text)]
    found, current, fenced = [], [], False
    for line in [*text.splitlines(), ""]:
        fence = line.startswith("```")
        if (line.startswith("    ") or fenced) and not fence and line.strip():
            current.append(re.sub(r"\s{2,}#.*", "", line.strip()))
        elif current and (fence or not fenced):
            found.append(current)
            current = []
        if fence:
            fenced = not fenced
    return found


def commands(name, section=None):
    return [command for block in blocks(name, section) for command in block]


def examples(page):
    """The commands of a man page's section EXAMPLES."""
    text = (support.ROOT / "docs/man" / page).read_text(encoding="utf-8")
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^(?:\.Dl )?(starling .*)$", section[1], re.MULTILINE) if section else []


def in_passing(name):
    """The programs of this tree that a page names with options between its lines or in its tables, where the first cell of a
    row may have the options alone, for the program that was named last: pairs of (program, options)."""
    text = (support.ROOT / name).read_text(encoding="utf-8")
    found, last = [], None
    for said in re.findall(r"`([^`\n]+)`", text):
        program, *options = said.removeprefix("./").split()
        if program.startswith("--") and f"\n| `{said}`" in text:
            found.append((last, [program, *options]))
        elif (support.ROOT / program).is_file() and os.access(support.ROOT / program, os.X_OK):
            last = program
            found.append((program, options))
    return found
