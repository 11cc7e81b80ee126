"""Real cameras that die or freeze between any two steps, connections that break without a word, firewalls: each ends within its time and
by a name of its own, and pictures come back when the camera does."""
import contextlib
import signal
import socket
import threading
import time

import pytest

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_url
from harness import CLIPS, free_port, running, throughline
from namespaces import CAMERA, needs_root, veth_pair
from streams import expect_part_of_loop

KINDS = [GStreamerCamera, GortsplibCamera]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
CLIP = CLIPS / "high.h264"
STEPS = ["accept", "DESCRIBE", "SETUP", "PLAY"]

NO_PACKET = r"no RTP packet of payload type 96 over {} for {}\.\ds"
DEAD = r"neither a packet nor an answer for 10\.\ds, the connection is dead"
ENDED = "ended the stream: connection closed|connection lost: Connection reset"
# What is said of a camera that has ended, and of one that answers no more; after how many seconds at most.
KILLED = {"accept": "while (DESCRIBE|OPTIONS) was waited for", "DESCRIBE": "while SETUP was waited for",
          "SETUP": "while PLAY was waited for", "PLAY": ENDED}
FROZEN = {"accept": (r"DESCRIBE was not answered within 30\.0s", 33), "DESCRIBE": (r"SETUP was not answered within 10\.0s", 13),
          "SETUP": (r"PLAY was not answered within 10\.0s", 13), "PLAY": (NO_PACKET.format("TCP", 30), 33)}


KILLED_IN_TLS, FROZEN_IN_TLS = "the camera hung up during the TLS handshake|Connection reset", r"TLS handshake not over within 5\.\ds"


