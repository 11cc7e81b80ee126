"""Whatever a server does, the program stays small, ends when it said it would, and says in a line at which step and with whom."""
import contextlib
import os
import subprocess
import threading
import time

import pytest

import hostile as h
from harness import BINARY, Process, running

MAX_RESIDENT_KIB = 64 * 1024
# Startup and one conversation take a hundredth of this; a loop without a wait takes all of the step's seconds.
IDLE_SECONDS = 1.0
# What a probe found out, its story, and one line of trouble.
MAX_LINES = 30
PASSWORD = "quietSesame"

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
NOT_ANSWERED = "{} was not answered within 10.0s"
DESCRIBE_NOT_ANSWERED = "DESCRIBE was not answered within 30.0s"
NO_PACKET = r"no RTP packet of payload type 96 over TCP for 30\.0s"
NO_IDR = r"packets in 20\.\ds, but no IDR"
# Parameter sets that make no sense are taken for encrypted ones.
SCRAMBLED = "the pictures are scrambled"
CLOSED = "connection was closed while {} was waited for"
LOST = r"connection lost while {} was waited for \(CSeq \d+\): Connection reset"

# Name; where the server turns hostile, and how; what is said; after how many seconds at most; what kind of work that is.
CASES = [
    ("endless_header_line", "DESCRIBE", h.behind(ANSWER + b"X: ", h.endless(b"a" * 65536)), "headers longer than 16384 bytes", 3, "idle"),
    ("endless_headers", "DESCRIBE", h.behind(ANSWER, h.endless(b"X: a\r\n" * 1000)), "headers longer than 16384 bytes", 3, "idle"),
    ("endless_status_line", "DESCRIBE", h.endless(b"RTSP/1.0 200 " + b"O" * 65536), "headers longer than 16384 bytes", 3, "idle"),
    ("body_of_4_gib", "DESCRIBE", h.behind(ANSWER + b"Content-Length: 4294967296\r\n\r\n", h.trickle(b"v=0\r\n")),
     "body longer than 65536 bytes", 3, "idle"),
    ("silence_after_connect", "ACCEPT", h.silence, DESCRIBE_NOT_ANSWERED, 32, "idle"),
    ("silence_after_describe", "SETUP", h.silence, NOT_ANSWERED.format("SETUP"), 12, "idle"),
    ("silence_after_setup", "PLAY", h.silence, NOT_ANSWERED.format("PLAY"), 12, "idle"),
    ("silence_after_play", "PLAYING", h.silence, NO_PACKET, 33, "idle"),
    ("a_byte_a_second_of_an_answer", "DESCRIBE", h.trickle(ANSWER), DESCRIBE_NOT_ANSWERED, 32, "idle"),
    ("a_byte_a_second_of_a_body", "DESCRIBE", h.behind(ANSWER + b"Content-Length: 60000\r\n\r\n", h.trickle(b"v=0\r\n")),
     DESCRIBE_NOT_ANSWERED, 32, "idle"),
    ("a_byte_a_second_of_a_frame", "PLAYING", h.trickle(b"$\0\xff\xff"), NO_PACKET, 33, "idle"),
    ("too_many_headers", "DESCRIBE", h.behind(ANSWER + b"X: a\r\n" * 1000 + b"\r\n", h.silence), "more than 100 headers", 3, "idle"),
    ("random_bytes", "DESCRIBE", h.random_bytes, DESCRIBE_NOT_ANSWERED, 34, "busy"),
    ("redirects_to_itself", "DESCRIBE", h.redirect_to_itself, "more than 5 redirects", 3, "idle"),
    ("unauthorized_for_ever", "DESCRIBE", h.unauthorized_for_ever, "refused the credentials", 3, "idle"),
    ("garbage_for_a_description", "DESCRIBE", h.describe_as("\x01\x02 no line of SDP\r\n" * 3000), "session description cannot be read", 3, "idle"),
    ("ever_more_media", "DESCRIBE", h.describe_as("v=0\r\n" + "m=video 0 RTP/AVP 97\r\n" * 2900), "session description|no H.264", 3, "idle"),
    ("ever_more_formats", "DESCRIBE", h.describe_as("v=0\r\nm=video 0 RTP/AVP" + " 97" * 20_000 + "\r\n"), "session description|no H.264", 3, "idle"),
    ("frames_before_an_answer", "DESCRIBE", h.frames(0, 16), DESCRIBE_NOT_ANSWERED, 34, "busy"),
    ("large_frames_on_unknown_channels", "SETUP", h.frames(77, 65535), NOT_ANSWERED.format("SETUP"), 14, "busy"),
    ("requests_that_nobody_reads_the_answers_of", "DESCRIBE", h.requests_without_end, "reads nothing|" + DESCRIBE_NOT_ANSWERED, 34, "busy"),
    ("requests_while_playing_that_nobody_reads_the_answers_of", "PLAYING", h.requests_without_end, "reads nothing", 14, "busy"),
    ("fragments_without_end", "PLAYING", h.fragments_without_end, NO_IDR, 24, "busy"),
    ("fragments_never_begun", "PLAYING", h.fragments_never_begun, NO_IDR, 24, "busy"),
    ("slices_without_end", "PLAYING", h.slices_without_end, NO_IDR, 24, "busy"),
    ("parameter_sets_without_end", "PLAYING", h.parameter_sets_without_end, SCRAMBLED, 24, "busy"),
    ("sequence_all_over", "PLAYING", h.sequence_all_over, NO_IDR, 24, "busy"),
    ("closed_at_once", "ACCEPT", h.hang_up, "while (DESCRIBE|OPTIONS) was waited for", 3, "idle"),
    ("closed_before_describe", "DESCRIBE", h.hang_up, CLOSED.format("DESCRIBE"), 3, "idle"),
    ("closed_before_setup", "SETUP", h.hang_up, CLOSED.format("SETUP"), 3, "idle"),
    ("closed_before_play", "PLAY", h.hang_up, CLOSED.format("PLAY"), 3, "idle"),
    ("closed_while_playing", "PLAYING", h.hang_up, "ended the stream: connection closed|connection lost: Connection reset", 3, "idle"),
    ("reset_before_setup", "SETUP", h.reset, LOST.format("SETUP"), 3, "idle"),
    ("reset_while_playing", "PLAYING", h.reset, "connection lost: Connection reset", 3, "idle"),
]

