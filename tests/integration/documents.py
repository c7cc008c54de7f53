"""What README and the pages of docs/ tell their readers to type."""
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
