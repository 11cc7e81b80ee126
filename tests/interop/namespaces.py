"""Networks of two machines in one: a namespace for the camera and one for its client. They take root."""
import contextlib
import os
import re
import subprocess
import sys
import uuid

import pytest

from harness import PEERS, Process, running

CAMERA, CLIENT = "10.78.0.1", "10.78.0.2"
CAMERA_ON_LINK, CLIENT_ON_LINK = "fe80::78:1", "fe80::78:2"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="networks of their own (not root)")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Network:
    """`camera` and `client` are names of namespaces, which `Process` takes. Each has an address of its own, and a way for multicast."""

    def __init__(self):
        # A device's name has 15 characters at most.
        name = f"tl{os.getpid() % 100_000}{uuid.uuid4().hex[:5]}"
        self.camera, self.client = f"{name}a", f"{name}b"

    def run(self, namespace, *command, **options):
        return subprocess.run(["ip", "netns", "exec", namespace, *command], check=True, text=True, **options)

    def rules(self, namespace, *rules, counters=()):
        """Has nft apply these to what arrives there."""
        table = [*(f"counter {name} {{ }}" for name in counters), "chain arriving {", "type filter hook input priority 0;", *rules, "}"]
        self.run(namespace, "nft", "-f", "-", input="\n".join(["table inet throughline {", *table, "}", ""]))

    def no_rules(self, namespace):
        self.run(namespace, "nft", "flush", "ruleset")

    def counted(self, namespace):
        """Packets by the names of the rules' counters."""
        listed = self.run(namespace, "nft", "list", "counters", capture_output=True).stdout
        return {name: int(packets) for name, packets in re.findall(r"counter (\w+) \{\s*packets (\d+)", listed)}


@contextlib.contextmanager
def namespaces():
    network = Network()
    try:
        for namespace in (network.camera, network.client):
            ip("netns", "add", namespace)
            network.run(namespace, "ip", "link", "set", "lo", "up")
        yield network
    finally:
        for namespace in (network.camera, network.client):
            subprocess.run(["ip", "netns", "del", namespace], check=False)


@contextlib.contextmanager
def veth_pair():
    """A cable between the two."""
    with namespaces() as network:
        ip("link", "add", network.camera, "netns", network.camera, "type", "veth", "peer", "name", network.client, "netns", network.client)
        for device, address, on_link in ((network.camera, CAMERA, CAMERA_ON_LINK), (network.client, CLIENT, CLIENT_ON_LINK)):
            network.run(device, "ip", "address", "add", f"{address}/24", "dev", device)
            network.run(device, "ip", "address", "add", f"{on_link}/64", "dev", device, "nodad")
            # Else the kernel adds a second one a while later, and a server may send from that.
            network.run(device, "ip", "link", "set", device, "addrgenmode", "none", "up")
            network.run(device, "ip", "route", "add", "224.0.0.0/4", "dev", device)
        yield network


@contextlib.contextmanager
def lossy_link(**impairments):
    """A cable on which packets from camera to client are lost, held, doubled and late, by `peers/lossy_link.py`. Gives the network and the
    link's process."""
    with namespaces() as network:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in impairments.items()]
        link = Process(sys.executable, PEERS / "lossy_link.py", "--camera", network.camera, "--client", network.client, *options)
        with running(link):
            link.expect("READY")
            yield network, link
