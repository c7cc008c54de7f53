"""The driver of the test network, in the order of its use:

options    what was asked for
kits       authority, kits, settings files
processes  node processes: started, watched, stopped
record     what the nodes write down, the one source of every figure shown
screen     the live table, or a line a round
result     the comparison at the end, summary.json
plot       accuracy.svg
"""
