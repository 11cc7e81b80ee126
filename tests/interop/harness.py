"""Starts the real peers and our release binary, and compares streams. Everything listens on loopback, on ports of its own."""
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from pathlib import Path

from livekit import api

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CLIPS = ROOT / "crates/mock-camera/clips"
PEERS = HERE / "peers"
TOOLS = Path(os.environ["THROUGHLINE_PEERS"])  # where .ci/install put the peers it built
BINARY = Path(os.environ["THROUGHLINE_BIN"])
FEEDER = BINARY.parent / "encoder_feeder"
EXAMPLE = BINARY.parent / "examples/rtsp_h264_passthrough"
SCREENSHOTS = Path(os.environ.get("THROUGHLINE_SCREENSHOTS", ROOT / "target/screenshots"))
API_KEY, API_SECRET = "devkey", "an-api-secret-for-tests-on-loopback"
FRAME_RATE, CLIP_PICTURES = 30, 300
USER, PASSWORD = "viewer", "p@ss:w/rd#1"


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child whose output is kept, line by line."""

    def __init__(self, *command, env=None):
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


class GStreamerCamera:
    name, digests = "gstreamer", "digest"

    def __init__(self, clip="high", transport="both", auth="none", port=None):
        self.port = port or free_port()
        self.auth = auth
        self.process = Process(
            "/usr/bin/python3", PEERS / "gst_camera.py", "--file", CLIPS / f"{clip}.h264", "--port", self.port,
            "--fps", FRAME_RATE, "--proto", transport, "--auth", auth, "--user", USER, "--password", PASSWORD)
        self.process.expect("READY", 20)


class GortsplibCamera:
    name, digests = "gortsplib", "sha256"

    def __init__(self, clip="high", transport="both", auth="none", port=None):
        self.port = port or free_port()
        self.auth = auth
        extra = [] if transport == "tcp" else ["-udp"]
        if auth != "none":
            extra += ["-auth", auth, "-user", USER, "-password", PASSWORD]
        self.process = Process(TOOLS / "gortsplib-camera", "-file", CLIPS / f"{clip}.h264", "-addr",
                               f"127.0.0.1:{self.port}", "-fps", FRAME_RATE, *extra)
        self.process.expect("READY", 20)


@contextlib.contextmanager
def camera(kind=GStreamerCamera, **options):
    made = kind(**options)
    with running(made.process):
        yield made


def camera_url(made):
    return f"rtsp://127.0.0.1:{made.port}/cam"


def camera_environment(made):
    if made.auth == "none":
        return {}
    return {"RTSP_USERNAME": USER, "RTSP_PASSWORD": PASSWORD}


class LiveKitServer:
    """A livekit-server of its own; `tcp_only` refuses media over UDP."""

    def __init__(self, folder, tcp_only=False):
        self.port, self.tcp_only = free_port(), tcp_only
        rtc = [f"  tcp_port: {free_port()}"]
        self.udp_port = None if tcp_only else free_port(socket.SOCK_DGRAM)
        rtc += ["  force_tcp: true"] if tcp_only else [f"  udp_port: {self.udp_port}"]
        self.config = Path(folder) / f"livekit-{uuid.uuid4().hex[:8]}.yaml"
        self.config.write_text("\n".join([
            f"port: {self.port}", 'bind_addresses: ["127.0.0.1"]', "log_level: info", "keys:", f"  {API_KEY}: {API_SECRET}",
            "rtc:", *rtc, "  use_external_ip: false", '  stun_servers: ["127.0.0.1:3478"]', "  node_ip: 127.0.0.1",
            "  enable_loopback_candidate: true", "  interfaces:", "    includes: [lo]", "  ips:",
            '    includes: ["127.0.0.1/32"]', ""]))
        self.url, self.http = f"ws://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = Process(TOOLS / "livekit-server", "--config", self.config)
        deadline = time.monotonic() + 15
        while True:
            try:
                urllib.request.urlopen(self.http, timeout=1).read()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.child.poll() is not None:
                    raise AssertionError(f"livekit-server does not answer:\n{self.process.output}") from None
                time.sleep(0.05)

    def kill(self):
        self.process.child.kill()
        self.process.wait(10)

    def environment(self, room):
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": API_KEY, "LIVEKIT_API_SECRET": API_SECRET, "LIVEKIT_ROOM": room}

    def viewer_token(self, room):
        grants = api.VideoGrants(room_join=True, room=room, can_publish=False, can_subscribe=True)
        return (api.AccessToken(API_KEY, API_SECRET).with_identity(f"viewer-{uuid.uuid4().hex[:8]}")
                .with_grants(grants).to_jwt())

    def publishers(self, room):
        """Identities in the room, but for viewers: the SDK's may end without a word, and the server keeps them for a while."""
        async def ask():
            async with api.LiveKitAPI(self.http, API_KEY, API_SECRET) as lk:
                answer = await lk.room.list_participants(api.ListParticipantsRequest(room=room))
                return [p.identity for p in answer.participants if not p.identity.startswith("viewer-")]
        return asyncio.run(ask())


