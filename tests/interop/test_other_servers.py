"""Servers that refuse a transport, or do things differently. Where one is not installed, the last lines of .ci/run say so."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from cameras import FRAME_RATE, PASSWORD, USER, GortsplibCamera, camera, camera_url
from harness import CLIPS, TOOLS, Process, free_port, running, throughline
from namespaces import CAMERA, needs_root, veth_pair
from streams import expect_part_of_loop

CLIP = CLIPS / "high.h264"
CREDENTIALS = {"RTSP_USERNAME": USER, "RTSP_PASSWORD": PASSWORD}


def installed(name, command):
    """Its path."""
    if not (found := shutil.which(command, path=f"{TOOLS}:{os.environ['PATH']}")):
        pytest.skip(f"{name} (not installed)")
    return found


@contextlib.contextmanager
def film():
    """The clip three times over, for servers that play no bare H.264, in a place where every user can read it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "film.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-framerate", str(FRAME_RATE), "-f", "h264", "-i", "-", "-c", "copy", path],
                       input=3 * CLIP.read_bytes(), check=True)
        yield path


def expect_a_listener(process, port, seconds=30):
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2):
            return
        assert process.child.poll() is None and time.monotonic() < until, process.output
        time.sleep(0.1)


def expect_a_description(process, port, seconds=30):
    """Waits until the stream is there."""
    request = f"DESCRIBE rtsp://127.0.0.1:{port}/cam RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n".encode()
    until = time.monotonic() + seconds
    answer = b""
    # Who wants credentials is there too.
    while not answer.startswith((b"RTSP/1.0 200", b"RTSP/1.0 401")):
        assert process.child.poll() is None and time.monotonic() < until, f"{answer}\n{process.output}"
        time.sleep(0.1)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(request)
            answer = connection.recv(65536)


@contextlib.contextmanager
def go2rtc(folder, auth="none", address="127.0.0.1", namespace=None):
    """Passes a camera's stream on."""
    program = installed("go2rtc", "go2rtc")
    with camera(GortsplibCamera, address=address, namespace=namespace) as source:
        # In a network of its own every port is free.
        listen = {"listen": f"{address}:{8600 if namespace else free_port()}"}
        credentials = {"username": USER, "password": PASSWORD} if auth == "basic" else {}
        nothing = {"listen": ""}
        config = Path(folder) / "go2rtc.yaml"
        config.write_text(json.dumps({"rtsp": {**listen, **credentials}, "streams": {"cam": camera_url(source)},
                                      "api": nothing, "webrtc": nothing, "srtp": nothing}))
        with running(Process(program, "-config", config, namespace=namespace)) as process:
            process.expect(r"\[rtsp\] listen addr")
            yield f"rtsp://{listen['listen']}/cam"


@contextlib.contextmanager
def vlc(_folder, auth="none"):
    program, port = installed("VLC", "vlc"), free_port()
    # It refuses root.
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    credentials = ["--sout-rtsp-user", USER, "--sout-rtsp-pwd", PASSWORD] if auth == "basic" else []
    with film() as path:
        process = Process(*nobody, program, "-I", "dummy", "-q", "--no-audio", "--loop", path, *credentials, "--sout",
                          f"#rtp{{sdp=rtsp://127.0.0.1:{port}/cam}}", "--sout-keep", env={"HOME": "/tmp"})
        with running(process):
            expect_a_description(process, port)
            yield f"rtsp://127.0.0.1:{port}/cam"


@contextlib.contextmanager
def rtsp_server_perl(_folder):
    """Passes on what ffmpeg publishes."""
    program, port, source = installed("rtsp-server-perl", "rtsp-server-perl"), free_port(), free_port()
    server = Process(program, "--clientport", port, "--serverport", source, "--client_listen_address", "127.0.0.1",
                     "--source_listen_address", "127.0.0.1", "--rtp_start_port", free_port(socket.SOCK_DGRAM))
    with film() as path, running(server):
        expect_a_listener(server, source)
        with running(Process("ffmpeg", "-v", "error", "-re", "-stream_loop", -1, "-i", path, "-c", "copy", "-f", "rtsp",
                             f"rtsp://127.0.0.1:{source}/cam")):
            expect_a_description(server, port)
            yield f"rtsp://127.0.0.1:{port}/cam"


# What each refuses, with which status, and what it serves.
SERVERS = [(go2rtc, "udp", 461, "tcp"), (vlc, "tcp", 461, "udp"), (rtsp_server_perl, "tcp", 400, "udp")]
each_server = pytest.mark.parametrize("server,refused,status,served", SERVERS, ids=[server[0].__name__ for server in SERVERS])


def found_by_probe(*arguments, **options):
    with running(throughline("probe", "--json", "--duration", "1s", *arguments, **options)) as run:
        assert run.wait(20) == 0, run.output
    return json.loads(run.output[run.output.index("{\n"):run.output.rindex("}") + 1])


@each_server
def test_auto_ends_with_the_pictures_that_were_sent(tmp_path, server, refused, status, served):
    output = tmp_path / "out.h264"
    with server(tmp_path) as url:
        with running(throughline("record", "-o", output, "--duration", "3s", url)) as run:
            assert run.wait(20) == 0, run.output
        assert expect_part_of_loop(output.read_bytes(), CLIP.read_bytes()) >= 80
        found = found_by_probe(url, "--transport", "udp-first" if refused == "udp" else "auto")
    assert found["ready"] and found["transport"] == served, found
    fallback, = [moment for moment in found["story"] if moment["step"] == "fallback"]
    assert (fallback["from"], fallback["to"], fallback["reason"]) == (refused, served, "transport refused"), fallback
    assert f"with {status} " in fallback["error"], fallback


@each_server
def test_a_transport_that_is_refused_is_named(tmp_path, server, refused, status, served):
    with server(tmp_path) as url, running(throughline("probe", "--transport", refused, url)) as run:
        assert run.wait(10) == 1, run.output
        run.expect(f"refuses {refused.upper()} .* with {status} .*; use --transport auto")
        run.expect_one_trouble()


def expect_basic(url, **options):
    assert found_by_probe(url, env=CREDENTIALS, **options)["ready"]
    wrong = "s3cret-but-wrong"
    with running(throughline("probe", url, env={**CREDENTIALS, "RTSP_PASSWORD": wrong}, **options)) as run:
        assert run.wait(10) == 3, run.output
        run.expect("password")
        assert wrong not in run.output


@needs_root
def test_go2rtc_takes_basic_credentials(tmp_path):
    # From its own machine it lets everybody in.
    with veth_pair() as network, go2rtc(tmp_path, auth="basic", address=CAMERA, namespace=network.camera) as url:
        expect_basic(url, namespace=network.client)


def test_vlc_takes_basic_credentials(tmp_path):
    with vlc(tmp_path, auth="basic") as url:
        expect_basic(url)
