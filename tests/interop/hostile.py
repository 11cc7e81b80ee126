"""An RTSP server that serves up to a step and then does its worst. Each of the tempers below gets the connection and the request that
it is to answer; whatever it does ends with the connection."""
import base64
import contextlib
import hashlib
import itertools
import os
import re
import socket
import struct
import threading
import time

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Hostile\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
       "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAH9kAUAW7ARAAAAMAEAAAAwPA8YMkgA==,aMuDyyA=\r\n"
       "a=control:trackID=0\r\n")


class Peer:
    """A connection of the client's."""

    def __init__(self, connection, port):
        self.connection, self.port, self.unread, self.headers = connection, port, b"", {}

    def request(self):
        """The next request's method; its headers are kept. Nothing where the client leaves."""
        while True:
            if self.unread[:1] == b"$" and len(self.unread) >= 4:
                length = 4 + int.from_bytes(self.unread[2:4], "big")
                if len(self.unread) >= length:
                    self.unread = self.unread[length:]
                    continue
            elif b"\r\n\r\n" in self.unread:
                head, self.unread = self.unread.split(b"\r\n\r\n", 1)
                first, *rest = head.decode(errors="replace").split("\r\n")
                self.headers = dict(line.split(": ", 1) for line in rest)
                return first.split(" ")[0]
            if not (read := self.connection.recv(65536)):
                return None
            self.unread += read

    def answer(self, *headers, body="", status="200 OK"):
        length = [f"Content-Length: {len(body)}"] if body else []
        lines = [f"RTSP/1.0 {status}", f"CSeq: {self.headers['CSeq']}", *headers, *length, "", body]
        self.send("\r\n".join(lines).encode())

    def send(self, data):
        self.connection.sendall(data)

    def serve(self, method):
        """What a well-behaved camera answers."""
        transport = self.headers.get("Transport", "")
        match method:
            case "DESCRIBE":
                self.answer("Content-Type: application/sdp", body=SDP)
            case "SETUP":
                ports = "" if "interleaved" in transport else ";server_port=6970-6971"
                self.answer(f"Transport: {transport}{ports}", "Session: 1;timeout=60")
            case _:
                self.answer("Session: 1")

    def serve_all(self):
        while method := self.request():
            self.serve(method)

    def flood(self, pieces):
        for piece in pieces:
            self.send(piece)

    def rtp(self, payloads, first_sequence=0, step=1):
        """RTP packets of (timestamp, marker, payload), interleaved."""
        sequence = first_sequence
        for timestamp, marker, payload in payloads:
            header = struct.pack("!BBHII", 0x80, 96 | marker << 7, sequence & 0xffff, timestamp & 0xffffffff, 7)
            self.connection.sendmsg([struct.pack("!cBH", b"$", 0, len(header) + len(payload)), header, payload])
            sequence += step


class Server:
    """Does `temper` in place of answering the first `method`; with "PLAYING", behind the answer to PLAY; with "ACCEPT", at once.
    Whoever connects waits until `start`."""

    def __init__(self, method, temper):
        self.method, self.temper, self.connections = method, temper, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            peer = Peer(connection, self.port)
            if self.method == "ACCEPT":
                return self.temper(peer)
            while method := peer.request():
                if method == self.method:
                    return self.temper(peer)
                peer.serve(method)
                if method == "PLAY" and self.method == "PLAYING":
                    return self.temper(peer)

    def close(self):
        self.listener.close()


def endless(piece):
    return lambda peer: peer.flood(itertools.repeat(piece))


def behind(start, temper):
    def both(peer):
        peer.send(start)
        temper(peer)
    return both


def silence(peer):
    while peer.connection.recv(65536):
        pass


def hang_up(_peer):
    pass


def reset(peer):
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def trickle(data):
    def temper(peer):
        for byte in itertools.cycle(data):
            peer.send(bytes([byte]))
            time.sleep(1)
    return temper


def random_bytes(peer):
    block = os.urandom(1 << 20)
    peer.flood(itertools.repeat(block))


