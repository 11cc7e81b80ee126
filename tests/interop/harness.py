"""Starts processes and knows where things are. Everything listens on loopback, on ports of its own."""
import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CLIPS = ROOT / "crates/mock-camera/clips"
PEERS = HERE / "peers"
TOOLS = Path(os.environ["THROUGHLINE_PEERS"])  # where .ci/install put the peers it built
BINARY = Path(os.environ["THROUGHLINE_BIN"])
FEEDER = BINARY.parent / "encoder_feeder"
EXAMPLE = BINARY.parent / "examples/rtsp_h264_passthrough"


# Below those that the system gives to clients, one of which might take the port of a server that has not begun to listen.
# Some apart, for what a server opens beside its port.
FIRST_PORT, PORTS_OF_A_WORKER, APART, WORKERS = 10_000, 3000, 8, 7
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
candidates = itertools.count(os.getpid())


def free_port(kind=socket.SOCK_STREAM, address="127.0.0.1"):
    """No other worker gives it out, and this one not soon again."""
    while True:
        port = FIRST_PORT + WORKER * PORTS_OF_A_WORKER + next(candidates) * APART % PORTS_OF_A_WORKER
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as s:
            s.bind((address, port))
            return port


class Process:
    """A child whose output is kept, line by line. `namespace`: its network's."""

    def __init__(self, *command, env=None, namespace=None):
        if namespace:
            command = ("ip", "netns", "exec", namespace, *command)
        self.lines, self.arrived = [], threading.Condition()
        self.child = subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.arrived:
                self.lines.append(line.rstrip("\n"))
                self.arrived.notify_all()
        with self.arrived:
            self.arrived.notify_all()

    @property
    def output(self):
        with self.arrived:
            return "\n".join(self.lines)

    def expect(self, pattern, seconds=15, start=0):
        """Waits for a line that matches, from line `start` on; fails with the whole output."""
        deadline, seen = time.monotonic() + seconds, start
        with self.arrived:
            while True:
                for line in self.lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = max(seen, len(self.lines))
                left = deadline - time.monotonic()
                if left <= 0 or (self.child.poll() is not None and not self.reader.is_alive()):
                    break
                self.arrived.wait(min(left, 0.2))
        raise AssertionError(f"no line matching {pattern!r} within {seconds} s in:\n{self.output}")

    def expect_one_trouble(self):
        """Why a command ended is one line, behind whatever it found out; returns it."""
        said = [line for line in self.lines if line.startswith("throughline: ")]
        assert said == self.lines[-1:], self.output
        return said[0]

    def wait(self, seconds):
        code = self.child.wait(seconds)
        self.reader.join(5)
        return code

    def stop(self, how=signal.SIGTERM, seconds=10):
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.wait(seconds)
            raise AssertionError(f"did not end within {seconds} s of {how!r}:\n{self.output}") from None


@contextlib.contextmanager
def running(process):
    try:
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
        process.wait(10)


def throughline(*arguments, env=None, server=None, room=None, namespace=None):
    environment = {"RUST_BACKTRACE": "0", **(server.environment(room) if server else {}), **(env or {})}
    return Process(BINARY, *arguments, env=environment, namespace=namespace)