class FatalProxy:
    """Stands before a camera, and sends it a signal when the answer to the last step has come: after that answer nothing passes any more."""

    def __init__(self, source, step, fate):
        self.source, self.left, self.fate = source, STEPS.index(step), fate
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _strike(self):
        self.source.process.child.send_signal(self.fate)
        if self.fate == signal.SIGKILL:
            self.source.process.child.wait(5)

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection((self.source.address, self.source.port))
            except OSError:
                client.close()
                continue
            if self.left == 0:
                self._strike()
            for pump, source, sink in ((self._ask, client, server), (self._answer, server, client)):
                threading.Thread(target=pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _ask(client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)

    def _answer(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.left == 0:
                    continue
                self.left -= data.count(b"RTSP/1.0 200")
                if self.left == 0:
                    # Packets may come together with the answer to PLAY.
                    head, _, body = data.partition(b"\r\n\r\n")
                    data = head + b"\r\n\r\n" + (b"" if body[:1] == b"$" else body)
                    self._strike()
                client.sendall(data)
        with contextlib.suppress(OSError):
            # `close` alone would wait for the thread that reads.
            client.shutdown(socket.SHUT_RDWR)


def ends_within(run, seconds, code):
    started = time.monotonic()
    with running(run):
        assert run.wait(seconds) == code, run.output
    return time.monotonic() - started


def table_row(fault, seconds, run):
    """For those who ask with -rP."""
    said = [line for line in run.lines if line.startswith("throughline: ")] or run.lines
    print(f"| {fault} | {seconds:.1f} s | {said[0]} |")


@each_kind
@pytest.mark.parametrize("step", STEPS)
def test_a_camera_that_dies_is_missed_at_once(kind, step):
    with camera(kind) as source:
        proxy = FatalProxy(source, step, signal.SIGKILL)
        run = throughline("probe", "--transport", "tcp", f"rtsp://127.0.0.1:{proxy.port}/cam")
        seconds = ends_within(run, 4, 1)
    run.expect(KILLED[step])
    run.expect_one_trouble()
    table_row(f"{kind.name} killed after {step}", seconds, run)


# These wait for long: each server has half of the steps.
@pytest.mark.parametrize("kind,step", list(zip(2 * KINDS, STEPS)), ids=lambda v: getattr(v, "name", v))
def test_a_camera_that_freezes_is_missed_in_time(kind, step):
    said, limit = FROZEN[step]
    with camera(kind) as source:
        proxy = FatalProxy(source, step, signal.SIGSTOP)
        run = throughline("probe", "--transport", "tcp", f"rtsp://127.0.0.1:{proxy.port}/cam")
        seconds = ends_within(run, limit, 1)
    run.expect(said)
    run.expect_one_trouble()
    table_row(f"{kind.name} frozen after {step}", seconds, run)


@each_kind
@pytest.mark.parametrize("fate,said,limit", [(signal.SIGKILL, KILLED_IN_TLS, 3), (signal.SIGSTOP, FROZEN_IN_TLS, 7)], ids=["killed", "frozen"])
def test_a_camera_that_goes_during_the_tls_handshake_is_missed(certificates, kind, fate, said, limit):
    with camera(kind, certificate=certificates.good) as source:
        proxy = FatalProxy(source, "accept", fate)
        run = throughline("probe", f"rtsps://127.0.0.1:{proxy.port}/cam")
        seconds = ends_within(run, limit, 1)
    run.expect(said)
    run.expect_one_trouble()
    table_row(f"{kind.name} {'killed' if fate == signal.SIGKILL else 'frozen'} during TLS", seconds, run)


@contextlib.contextmanager
def recording(source, output, transport, namespace=None):
    """Pictures flow."""
    with running(throughline("record", "-o", output, "--transport", transport, camera_url(source), namespace=namespace)) as run:
        while not (output.exists() and output.stat().st_size > 50_000):
            assert run.child.poll() is None, run.output
            time.sleep(0.02)
        yield run


@each_kind
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("fate,said,limit", [(signal.SIGKILL, ENDED, 3), (signal.SIGSTOP, DEAD, 13)], ids=["killed", "frozen"])
def test_a_recording_keeps_what_came_before_the_camera_went(tmp_path, kind, transport, fate, said, limit):
    output = tmp_path / "out.h264"
    with camera(kind) as source, recording(source, output, transport) as run:
        source.process.child.send_signal(fate)
        seconds = ends_within(run, limit, 0)
    run.expect(said)
    expect_part_of_loop(output.read_bytes(), CLIP.read_bytes())
    table_row(f"{kind.name} {'killed' if fate == signal.SIGKILL else 'frozen'} while it plays over {transport.upper()}", seconds, run)


@needs_root
@each_kind
@pytest.mark.parametrize("transport,swallowed,said", [
    ("tcp", "", DEAD), ("udp", "", DEAD), ("udp", "meta l4proto udp", NO_PACKET.format("UDP", 10))], ids=["tcp", "udp", "udp-alone"])
def test_a_network_that_swallows_what_it_carried_is_noticed(tmp_path, kind, transport, swallowed, said):
    output = tmp_path / "out.h264"
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        with recording(source, output, transport, network.client) as run:
            for end in (network.camera, network.client):
                network.rules(end, f"{swallowed} drop")
            seconds = ends_within(run, 13, 0)
    run.expect(said)
    expect_part_of_loop(output.read_bytes(), CLIP.read_bytes())
    table_row(f"{kind.name} over {transport.upper()}, {'UDP' if swallowed else 'all'} is dropped", seconds, run)


@needs_root
@pytest.mark.parametrize("verdict,said,limit", [
    ("drop", r"no connection within 5\.\ds", 7), ("reject with tcp reset", "connection refused", 2), ("reject", "not reachable|refused", 7)])
def test_a_firewall_before_everything_is_noticed(verdict, said, limit):
    with veth_pair() as network, camera(address=CAMERA, namespace=network.camera) as source:
        network.rules(network.camera, f"meta l4proto tcp {verdict}")
        run = throughline("probe", camera_url(source), namespace=network.client)
        seconds = ends_within(run, limit, 1)
    run.expect(said)
    run.expect_one_trouble()
    table_row(f"firewall before TCP: {verdict}", seconds, run)


@needs_root
@each_kind
def test_a_firewall_before_udp_is_named_with_its_remedy(kind):
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        network.rules(network.client, "meta l4proto udp drop")
        run = throughline("probe", "--transport", "udp", camera_url(source), namespace=network.client)
        seconds = ends_within(run, 5, 1)
    run.expect(r"no UDP packet arrived within 3\.\ds of PLAY, a firewall seems to block them; .*--transport tcp")
    run.expect_one_trouble()
    table_row(f"{kind.name}, UDP is dropped", seconds, run)


@needs_root
@each_kind
def test_a_network_that_carries_no_multicast_is_noticed(kind):
    with veth_pair() as network, camera(kind, transport="multicast", address=CAMERA, namespace=network.camera) as source:
        network.rules(network.client, "ip daddr 224.0.0.0/4 drop")
        run = throughline("probe", "--transport", "multicast", camera_url(source), namespace=network.client)
        seconds = ends_within(run, 5, 1)
    run.expect(NO_PACKET.format("multicast", 3))
    run.expect_one_trouble()
    table_row(f"{kind.name}, multicast is dropped", seconds, run)


@needs_root
@each_kind
def test_udp_first_goes_on_over_tcp_behind_such_a_firewall(kind):
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        network.rules(network.client, "meta l4proto udp drop")
        with running(throughline("--transport", "udp-first", camera_url(source), namespace=network.client)) as run:
            run.expect(rf"TCP in place of UDP, for .*{NO_PACKET.format('UDP', 3)}", 5)
            run.expect("playing over TCP", 3)
            assert run.stop() == 0


@needs_root
def test_the_same_process_goes_on_behind_a_network_that_swallowed_everything():
    with veth_pair() as network, camera(GStreamerCamera, address=CAMERA, namespace=network.camera) as source:
        with running(throughline(camera_url(source), namespace=network.client)) as run:
            run.expect("playing over TCP", 5)
            time.sleep(2)
            for end in (network.camera, network.client):
                network.rules(end, "drop")
            run.expect(f"{DEAD}.*trying again", 13)
            for end in (network.camera, network.client):
                network.no_rules(end)
            before = len(run.lines)
            run.expect("playing over TCP", 10, start=before)
            assert run.stop() == 0


@each_kind
@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_same_process_goes_on_when_the_camera_is_back(kind, fate):
    port = free_port()
    with camera(kind, port=port) as source, running(throughline("--listen", "127.0.0.1:0", camera_url(source))) as run:
        run.expect("playing over TCP", 5)
        time.sleep(2)
        source.process.child.send_signal(fate)
        run.expect("trying again", 13)
        time.sleep(2)
        before = len(run.lines)
        with contextlib.ExitStack() as back:
            if fate == signal.SIGKILL:
                source.process.child.wait(5)
                back.enter_context(camera(kind, port=port))
            else:
                source.process.child.send_signal(signal.SIGCONT)
            run.expect("playing over TCP", 8, start=before)
            run.expect(r"\d pictures/s", 30, start=before)
            assert run.stop() == 0