def frames(channel, length):
    """Interleaved frames of noise."""
    frame = struct.pack("!cBH", b"$", channel, length) + os.urandom(length)
    return endless(frame * max(1, (1 << 18) // len(frame)))


def redirect_to_itself(peer):
    peer.answer(f"Location: rtsp://127.0.0.1:{peer.port}/cam", status="302 Found")
    silence(peer)


def unauthorized_for_ever(peer):
    for nonce in itertools.count():
        peer.answer(f'WWW-Authenticate: Digest realm="x", nonce="{nonce}", stale=true', status="401 Unauthorized")
        if not peer.request():
            return


def describe_as(body):
    def temper(peer):
        peer.answer("Content-Type: application/sdp", body=body)
        peer.serve_all()
    return temper


def fragments_without_end(peer):
    """One IDR slice, whose end never comes."""
    start, middle = b"\x7c\x85\x88" + b"\xab" * 60_000, b"\x7c\x05" + b"\xab" * 60_000
    peer.rtp(itertools.chain([(0, 0, start)], itertools.repeat((0, 0, middle))))


def fragments_never_begun(peer):
    peer.rtp((3000 * n, 1, b"\x7c\x05" + b"\xab" * 1200) for n in itertools.count())


def slices_without_end(peer):
    """One IDR picture of ever more slices."""
    first, later = b"\x65\x88\x84" + b"\xab" * 1200, b"\x65\x42\x21\x3f" + b"\xab" * 1200
    peer.rtp(itertools.chain([(0, 0, first)], itertools.repeat((0, 0, later))))


def parameter_sets_without_end(peer):
    """Never a picture, and every SPS another one."""
    peer.rtp((3000 * n, 1, b"\x67\x42\xc0\x1f" + f"{n:08}".encode() + b"\xab" * 1000) for n in itertools.count())


def pictures_without_idr(peer):
    peer.rtp((3000 * n, 1, b"\x41\x9a\x24" + b"\xab" * 1200) for n in itertools.count())


def sequence_all_over(peer):
    """Packets of which no two belong together."""
    peer.rtp(((7919 * n, n & 1, b"\x41\x9a\x24" + b"\xab" * 60_000) for n in itertools.count()), step=4999)


def datagrams_behind_gaps(peer):
    """Over UDP, every other packet is missing, and none is small."""
    port = int(re.search(r"client_port=(\d+)", peer.headers["Transport"])[1])
    peer.serve("SETUP")
    peer.request()
    peer.serve("PLAY")
    payload = b"\x41\x9a\x24" + b"\xab" * 60_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for n in itertools.count():
            with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
                udp.sendto(struct.pack("!BBHII", 0x80, 96, 2 * n & 0xffff, 0, 7) + payload, ("127.0.0.1", port))


def requests_without_end(peer):
    peer.flood(f"OPTIONS * RTSP/1.0\r\nCSeq: {n}\r\n\r\n".encode() for n in itertools.count())


def tls_record(kind, contents):
    return struct.pack("!BHH", kind, 0x0303, len(contents)) + contents


ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE = 21, 20, 22
# A ServerHello of 16 MiB, whose end never comes.
ENDLESS_HELLO = behind(tls_record(HANDSHAKE, b"\x02\xff\xff\xff" + bytes(16_000)), endless(tls_record(HANDSHAKE, bytes(16_000))))
WARNING = tls_record(ALERT, b"\x01\x5a")


TUNNEL = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n"


def http_tunnel(temper):
    """Opens the tunnel, and does that in the direction to the client."""
    def both(peer):
        if peer.request() != "GET":
            return silence(peer)
        peer.send(TUNNEL)
        return temper(peer)
    return both


def websocket(temper):
    """The same."""
    def both(peer):
        peer.request()
        accept = hashlib.sha1((peer.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: "
                  + peer.headers["Sec-WebSocket-Protocol"].encode() + b"\r\nSec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n")
        temper(peer)
    return both


CONTINUATION, BINARY, PING = 0, 2, 9
FINAL = 0x80


def websocket_frame(first_byte, payload=b"", claimed=None):
    """`claimed`: a length, if not the payload's own."""
    return struct.pack("!BBQ", first_byte, 127, len(payload) if claimed is None else claimed) + payload


def http_unauthorized_for_ever(peer):
    for nonce in itertools.count():
        if not peer.request():
            return
        peer.send(f'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm="x", nonce="{nonce}", stale=true\r\n\r\n'
                  .encode())
