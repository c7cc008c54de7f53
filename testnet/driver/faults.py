"""What is done to a running flock: nodes killed, started again, stopped; links cut and healed. Nodes are named by their
index."""
import shutil


class Faults:
    def __init__(self, program, nodes, network, arguments=()):
        self.program, self.nodes, self.network = program, nodes, network
        self.arguments = arguments  # of every node
        self.running = {}  # node → its process, the last one
        self.killed = set()  # nodes that were killed and not started again

    def start_all(self, only=None):
        """All nodes, or some; each joins the first."""
        first, *others = range(len(self.nodes)) if only is None else only
        self._start(first, [])
        for index in others:
            self._start(index, [self.nodes[first]])

    def start(self, index):
        """Once more, as its operator would: it is told of all others, since the first may be gone as well."""
        self.kill(index)
        node = self.nodes[index]
        self.killed.discard(node)
        self._start(index, [other for other in self.nodes if other is not node])

    def start_bare(self, index):
        """Without its disk: only kit and record are left."""
        self.kill(index)
        folder = self.nodes[index].kit.folder
        for name in ("models", "state"):
            shutil.rmtree(folder / name, ignore_errors=True)
        self.start(index)

    def _start(self, index, known):
        node = self.nodes[index]
        joins = [word for other in known for word in ("--join", other.kit.address)]
        self.running[node] = node.start(self.program, *joins, *self.arguments)

    def process(self, index):
        return self.running[self.nodes[index]]

    def kill(self, index):
        """SIGKILL."""
        self.killed.add(self.nodes[index])
        self.process(index).kill()

    def stop(self, index):
        """SIGSTOP: a suspended machine."""
        self.process(index).freeze()

    def go_on(self, index):
        self.process(index).thaw()
