"""Loss between a real camera and us, over UDP: what comes out is whole pictures in order, from an IDR on after every gap."""
import itertools
import json
import signal
import time

import pytest

from cameras import FRAME_RATE, GortsplibCamera, GStreamerCamera, camera, camera_url
from harness import CLIPS, running, throughline
from namespaces import CAMERA, lossy_link, needs_root, veth_pair
from streams import nal_units

SECONDS = 6
GROUP = 30
# The marker bit of RTP, for nft: on the last packet of each picture.
MARKER = "@th,72,1 1"
# In seconds: of the IDR pictures, one a second and of eight packets, one in six comes through a loss of a fifth.
PATIENCE = 120
each_kind = pytest.mark.parametrize("kind", [GStreamerCamera, GortsplibCamera], ids=lambda kind: kind.name)


def slices(annex_b):
    """Of the clips, each is a picture."""
    return [u for u in nal_units(annex_b) if u[0] & 31 in (1, 5)]


SOURCE = slices((CLIPS / "high.h264").read_bytes())


def record(network, source, output):
    """Records until the camera falls silent; what the summary says."""
    with running(throughline("record", camera_url(source), "-o", output, "--transport", "udp", namespace=network.client)) as run:
        until = time.monotonic() + PATIENCE
        while not (output.exists() and output.stat().st_size):
            assert run.child.poll() is None and time.monotonic() < until, run.output
            time.sleep(0.02)
        time.sleep(SECONDS)
        # From here on nothing is on its way.
        source.process.child.send_signal(signal.SIGSTOP)
        time.sleep(1)
        assert run.stop(signal.SIGINT) == 0, run.output
        said = run.expect(r"(\d+) pictures in ([\d.]+) s.*; (\d+) packets came, (\d+) of them twice, (\d+) late; (\d+) lost; (\d+) pictures withheld")
    return dict(zip(("pictures", "seconds", "came", "twice", "late", "lost", "withheld"), map(float, said.groups())))


def expect_whole_pictures_in_order(recorded, seconds):
    """Their numbers in the clip. `seconds`: from the first to the last by the camera's clock, or more."""
    number = {picture: n for n, picture in enumerate(SOURCE)}
    numbers = [number.get(picture) for picture in slices(recorded)]
    assert None not in numbers, f"picture {numbers.index(None)} of {len(numbers)} is none that was sent"
    # A picture that comes again is the next round's: a gap may be as long as the clip.
    steps = [(b - a) % len(SOURCE) or len(SOURCE) for a, b in itertools.pairwise(numbers)]
    # Each step back would be almost once around the clip, and each repetition a whole round.
    assert sum(steps) <= (seconds + 0.1) * FRAME_RATE, numbers
    resumed = [b for step, b in zip([0, *steps], numbers) if step != 1]
    assert all(n % GROUP == 0 for n in resumed), f"no IDR behind a gap: {resumed}"
    return numbers


def shown(whole, first):
    """Numbers of pictures that can be shown: an IDR that came whole, and what follows it up to the next loss. `first`: the number of the first."""
    decodable = False
    for n, arrived in enumerate(whole, start=first):
        decodable = arrived and (decodable or n % GROUP == 0)
        if decodable:
            yield n % len(SOURCE)


def expect_all_that_can_be_shown(numbers, fates, late):
    """`fates`: timestamp and fate of the packets on the link. The first picture sent may be any of the clip's."""
    whole = [all(fate != "d" for _, fate in picture) for _, picture in itertools.groupby(fates, key=lambda packet: packet[0])]
    ways = [whole]
    if late:
        # The first packet that comes begins the stream; those that it overtook are too late, and their picture is not whole.
        ways.append([False, *whole[1:]])
    assert any(list(shown(way, first)) == numbers for way in ways for first in range(len(SOURCE))), numbers


def expect_none_missing(numbers, at_least):
    assert len(numbers) >= at_least
    assert all((b - a) % len(SOURCE) == 1 for a, b in itertools.pairwise(numbers)), numbers


def table_row(kind, link, sent, numbers, said):
    """For those who ask with -rP; `sent`: pictures."""
    gaps = sum((b - a) % len(SOURCE) != 1 for a, b in itertools.pairwise(numbers))
    figures = " | ".join(f"{said[figure]:.0f}" for figure in ("came", "lost", "twice", "late"))
    print(f"| {kind.name} | {link} | {sent} | {len(numbers)} | {figures} | {gaps} |")