@contextlib.contextmanager
def udp_blocked(port, verdict):
    """Nothing passes to or from that UDP port of this machine. `verdict`: drop, or reject as a closed port would."""
    table = f"throughline_{port}"
    rules = (f"table inet {table} {{ chain out {{ type filter hook output priority 0; "
             f"udp dport {port} {verdict}; udp sport {port} {verdict}; }}; }}\n")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)


class TcpProxy:
    """Stands between a client and a TCP port, and can cut what runs through it."""

    def __init__(self, port):
        self.target, self.sockets = ("127.0.0.1", port), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            self.sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self):
        """Ends all connections; returns how many there were. New ones are taken as before."""
        cut, self.sockets = self.sockets, []
        for s in cut:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        return len(cut) // 2


def throughline(*arguments, env=None, server=None, room=None):
    environment = {"RUST_BACKTRACE": "0", **(server.environment(room) if server else {}), **(env or {})}
    return Process(BINARY, *arguments, env=environment)


def new_room():
    return f"room-{uuid.uuid4().hex[:8]}"


class Subscriber:
    """LiveKit's Python SDK, decoding, in a process of its own (it may abort while it ends)."""

    def __init__(self, server, room, duration=10, patience=30):
        self.limit = duration + patience + 30
        self.process = Process(sys.executable, PEERS / "subscriber.py", "--url", server.url, "--token",
                               server.viewer_token(room), "--duration", duration, "--patience", patience)

    def result(self):
        with running(self.process):
            match = self.process.expect(r'^\{.*"pictures".*\}$', self.limit)
        return json.loads(match.group(0))


def browse(*arguments):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    # The script's modules are where .ci/install put them, which is not beside the script.
    script = TOOLS / "node/browser.mjs"
    with running(Process("node", script, *arguments)) as process:
        match = process.expect(r'^\{"errors".*\}$', 90)
    return json.loads(match.group(0))


def expect_in_order(counters):
    """Each picture is a later one than that before it, by the counter that is drawn into it."""
    steps = [(b - a) % CLIP_PICTURES for a, b in zip(counters, counters[1:])]
    backward = [i for i, step in enumerate(steps) if step == 0 or step > CLIP_PICTURES // 2]
    assert not backward, f"out of order at {backward[:5]}: {[counters[i:i + 3] for i in backward[:5]]}"


def expect_a_smooth_picture(seen, seconds=10):
    assert seen["pictures"] >= 0.95 * FRAME_RATE * seconds, {**seen, "counters": "..", "clock": ".."}
    assert seen["sizes"] == [[640, 360]]
    expect_in_order(seen["counters"])


def nal_units(annex_b):
    units = [u.rstrip(b"\0") for u in annex_b.split(b"\0\0\1")]
    return [u for u in units if u]


def pictures_of(annex_b):
    """NAL units without parameter sets and delimiters, which peers add, drop and repeat."""
    return [u for u in nal_units(annex_b) if u[0] & 31 not in (7, 8, 9)]


def expect_part_of_loop(received, source):
    """What came is an unbroken run of what the camera plays in a loop, byte for byte. Returns the number of NAL units compared."""
    got, loop = pictures_of(received), pictures_of(source)
    assert got, "nothing was received"
    assert got[0] in loop, "the first NAL unit is none of the source's"
    at = loop.index(got[0])
    for i, unit in enumerate(got):
        assert unit == loop[(at + i) % len(loop)], f"NAL unit {i} of {len(got)} differs from the source's {(at + i) % len(loop)}"
    return len(got)
