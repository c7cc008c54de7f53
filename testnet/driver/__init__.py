"""The driver of the test network, in the order of its use:

options    what was asked for
network    where the nodes' addresses are: loopback, or a network namespace each
links      loss, delay and rate of a node's link
kits       authority, kits, settings files
script     what happens when
faults     how: nodes killed, started, stopped, links cut
processes  node processes: started, watched, stopped
record     what the nodes write down, the one source of every figure shown
screen     the live table, or a line a round
result     the comparison at the end, summary.json
plot       accuracy.svg
"""