TLS_FAILED = "TLS handshake failed"
NO_TUNNEL = r"no answer for the tunnel within 10\.\ds"

# At once, before anything is asked for by RTSP.
HANDSHAKES = [
    ("silence_to_tls", "rtsps", h.silence, r"TLS handshake not over within 5\.\ds", 8, "idle"),
    ("a_byte_a_second_of_tls", "rtsps", h.trickle(b"\x16\x03\x03\x40\0\2\0\x3f"), r"TLS handshake not over within 5\.\ds", 8, "idle"),
    ("rtsp_in_answer_to_tls", "rtsps", h.behind(ANSWER + b"\r\n", h.silence), "does not speak TLS", 3, "idle"),
    ("closed_during_tls", "rtsps", h.hang_up, "hung up during the TLS handshake|Connection reset", 3, "idle"),
    ("reset_during_tls", "rtsps", h.reset, "hung up during the TLS handshake|Connection reset", 3, "idle"),
    ("endless_server_hello", "rtsps", h.ENDLESS_HELLO, TLS_FAILED, 3, "idle"),
    ("endless_alerts", "rtsps", h.endless(h.WARNING * 1000), TLS_FAILED, 3, "idle"),
    ("endless_changes_of_cipher", "rtsps", h.endless(h.tls_record(h.CHANGE_CIPHER_SPEC, b"\1") * 1000), TLS_FAILED, 3, "idle"),
    ("random_bytes_to_tls", "rtsps", h.random_bytes, f"does not speak TLS|{TLS_FAILED}", 3, "idle"),
    ("silence_to_http", "rtsp+http", h.silence, NO_TUNNEL, 13, "idle"),
    ("a_byte_a_second_of_http", "rtsp+http", h.trickle(b"HTTP/1.1 200 OK\r\nX: "), NO_TUNNEL, 13, "idle"),
    ("endless_http_status_line", "rtsp+http", h.endless(b"HTTP/1.1 200 " + b"O" * 65536), "head of the answer to GET has more than 8192 bytes", 3, "idle"),
    ("endless_http_headers", "rtsp+http", h.behind(b"HTTP/1.1 200 OK\r\n", h.endless(b"X: a\r\n" * 1000)), "head of the answer to GET has more than", 3, "idle"),
    ("rtsp_in_answer_to_http", "rtsp+http", h.behind(ANSWER + b"\r\n", h.silence), "answer to GET is no tunnel's: no HTTP status line", 3, "idle"),
    ("a_web_page", "rtsp+http", h.behind(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", h.endless(b"<p>" * 20_000)), "no tunnel", 3, "idle"),
    ("http_unauthorized_for_ever", "rtsp+http", h.http_unauthorized_for_ever, "refused the credentials", 3, "idle"),
    ("http_closed_at_once", "rtsp+http", h.hang_up, "connection of the tunnel's GET was closed", 3, "idle"),
    ("silence_in_a_tunnel", "rtsp+http", h.http_tunnel(h.silence), DESCRIBE_NOT_ANSWERED, 33, "idle"),
    ("random_bytes_in_a_tunnel", "rtsp+http", h.http_tunnel(h.random_bytes), DESCRIBE_NOT_ANSWERED, 34, "busy"),
    ("a_tunnel_that_closes", "rtsp+http", h.http_tunnel(h.hang_up), "closed|Connection reset", 3, "idle"),
    ("silence_to_a_websocket", "rtsp+ws", h.silence, NO_TUNNEL, 13, "idle"),
    ("endless_websocket_headers", "rtsp+ws", h.behind(b"HTTP/1.1 101 OK\r\n", h.endless(b"X: a\r\n" * 1000)), "head of the answer to GET has more than", 3, "idle"),
    ("websocket_unauthorized_for_ever", "rtsp+ws", h.http_unauthorized_for_ever, "refused the credentials", 3, "idle"),
    ("websocket_for_another_key", "rtsp+ws", h.behind(b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: Zm9v\r\n\r\n", h.silence), "no tunnel", 3, "idle"),
    ("websocket_that_closes", "rtsp+ws", h.websocket(h.hang_up), "closed|Connection reset", 3, "idle"),
    ("silence_in_a_websocket", "rtsp+ws", h.websocket(h.silence), DESCRIBE_NOT_ANSWERED, 33, "idle"),
    ("random_bytes_behind_101", "rtsp+ws", h.websocket(h.random_bytes), "WebSocket protocol error", 3, "idle"),
    ("websocket_message_of_a_gib", "rtsp+ws", h.websocket(h.behind(h.websocket_frame(h.BINARY | h.FINAL, claimed=1 << 30), h.random_bytes)),
     "Message too long: 1073741824 > 1048576", 3, "idle"),
    ("websocket_message_without_end", "rtsp+ws",
     h.websocket(h.behind(h.websocket_frame(h.BINARY, bytes(1000)), h.endless(h.websocket_frame(h.CONTINUATION, bytes(1000))))),
     "Message too long", 3, "idle"),
    ("websocket_pings_without_end", "rtsp+ws", h.websocket(h.endless(bytes([h.PING | h.FINAL, 0]) * 1000)),
     "reads nothing|" + DESCRIBE_NOT_ANSWERED, 34, "busy"),
    ("empty_websocket_messages_without_end", "rtsp+ws", h.websocket(h.endless(h.websocket_frame(h.BINARY | h.FINAL) * 1000)),
     DESCRIBE_NOT_ANSWERED, 34, "busy"),
]

# The same while playing: they go on for as long as one likes, and end when asked to.
FLOODS = [
    ("frames_on_unknown_channels", "PLAYING", h.frames(77, 65535), "tcp"),
    ("small_frames_of_noise", "PLAYING", h.frames(0, 16), "tcp"),
    ("random_bytes_while_playing", "PLAYING", h.random_bytes, "tcp"),
    ("noise_for_rtcp", "PLAYING", h.frames(1, 1000), "tcp"),
    ("pictures_without_idr", "PLAYING", h.pictures_without_idr, "tcp"),
    ("datagrams_behind_gaps", "SETUP", h.datagrams_behind_gaps, "udp"),
]


class Watched(Process):
    """Keeps an eye on what it uses."""

    def __init__(self, *command, env):
        super().__init__(*command, env={"RUST_BACKTRACE": "0", **env})
        self.started, self.resident, self.cpu = time.monotonic(), 0, 0.0
        # Before the server starts: some of them end within the first interval, and who has ended shows no memory.
        self._look()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        with contextlib.suppress(OSError, IndexError):
            while True:
                self._look()
                time.sleep(0.05)

    def _look(self):
        with open(f"/proc/{self.child.pid}/status") as status:
            peak = [line for line in status if line.startswith("VmHWM")]
        with open(f"/proc/{self.child.pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        self.resident, self.cpu = int(peak[0].split()[1]), (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def expect_modesty(self):
        assert 0 < self.resident < MAX_RESIDENT_KIB, f"{self.resident} KiB resident"
        assert len(self.lines) <= MAX_LINES, self.output
        assert PASSWORD not in self.output


@contextlib.contextmanager
def against(method, temper, *arguments, scheme="rtsp"):
    server = h.Server(method, temper)
    url = f"{scheme}://viewer:{PASSWORD}@127.0.0.1:{server.port}/cam"
    try:
        with running(Watched(BINARY, *arguments, url, env={})) as process:
            server.start()
            yield process, server
    finally:
        server.close()


@pytest.mark.parametrize("method,temper,said,seconds,work", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_ends_in_time_and_says_why(method, temper, said, seconds, work):
    expect_a_timely_end(method, temper, said, seconds, work)


@pytest.mark.parametrize("scheme,temper,said,seconds,work", [case[1:] for case in HANDSHAKES], ids=[case[0] for case in HANDSHAKES])
def test_a_handshake_ends_in_time_and_says_why(scheme, temper, said, seconds, work):
    expect_a_timely_end("ACCEPT", temper, said, seconds, work, scheme)


def expect_a_timely_end(method, temper, said, seconds, work, scheme="rtsp"):
    with against(method, temper, "probe", "--transport", "tcp", scheme=scheme) as (process, server):
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {seconds} s:\n{process.output}") from None
        assert code not in (0, 101), process.output
        process.expect(said)
        process.expect(f"127.0.0.1:{server.port}")
        process.expect_modesty()
        elapsed = time.monotonic() - process.started
        assert process.cpu < (IDLE_SECONDS if work == "idle" else 1.2 * elapsed), f"{process.cpu} s of CPU in {elapsed:.1f} s"
        assert server.connections <= 6


@pytest.mark.parametrize("method,temper,transport", [flood[1:] for flood in FLOODS], ids=[flood[0] for flood in FLOODS])
def test_a_flood_costs_no_memory_and_ctrl_c_ends_it(tmp_path, method, temper, transport):
    with against(method, temper, "record", "-o", tmp_path / "out.h264", "--transport", transport) as (process, _):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(6)
        process.stop(seconds=3, how=2)
        process.expect_modesty()


@pytest.mark.parametrize("command", ["probe", "record"])
def test_the_password_is_in_no_log(tmp_path, command):
    arguments = [command, "-vvv"] + (["-o", tmp_path / "out.h264"] if command == "record" else [])
    with against("DESCRIBE", h.unauthorized_for_ever, *arguments) as (process, _):
        assert process.wait(5) == 3, process.output
        assert len(process.lines) > 5 and PASSWORD not in process.output
