#!/usr/bin/python3
"""A seeded link between two network namespaces that loses, swaps, doubles and delays packets on their way from camera to client.

Carries IPv4 in user space, for netem is not in every kernel. Prints "READY"; on SIGTERM a line of JSON: for each RTP packet that the
camera sent, in its order, its timestamp and a letter (p: passed, d: dropped, s: swapped with the next one, t: passed twice).
"""
import argparse
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import time

CAMERA, CLIENT = "10.78.0.1", "10.78.0.2"
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
TCP, UDP = 6, 17
LIBC = ctypes.CDLL(None, use_errno=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--camera", required=True, help="its namespace")
    parser.add_argument("--client", required=True)
    parser.add_argument("--loss", type=float, default=0, help="share of packets")
    parser.add_argument("--burst", type=int, default=1, help="packets lost in a row; the share stays")
    parser.add_argument("--swap", type=float, default=0, help="share of packets that come after the one behind them")
    parser.add_argument("--twice", type=float, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--jitter-ms", type=float, default=0, help="up to so much more, each packet by itself: they overtake each other")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocols", choices=["udp", "all"], default="udp", help="what is treated badly")
    return parser.parse_args()


def enter(namespace):
    if LIBC.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def device(namespace, address):
    home, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    enter(there)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    for command in (f"address add {address}/24 dev tun0", "link set tun0 up txqueuelen 5000 mtu 1500", "route add 224.0.0.0/4 dev tun0"):
        subprocess.run(["ip", *command.split()], check=True)
    enter(home)
    return tun


class Link:
    def __init__(self, options):
        self.options, self.random = options, random.Random(options.seed)
        self.client = device(options.client, CLIENT)
        self.camera = device(options.camera, CAMERA)
        self.rtp = []
        self.late, self.sent, self.held, self.run_of_loss = [], 0, None, 0

    def fate(self):
        roll, o = self.random.random(), self.options
        if self.run_of_loss:
            self.run_of_loss -= 1
            return "d"
        if roll < o.loss / o.burst:
            self.run_of_loss = o.burst - 1
            return "d"
        roll = self.random.random()
        if roll < o.swap and self.held is None:
            return "s"
        return "t" if o.swap <= roll < o.swap + o.twice else "p"

    def take(self, packet):
        """A packet of the camera's."""
        udp = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or packet[9] not in ((UDP,) if self.options.protocols == "udp" else (UDP, TCP)):
            return os.write(self.client, packet)
        fate = self.fate()
        # RTP goes to even ports, RTCP to odd ones.
        if packet[9] == UDP and packet[udp + 3] % 2 == 0:
            self.rtp.append((int.from_bytes(packet[udp + 12:udp + 16], "big"), fate))
        if fate == "s":
            self.held = packet
            return None
        if fate != "d":
            self.send(packet)
        if fate == "t":
            self.send(packet)
        if self.held is not None:
            held, self.held = self.held, None
            self.send(held)
        return None

    def send(self, packet):
        delay = (self.options.delay_ms + self.random.random() * self.options.jitter_ms) / 1000
        self.sent += 1
        heapq.heappush(self.late, (time.monotonic() + delay, self.sent, packet))

    def carry(self):
        while True:
            wait = max(0, self.late[0][0] - time.monotonic()) if self.late else None
            ready, _, _ = select.select([self.camera, self.client], [], [], wait)
            if self.client in ready:
                os.write(self.camera, os.read(self.client, 2048))
            if self.camera in ready:
                self.take(os.read(self.camera, 2048))
            while self.late and self.late[0][0] <= time.monotonic():
                os.write(self.client, heapq.heappop(self.late)[2])


def end(*_):
    raise SystemExit


def main():
    link = Link(arguments())
    signal.signal(signal.SIGTERM, end)
    print("READY", flush=True)
    try:
        link.carry()
    finally:
        print(json.dumps(link.rtp), flush=True)


main()
