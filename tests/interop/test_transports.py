"""Every road that the two servers offer, and every way to say who one is: what is recorded is what was sent."""
import json
from typing import NamedTuple

import pytest

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_environment, camera_url
from harness import running, throughline
from streams import expect_part_of_loop

BOTH = (GStreamerCamera, GortsplibCamera)


class Road(NamedTuple):
    """What the URL and the options say, what probe calls it, and who offers it."""
    scheme: str
    transport: str
    found: str
    kinds: tuple = BOTH
    address: str = "127.0.0.1"


ROADS = {
    "tcp": Road("rtsp", "tcp", "tcp"),
    "udp": Road("rtsp", "udp", "udp"),
}
ROADS_OF_IPV6 = {
    "ipv6-tcp": Road("rtsp", "tcp", "tcp", address="::1"),
    "ipv6-udp": Road("rtsp", "udp", "udp", address="::1"),
}
# What each server offers over TCP, but for none and its strongest digest, which every road has.
AUTHENTICATIONS = {GStreamerCamera: ["basic"], GortsplibCamera: ["basic", "md5", "basic,md5,sha256"]}


def cells():
    for name, road in ROADS.items():
        for kind in road.kinds:
            for auth in ("none", kind.digests):
                yield name, road, kind, auth
    for name, road in ROADS_OF_IPV6.items():
        for kind in road.kinds:
            yield name, road, kind, "none"
    for kind, auths in AUTHENTICATIONS.items():
        for auth in auths:
            yield "tcp", ROADS["tcp"], kind, auth


def found_by(probe):
    return json.loads(probe.output[probe.output.index("{"):probe.output.rindex("}") + 1])


def expect_what_was_sent(recorded, source, at_least):
    assert expect_part_of_loop(recorded.read_bytes(), source.clip.read_bytes()) >= at_least


@pytest.mark.parametrize("road,kind,auth", [
    pytest.param(road, kind, auth, id=f"{kind.name}-{name}-{auth}")
    for name, road, kind, auth in cells()
])
def test_a_road_carries_what_the_camera_sent(tmp_path, road, kind, auth):
    output = tmp_path / "out.h264"
    with camera(kind, address=road.address, auth=auth) as source:
        url, environment = camera_url(source, road.scheme), camera_environment(source)
        recording = throughline("record", url, "-o", output, "--duration", "3s", "--transport", road.transport, env=environment)
        probe = throughline("probe", url, "--json", "--duration", "1s", "--transport", road.transport, env=environment)
        with running(recording), running(probe):
            assert probe.wait(25) == 0, probe.output
            assert recording.wait(25) == 0, recording.output
    found = found_by(probe)
    assert found["transport"] == road.found
    expect_what_was_sent(output, source, at_least=80)
