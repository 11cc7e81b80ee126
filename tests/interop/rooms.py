"""A LiveKit server, and who looks on: a decoding subscriber, and a browser."""
import asyncio
import json
import os
import socket
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from livekit import api

from cameras import FRAME_RATE
from harness import PEERS, ROOT, TOOLS, Process, free_port, running

SCREENSHOTS = Path(os.environ.get("THROUGHLINE_SCREENSHOTS", ROOT / "target/screenshots"))
API_KEY, API_SECRET = "devkey", "an-api-secret-for-tests-on-loopback"
CLIP_PICTURES = 300


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
