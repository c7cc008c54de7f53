"""accuracy.svg: accuracy a round, a line for all nodes where they hold the same model, else one a node; each node's
accuracy alone as a dashed level. gnuplot draws it from accuracy.tsv, which stays beside it."""
import subprocess

COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#e08e0b", "#6a4c93", "#008b8b", "#8c564b", "#7f7f7f")

SCRIPT = """\
set terminal svg size 860,480 dynamic font "sans-serif,14" background "white"
set output "accuracy.svg"
set datafile separator tab
set datafile missing "?"
set title "Accuracy on the common test set: {nodes} nodes together, and each alone (dashed)"
set xlabel "round"
set ylabel "accuracy, %"
set xrange [1:{last}]
set xtics {step}
set offsets graph 0, 0, 0.05, 0.05
set key outside right
set grid lc rgb "#dddddd"
plot {plots}
"""


def write_data(path, nodes, rounds):
    def cell(value):
        return "?" if value is None else f"{100 * value:.3f}"

    lines = ["round\t" + "\t".join(node.name for node in nodes)]
    for number in rounds:
        accuracies = [node.flock.evaluations.get(number, (None,))[0] for node in nodes]
        lines.append(f"{number}\t" + "\t".join(map(cell, accuracies)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def plots(nodes):
    first, *others = (node.flock.evaluations for node in nodes)
    one_line = bool(others) and all(each == first for each in others)
    if one_line:
        yield flock_line(0, "black", f"all {len(nodes)} nodes")
    for index, node in enumerate(nodes):
        colour = COLOURS[index % len(COLOURS)]
        if not one_line:
            yield flock_line(index, colour, node.name)
        if node.alone.accuracy is not None:
            title = f'title "{node.name} alone"' if one_line else "notitle"
            yield f'{100 * node.alone.accuracy:.3f} with lines dt 2 lw 1.5 lc rgb "{colour}" {title}'


def flock_line(index, colour, title):
    return f'"accuracy.tsv" using 1:{index + 2} skip 1 with linespoints pt 7 ps 0.4 lw 2 lc rgb "{colour}" ' \
           f'title "{title}"'


def draw(folder, nodes):
    """Returns what went wrong in one line, or None."""
    rounds = sorted({number for node in nodes for number in node.flock.evaluations})
    if not rounds:
        return "no picture: no node was evaluated"
    write_data(folder / "accuracy.tsv", nodes, rounds)
    last = max(rounds[-1], 2)
    script = SCRIPT.format(nodes=len(nodes), last=last, step=-(-last // 20), plots=", \\\n     ".join(plots(nodes)))
    (folder / "accuracy.gnuplot").write_text(script, encoding="utf-8")
    try:
        result = subprocess.run(["gnuplot", "accuracy.gnuplot"], cwd=folder, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return "no picture: gnuplot is not installed"
    return None if result.returncode == 0 else f"no picture: {result.stderr.strip()}"
