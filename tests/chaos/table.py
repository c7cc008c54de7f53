"""The table of docs/reliability.md, between its two marks."""
import platform
import subprocess
import time

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def commit(root):
    result = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{len(models)} × {models[0] if models else platform.machine()}, Linux {platform.release()}"


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def rows(results):
    yield "| scenario | fault, while nodes train Fashion-MNIST | wanted | outcome | measured |"
    yield "|---|---|---|---|---|"
    for one, case, figures in results:
        reason = case.detail.strip().splitlines()[0] if case.detail.strip() else ""
        measured = "; ".join(figures + ([reason] if reason else []))
        yield f"| `{one.name}` | {cell(one.fault)} | {cell(one.wanted)} | {case.outcome} | {cell(measured)} |"


def write(root, options, results):
    path = root / "docs" / "reliability.md"
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    form = "short form" if options.short else "full form"
    head = f"Commit {commit(root)}, {time.strftime('%Y-%m-%d')}, {machine()}, {form}, seed {options.seed}:"
    path.write_text("\n".join([f"{before}{BEGIN}", "", head, "", *rows(results), "", f"{END}{after}"]), encoding="utf-8")
