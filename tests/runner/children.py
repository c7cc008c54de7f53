"""The processes that the runner starts, each with a session of its own. They end with the runner when it is stopped."""
import os
import signal
import subprocess

_running = set()


def run(command, timeout=None, **options):
    """Exit code and output of a command; the code is None where it was killed because it took longer than `timeout`, in
    seconds."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
                          **options) as child:
        _running.add(child.pid)
        try:
            return _wait(child, timeout)
        finally:
            _running.discard(child.pid)


def _wait(child, timeout):
    try:
        output, _ = child.communicate(timeout=timeout)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]


def _handle_stop(number, _frame):
    for pid in list(_running):
        try:
            os.killpg(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    print("stopped: the tests did not come to their end", flush=True)
    os._exit(128 + number)  # not sys.exit: the threads that wait for those processes have more to start


def stop_with_runner():
    """From now on Ctrl-C and its like end the runner and all that it has started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handle_stop)
