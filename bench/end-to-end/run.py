#!/usr/bin/env python3
"""The bridge end to end: cameras over RTSP/TCP -> bridge -> a real livekit-server, all on loopback and in real time.

    bench/end-to-end/run.py --clip hd.h264 BRIDGE [OTHER_BRIDGE ..]

BRIDGE is the example `many_cameras` (all cameras in one process), or the program `throughline` (a process a camera), built for
release. Several take turns, round by round, and are told apart by their paths. Cameras, server and viewer run on core 0, the
bridge on core 1. What is counted is the bridge alone: its CPU time, task switches and memory as the kernel tells them, over a
window that begins when all is settled. Of the example it is also seen what it sent: a round is whole if no pictures are
missing, and all packets of its last second reached the server.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PEERS = Path(os.environ.get("THROUGHLINE_PEERS", Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "throughline/peers"))
KEY, SECRET, ROOM = "devkey", "an-api-secret-for-tests-on-loopback", "bench"
FRAME_RATE = 30
TICKS = os.sysconf("SC_CLK_TCK")
COLUMNS = ["cpu_s_per_camera_minute", "user_share", "rss_mib_per_camera", "voluntary_switches_per_s", "involuntary_switches_per_s", "threads"]


def start(core, *command, env=None, out=subprocess.DEVNULL):
    return subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL, stdout=out,
                            stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})})


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def livekit(folder):
    port = free_port()
    config = Path(folder) / "livekit.yaml"
    config.write_text(f"""port: {port}
bind_addresses: ["127.0.0.1"]
log_level: error
keys: {{{KEY}: {SECRET}}}
rtc:
  tcp_port: {free_port()}
  udp_port: {free_port(socket.SOCK_DGRAM)}
  use_external_ip: false
  stun_servers: ["127.0.0.1:3478"]
  node_ip: 127.0.0.1
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
  ips: {{includes: ["127.0.0.1/32"]}}
