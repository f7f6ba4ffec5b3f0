"""Stand for a command that `fork_server.py` runs: pass on what it starts with, then signals, and end as it does."""

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    """Return the command's exit code; where it is refused, become the command."""
    path, *arguments = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        request = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode() + b"\n"  # noqa: PTH109 - pathlib is slow to import
        socket.send_fds(server, [request], [0, 1, 2])
        answers = server.makefile()
        pid = int(answers.readline())
        if pid == -1:
            os.execv(sys.executable, [sys.executable, "-m", "midday_worker", *arguments])  # noqa: S606 - it is no shell
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: os.kill(pid, number))
        return int(answers.readline())


if __name__ == "__main__":
    code = main()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)
