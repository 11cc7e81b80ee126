"""`record` and `probe` against two RTSP servers that are not ours."""
import json
import re
import subprocess

import pytest

from cameras import PASSWORD, USER, GortsplibCamera, GStreamerCamera, camera, camera_url
from harness import BINARY, CLIPS, free_port, running, throughline
from streams import expect_part_of_loop, nal_units

def findings(run):
    return json.loads(run.output[run.output.index("{"):run.output.rindex("}") + 1])


CELLS = [(GStreamerCamera, "udp"), (GortsplibCamera, "tcp")]


@pytest.mark.parametrize("kind,transport", CELLS, ids=lambda v: getattr(v, "name", v))
def test_a_recording_is_what_the_camera_sent(tmp_path, kind, transport):
    output = tmp_path / "out.h264"
    with camera(kind, clip="high") as source:
        run = throughline("record", camera_url(source), "-o", output, "--duration", "4s", "--transport", transport)
        with running(run):
            assert run.wait(20) == 0, run.output
    recorded = output.read_bytes()
    assert expect_part_of_loop(recorded, (CLIPS / "high.h264").read_bytes()) >= 110
    types = [u[0] & 31 for u in nal_units(recorded)]
    assert [t for t in types if t != 9][:2] == [7, 8], types[:6]
    assert types.index(5) < types.index(1)


@pytest.mark.parametrize("kind,transport", CELLS, ids=lambda v: getattr(v, "name", v))
def test_a_probe_tells_what_the_camera_is(kind, transport):
    with camera(kind, clip="constrained_baseline") as source:
        run = throughline("probe", camera_url(source), "--json", "--duration", "2s", "--transport", transport)
        with running(run):
            assert run.wait(20) == 0, run.output
    found = findings(run)
    assert found["ready"] is True and found["problems"] == []
    assert (found["codec"], found["profile_level_id"]) == ("H.264", "42e01f")
    assert (found["width"], found["height"], found["transport"]) == (640, 360, transport)
    assert 29 < found["frame_rate"] < 31 and found["group_of_pictures"] == 30


def test_a_recording_goes_to_standard_output_and_ends_with_ctrl_c():
    with camera(clip="baseline") as source:
        child = subprocess.Popen([BINARY, "record", camera_url(source), "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        first = b""
        while len(first) < 50_000:
            first += child.stdout.read(50_000)
        child.send_signal(2)
        rest, summary = child.communicate(timeout=10)
    assert child.returncode == 0, summary
    assert b"pictures" in summary
    assert expect_part_of_loop(first + rest, (CLIPS / "baseline.h264").read_bytes()) > 10


def test_a_recording_ends_well_when_the_camera_ends(tmp_path):
    output = tmp_path / "out.h264"
    with camera(clip="baseline") as source:
        with running(throughline("record", camera_url(source), "-o", output, "--transport", "tcp")) as run:
            while not (output.exists() and output.stat().st_size > 50_000):
                assert run.child.poll() is None, run.output
            source.process.child.kill()
            assert run.wait(20) == 0, run.output
    assert expect_part_of_loop(output.read_bytes(), (CLIPS / "baseline.h264").read_bytes()) > 10


@pytest.mark.parametrize("kind,auth", [(GStreamerCamera, "digest"), (GStreamerCamera, "basic"), (GortsplibCamera, "basic,md5,sha256")],
                         ids=lambda v: getattr(v, "name", v))
@pytest.mark.parametrize("command", ["record", "probe", "run"])
def test_a_wrong_password_is_named_and_never_printed(tmp_path, kind, auth, command):
    wrong = "s3cret-but-wrong"
    arguments = {"record": ["record", "-o", tmp_path / "out.h264"], "probe": ["probe"], "run": ["--listen", f"127.0.0.1:{free_port()}"]}
    with camera(kind, auth=auth) as source:
        url = camera_url(source).replace("rtsp://", f"rtsp://{USER}:{wrong}@")
        with running(throughline(*arguments[command], url, "-vv")) as run:
            assert run.wait(20) == 3, run.output
            run.expect("password")
            assert wrong not in run.output and PASSWORD not in run.output


def test_credentials_that_are_missing_are_asked_for():
    with camera(auth="digest") as source, running(throughline("probe", camera_url(source))) as run:
        assert run.wait(20) == 3, run.output
        run.expect("RTSP_PASSWORD")


def test_nobody_there_is_said_in_one_line_behind_the_story():
    with running(throughline("probe", f"rtsp://127.0.0.1:{free_port()}/cam")) as run:
        assert run.wait(20) == 1, run.output
        run.expect("connecting to 127.0.0.1")
        assert "refused" in run.expect_one_trouble()


@pytest.mark.parametrize("offered,asked", [("udp", "auto"), ("tcp", "auto")])
def test_auto_ends_with_pictures_on_servers_of_one_transport(tmp_path, offered, asked):
    output = tmp_path / "out.h264"
    with camera(transport=offered) as source:
        with running(throughline("record", camera_url(source), "-o", output, "--duration", "2s", "--transport", asked)) as run:
            assert run.wait(20) == 0, run.output
    assert expect_part_of_loop(output.read_bytes(), (CLIPS / "high.h264").read_bytes()) >= 50


def test_a_refused_certificate_is_told_with_the_flag_that_trusts_it(certificates):
    with camera(certificate=certificates.self_signed) as source:
        with running(throughline("probe", camera_url(source), "--json", "--duration", "1s")) as run:
            assert run.wait(20) == 8, run.output
        flag = re.search(r"(--tls-fingerprint) ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$", run.expect_one_trouble())
        found = findings(run)
        assert (found["ready"], found["error"]["reason"]) == (False, "certificate refused")
        assert [moment["step"] for moment in found["story"]] == ["connecting", "failed"]
        with running(throughline("probe", camera_url(source), "--json", "--duration", "1s", *flag.groups())) as run:
            assert run.wait(20) == 0, run.output
    found = findings(run)
    assert [moment["step"] for moment in found["story"]][:3] == ["connecting", "connected", "described"]
    assert found["story"][1]["scheme"] == "rtsps"


def test_a_probe_of_a_camera_without_tcp_tells_the_way_round():
    with camera(transport="udp") as source:
        with running(throughline("probe", camera_url(source), "--json", "--duration", "1s")) as run:
            assert run.wait(20) == 0, run.output
    found = findings(run)
    steps = [moment["step"] for moment in found["story"]]
    assert steps.index("fallback") < steps.index("playing") < steps.index("first_packet") < steps.index("first_picture")
    fallback = found["story"][steps.index("fallback")]
    assert (fallback["from"], fallback["to"], fallback["reason"]) == ("tcp", "udp", "transport refused")
    assert found["fallbacks"] == 1 and "--transport udp" in found["advice"][0]["remedy"]