""")
    server = start(0, PEERS / "livekit-server", "--config", config)
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=1).read()
            return server, {"LIVEKIT_URL": f"ws://127.0.0.1:{port}", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "LIVEKIT_ROOM": ROOM}
        except OSError:
            time.sleep(0.05)
    sys.exit(f"no livekit-server at {PEERS}: .ci/install brings it")


def viewer(env):
    """One subscriber of all cameras, without a decoder."""
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")  # noqa: E731
    claims = {"iss": KEY, "sub": "viewer", "exp": int(time.time()) + 3600, "video": {"roomJoin": True, "room": ROOM, "canSubscribe": True, "canPublish": False}}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    token = (signed + b"." + part(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest())).decode()
    return start(0, PEERS / "raw-subscriber", "-url", env["LIVEKIT_URL"], "-token", token, "-out", os.devnull, "-duration", "10m")


def cameras(count, clip):
    """Each a process of its own, out of step with the others, as cameras are."""
    made = []
    for number in range(count):
        port = free_port()
        child = start(0, PEERS / "gortsplib-camera", "-file", clip, "-addr", f"127.0.0.1:{port}", "-fps", FRAME_RATE, out=subprocess.PIPE)
        assert child.stdout.readline().startswith("READY")
        made.append((child, f"rtsp://127.0.0.1:{port}/cam"))
        time.sleep(number / count / FRAME_RATE)
    return made


def bridges(binary, urls, env):
    if Path(binary).name == "throughline":
        return [start(1, binary, url, env={**env, "LIVEKIT_IDENTITY": f"camera-{n}"}, out=subprocess.PIPE) for n, url in enumerate(urls, 1)]
    return [start(1, binary, *urls, env=env, out=subprocess.PIPE)]


class Figures:
    """Sums over the processes, threads included."""

    def __init__(self, pids):
        self.at, self.user, self.system, self.voluntary, self.involuntary, self.rss, self.threads = time.monotonic(), 0, 0, 0, 0, 0, 0
        for pid in pids:
            stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.user, self.system = self.user + int(stat[11]) / TICKS, self.system + int(stat[12]) / TICKS
            for task in Path(f"/proc/{pid}/task").iterdir():
                status = (task / "status").read_text()
                self.voluntary += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])
                self.involuntary += int(re.search(r"^nonvoluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])
                self.threads += 1
            self.rss += int(re.search(r"^VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1]) / 1024


def measure(binary, options):
    with tempfile.TemporaryDirectory() as folder:
        server, env = livekit(folder)
        made, running, watching, strace = cameras(options.cameras, options.clip), [], [], None
        try:
            running = bridges(binary, [url for _, url in made], env)
            pids = [child.pid for child in running]
            watching = [viewer(env)] if options.viewer else []
            time.sleep(options.settle)
            before = Figures(pids)
            if options.strace:
                report = Path(folder) / "strace"
                strace = subprocess.Popen(["strace", "-c", "-f", "-o", report, *(f"-p{pid}" for pid in pids)], stderr=subprocess.DEVNULL)
            time.sleep(options.seconds)
            after = Figures(pids)
            if strace:
                strace.send_signal(signal.SIGINT)
                strace.wait()
                print(report.read_text(), file=sys.stderr)
            for child in running:
                child.send_signal(signal.SIGINT)
            said = [child.communicate(timeout=20)[0] for child in running]
        finally:
            for child in [*running, *watching, server, *(child for child, _ in made)]:
                child.kill()
                child.wait()
    return figures(before, after, "".join(said), Path(binary).name != "throughline", options)


def figures(before, after, said, example, options):
    seconds = after.at - before.at
    cpu = after.user - before.user + after.system - before.system
    sent = [tuple(map(int, m)) for m in re.findall(r"(\d+) pictures, (\d+) bytes, (\d+) packets", said)]
    lost = [float(loss) for loss in re.findall(r"loss Some\(([\d.e-]+)\)", said)]
    expected = options.cameras * FRAME_RATE * (options.seconds + options.settle - 3)
    return {
        "cpu_s_per_camera_minute": cpu / seconds * 60 / options.cameras,
        "user_share": (after.user - before.user) / cpu if cpu else 0,
        "rss_mib_per_camera": after.rss / options.cameras,
        "voluntary_switches_per_s": (after.voluntary - before.voluntary) / seconds,
        "involuntary_switches_per_s": (after.involuntary - before.involuntary) / seconds,
        "threads": after.threads,
        # The program does not tell.
        "whole": not any(lost) and (not example or len(sent) == options.cameras and sum(s[0] for s in sent) >= expected),
        "sent": {"cameras": len(sent), "pictures": sum(s[0] for s in sent), "bytes": sum(s[1] for s in sent),
                 "packets": sum(s[2] for s in sent)},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bridge", nargs="+")
    parser.add_argument("--clip", required=True, help="Annex-B H.264, 30 pictures a second, no B-frames")
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--settle", type=float, default=6, help="seconds before the window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--viewer", action="store_true", help="one subscriber of all cameras")
    parser.add_argument("--strace", action="store_true", help="count system calls in place of CPU (which they then dominate)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = {bridge: [] for bridge in options.bridge}
    for _ in range(options.rounds):
        for bridge in options.bridge:
            rounds[bridge].append(measure(bridge, options))
            print(json.dumps({"bridge": bridge, **rounds[bridge][-1]}), file=sys.stderr)
    if options.json:
        print(json.dumps(rounds))
        return
    print("| bridge | " + " | ".join(name.replace("_", " ") for name in COLUMNS) + " | whole rounds |\n|" + "---|" * (len(COLUMNS) + 2))
    for bridge, measured in rounds.items():
        cells = []
        for name in COLUMNS:
            values = [m[name] for m in measured]
            cells.append(f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
        print(f"| {bridge} | " + " | ".join(cells) + f" | {sum(m['whole'] for m in measured)} of {len(measured)} |")


if __name__ == "__main__":
    main()
