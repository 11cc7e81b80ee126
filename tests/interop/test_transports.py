"""Every road that the two servers offer, and every way to say who one is: what is recorded is what was sent."""
import contextlib
import json
from typing import NamedTuple

import pytest

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_environment, camera_url
from harness import running, throughline
from namespaces import CAMERA, CAMERA_ON_LINK, needs_root, veth_pair
from streams import expect_part_of_loop

BOTH = (GStreamerCamera, GortsplibCamera)
CERTIFICATE_REFUSED = 8
# What is wrong with a certificate, and what is said of it.
FLAWS = {"expired": "expired", "self_signed": "self-signed", "wrong_name": r"127\.0\.0\.1.*elsewhere\.example"}


class Road(NamedTuple):
    """What the URL and the options say, what probe calls it, and who offers it."""
    scheme: str
    transport: str
    found: str
    kinds: tuple = BOTH
    profile: str = "AVP"
    address: str = "127.0.0.1"

    @property
    def secure(self):
        return self.scheme in ("rtsps", "rtsp+https", "rtsp+wss")

    @property
    def needs_a_network(self):
        return self.transport == "multicast" or self.address == CAMERA_ON_LINK


# Where it has a certificate, gortsplib speaks SRTP, even over TCP: its `rtsps` is `srtp-tcp`.
ROADS = {
    "tcp": Road("rtsp", "tcp", "tcp"),
    "udp": Road("rtsp", "udp", "udp"),
    "multicast": Road("rtsp", "multicast", "multicast"),
    "rtsps": Road("rtsps", "tcp", "tcp", (GStreamerCamera,)),
    "srtp-tcp": Road("rtsps", "tcp", "tcp", profile="SAVP"),
    "srtp-udp": Road("rtsps", "udp", "udp", profile="SAVP"),
    "srtp-multicast": Road("rtsps", "multicast", "multicast", profile="SAVP"),
    "http": Road("rtsp+http", "auto", "tcp"),
    "https": Road("rtsp+https", "auto", "tcp"),
    "ws": Road("rtsp+ws", "auto", "tcp", (GortsplibCamera,)),
    "wss": Road("rtsp+wss", "auto", "tcp", (GortsplibCamera,)),
}
ROADS_OF_IPV6 = {
    "ipv6-tcp": Road("rtsp", "tcp", "tcp", address="::1"),
    "ipv6-udp": Road("rtsp", "udp", "udp", address="::1"),
    "ipv6-rtsps": Road("rtsps", "tcp", "tcp", address="::1"),
    "zone-tcp": Road("rtsp", "tcp", "tcp", address=CAMERA_ON_LINK),
    "zone-udp": Road("rtsp", "udp", "udp", address=CAMERA_ON_LINK),
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


@contextlib.contextmanager
def at_the_end_of(road, kind, certificates, auth):
    """A camera, and the URL and the namespace by which it is reached."""
    options = {"auth": auth, "profile": road.profile, "certificate": certificates.good if road.secure else None}
    if not road.needs_a_network:
        with camera(kind, address=road.address, **options) as source:
            yield source, camera_url(source, road.scheme), None
        return
    options["transport"] = "multicast" if road.transport == "multicast" else "both"
    with veth_pair() as network:
        zone = f"%{network.camera}" if road.address == CAMERA_ON_LINK else ""
        address = CAMERA_ON_LINK if zone else CAMERA
        with camera(kind, address=address + zone, namespace=network.camera, **options) as source:
            url = camera_url(source, road.scheme)
            yield source, url.replace(zone, f"%25{network.client}") if zone else url, network.client


def found_by(probe):
    return json.loads(probe.output[probe.output.index("{"):probe.output.rindex("}") + 1])


def expect_what_was_sent(recorded, source, at_least):
    assert expect_part_of_loop(recorded.read_bytes(), source.clip.read_bytes()) >= at_least


@pytest.mark.parametrize("road,kind,auth", [
    pytest.param(road, kind, auth, id=f"{kind.name}-{name}-{auth}", marks=[needs_root] if road.needs_a_network else [])
    for name, road, kind, auth in cells()
])
def test_a_road_carries_what_the_camera_sent(certificates, tmp_path, road, kind, auth):
    output = tmp_path / "out.h264"
    with at_the_end_of(road, kind, certificates, auth) as (source, url, namespace):
        options = ["--transport", road.transport, *(["--tls-ca", certificates.ca] if road.secure else [])]
        run = {"env": camera_environment(source), "namespace": namespace}
        recording = throughline("record", url, "-o", output, "--duration", "3s", *options, **run)
        probe = throughline("probe", url, "--json", "--duration", "1s", *options, **run)
        with running(recording), running(probe):
            assert probe.wait(25) == 0, probe.output
            assert recording.wait(25) == 0, recording.output
    found = found_by(probe)
    steps = {step["step"]: step for step in found["story"]}
    assert (found["transport"], steps["connected"]["scheme"]) == (road.found, road.scheme)
    # Behind a certificate gortsplib's descriptions are of SRTP, whatever the transport.
    encrypts = road.profile == "SAVP" or road.secure and kind is GortsplibCamera
    assert bool(found["srtp"]) == encrypts, found["srtp"]
    expect_what_was_sent(output, source, at_least=80)


@pytest.mark.parametrize("kind", BOTH, ids=lambda kind: kind.name)
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_bad_certificate_is_refused_unless_it_is_pinned(certificates, tmp_path, kind, flaw):
    output, certificate = tmp_path / "out.h264", getattr(certificates, flaw)
    with camera(kind, certificate=certificate) as source:
        arguments = ["record", camera_url(source), "-o", output, "--duration", "2s"]
        with running(throughline(*arguments, "--tls-ca", certificates.ca)) as run:
            assert run.wait(20) == CERTIFICATE_REFUSED, run.output
            run.expect(FLAWS[flaw])
            run.expect(certificate.fingerprint)
            assert len(run.lines) == 1, run.output
        with running(throughline(*arguments, "--tls-fingerprint", certificate.fingerprint)) as run:
            assert run.wait(20) == 0, run.output
    expect_what_was_sent(output, source, at_least=50)


@pytest.mark.parametrize("scheme", ["rtsps", "rtsp+https", "rtsp+wss"])
def test_no_certificate_is_taken_on_trust(certificates, tmp_path, scheme):
    """Neither one whose authority nobody named, nor another than the one that was pinned."""
    with camera(GortsplibCamera, certificate=certificates.good) as source:
        for trust in ([], ["--tls-fingerprint", certificates.expired.fingerprint]):
            with running(throughline("record", camera_url(source, scheme), "-o", tmp_path / "out.h264", *trust)) as run:
                assert run.wait(20) == CERTIFICATE_REFUSED, run.output
                run.expect(certificates.good.fingerprint)
                assert len(run.lines) == 1, run.output