@needs_root
@pytest.mark.parametrize("percent", [1, 5, 20])
@each_kind
def test_lost_packets_cost_pictures_and_damage_none(tmp_path, kind, percent):
    output = tmp_path / "out.h264"
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        # RTP comes to even ports.
        network.rules(network.client, "udp dport & 1 == 0 counter name sent", f"udp dport & 1 == 0 {MARKER} counter name pictures",
                      f"meta l4proto udp numgen random mod 100 < {percent} drop", "udp dport & 1 == 0 counter name passed",
                      counters=["sent", "pictures", "passed"])
        said = record(network, source, output)
        counted = network.counted(network.client)
    numbers = expect_whole_pictures_in_order(output.read_bytes(), said["seconds"])
    assert len(numbers) == said["pictures"]
    assert said["came"] == counted["passed"] and said["twice"] == said["late"] == 0, (said, counted)
    # Of those lost before the first that came, and behind the last, nobody knows here.
    unknown = counted["sent"] - said["came"] - said["lost"]
    assert 0 <= unknown <= 10, (said, counted)
    assert said["pictures"] + said["withheld"] <= counted["pictures"], (said, counted)
    table_row(kind, f"nft, {percent} %", counted["pictures"], numbers, said)


LINKS = {
    "loss_1": dict(loss=0.01),
    "loss_5": dict(loss=0.05),
    "bursts": dict(loss=0.05, burst=6),
    "swapped": dict(swap=0.1),
    "twice": dict(twice=0.1),
    "late": dict(delay_ms=150),
    "jitter": dict(jitter_ms=60),
    "all": dict(loss=0.02, burst=3, swap=0.05, twice=0.05, delay_ms=40, jitter_ms=10),
}


@needs_root
@pytest.mark.parametrize("link", LINKS)
@each_kind
def test_every_picture_that_can_be_shown_passes_a_bad_link(tmp_path, kind, link):
    output = tmp_path / "out.h264"
    with lossy_link(**LINKS[link]) as (network, process), camera(kind, address=CAMERA, namespace=network.camera) as source:
        said = record(network, source, output)
        process.stop()
        fates = json.loads(process.expect(r"^\[.*").group(0))
    numbers = expect_whole_pictures_in_order(output.read_bytes(), said["seconds"])
    assert len(numbers) == said["pictures"]
    expect_all_that_can_be_shown(numbers, fates, said["late"])
    letters = "".join(fate for _, fate in fates)
    # One that was given up and came all the same may be among both.
    dropped = letters.strip("d").count("d")
    assert dropped <= said["lost"] <= dropped + said["late"], (said, letters)
    assert said["came"] == len(letters) - letters.count("d") + letters.count("t"), (said, letters)
    assert said["twice"] + said["late"] >= letters.count("t")
    table_row(kind, link, len({timestamp for timestamp, _ in fates}), numbers, said)


@needs_root
@each_kind
def test_a_hopeless_camera_moves_to_tcp_and_says_why(tmp_path, kind):
    output = tmp_path / "out.h264"
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        network.rules(network.client, "meta l4proto udp numgen random mod 100 < 20 drop")
        asked = ("--transport", "udp-first", camera_url(source))
        recording = throughline("record", "-o", output, *asked, namespace=network.client)
        with running(recording), running(throughline(*asked, namespace=network.client)) as run:
            run.expect("playing over UDP", 5)
            run.expect(r"TCP in place of UDP, for .* lost", 15)
            run.expect("playing over TCP", 5)
            run.expect(r" (29|30|31)\.\d pictures/s", 12, start=len(run.lines))
            assert run.stop() == 0
            assert recording.stop(signal.SIGINT) == 0, recording.output
    numbers = expect_whole_pictures_in_order(output.read_bytes(), seconds=30)
    expect_none_missing(numbers[-100:], 100)


@needs_root
@each_kind
def test_auto_has_every_picture_where_udp_is_hopeless(tmp_path, kind):
    output = tmp_path / "out.h264"
    with veth_pair() as network, camera(kind, address=CAMERA, namespace=network.camera) as source:
        network.rules(network.client, "meta l4proto udp numgen random mod 100 < 20 drop")
        with running(throughline("record", "-o", output, "--duration", "3s", camera_url(source), namespace=network.client)) as run:
            assert run.wait(20) == 0, run.output
    expect_none_missing(expect_whole_pictures_in_order(output.read_bytes(), seconds=3), 3 * FRAME_RATE)


@needs_root
@each_kind
def test_tcp_has_every_picture_on_a_bad_link(tmp_path, kind):
    output = tmp_path / "out.h264"
    bad = dict(protocols="all", loss=0.03, swap=0.05, twice=0.05, delay_ms=20, jitter_ms=20)
    with lossy_link(**bad) as (network, _), camera(kind, address=CAMERA, namespace=network.camera) as source:
        asked = ("record", "-o", output, "--duration", "4s", "--transport", "tcp", camera_url(source))
        with running(throughline(*asked, namespace=network.client)) as run:
            assert run.wait(30) == 0, run.output
    expect_none_missing(expect_whole_pictures_in_order(output.read_bytes(), seconds=5), 4 * FRAME_RATE)
