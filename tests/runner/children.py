"""The processes that the runner starts, each with a session of its own. They end with the runner when it is stopped."""
import os
import signal
import subprocess
import threading

_running, _starting = set(), set()  # process ids; threads
_stopped_by = []


def run(command, timeout=None, **options):
    """Exit code and output of a command; the code is None where it was killed because it took longer than `timeout`, in
    seconds."""
    with _start(command, **options) as child:
        try:
            if _stopped_by:
                _stop()
            return _wait(child, timeout)
        finally:
            _running.discard(child.pid)


def _start(command, **options):
    _starting.add(threading.get_ident())
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
                                 **options)
        _running.add(child.pid)
        return child
    finally:
        _starting.discard(threading.get_ident())


def _wait(child, timeout):
    try:
        output, _ = child.communicate(timeout=timeout)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]


def _stop():
    for pid in list(_running):
        try:
            os.killpg(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    if _starting:
        return  # whoever starts one comes here when its number is known
    print("stopped: the tests did not come to their end", flush=True)
    os._exit(128 + _stopped_by[0])  # not sys.exit: the threads that wait for those processes have more to start


def _handle_stop(number, _frame):
    _stopped_by.append(number)
    _stop()


def stop_with_runner():
    """From now on Ctrl-C and its like end the runner and all that it has started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handle_stop)
