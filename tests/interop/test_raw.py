"""The NAL units that leave the room are those that the camera sent."""
import json

import pytest

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_url
from harness import CLIPS, TOOLS, Process, running, throughline
from rooms import new_room
from streams import expect_part_of_loop


@pytest.mark.parametrize("kind,clip,transport", [(GStreamerCamera, "high", "udp"), (GortsplibCamera, "constrained_baseline", "tcp")],
                         ids=lambda v: getattr(v, "name", v))
def test_every_nal_unit_leaves_the_room_as_it_left_the_camera(livekit, tmp_path, kind, clip, transport):
    room, output = new_room(), tmp_path / "raw.h264"
    with camera(kind, clip=clip) as source:
        with running(throughline(camera_url(source), "--transport", transport, server=livekit, room=room)) as publisher:
            publisher.expect("publishing", 15)
            raw = Process(TOOLS / "raw-subscriber", "-url", livekit.url, "-token", livekit.viewer_token(room), "-out", output, "-duration", "8s")
            with running(raw):
                seen = json.loads(raw.expect(r'^\{"packets".*\}$', 45).group(0))
            assert publisher.stop() == 0
    assert seen["gaps"] == 0 and seen["mime"].lower() == "video/h264", seen
    assert expect_part_of_loop(output.read_bytes(), (CLIPS / f"{clip}.h264").read_bytes()) >= 8 * 30 * 0.95
    # The camera's own spacing reaches the viewer. GStreamer's clock makes it 3000 give or take a tick.
    assert all(abs(d - 3000) <= 90 for d in seen["deltas"]), seen["deltas"]
