"""Engine `libwebrtc` rests on what LiveKit's own pre-encoded encoder was seen to need. The same encoder is in the Python package;
here it is fed by the very rules that the engine uses, in the feeder."""
import sys

import pytest
from livekit import api

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_url
from harness import FEEDER, PEERS, Process, running
from rooms import API_KEY, API_SECRET, Subscriber, expect_a_smooth_picture, new_room


def publisher_token(room):
    grants = api.VideoGrants(room_join=True, room=room, can_publish=True, can_subscribe=False)
    return api.AccessToken(API_KEY, API_SECRET).with_identity("official").with_grants(grants).to_jwt()


@pytest.mark.parametrize("kind,clip", [(GStreamerCamera, "high"), (GortsplibCamera, "constrained_baseline")],
                         ids=lambda v: getattr(v, "name", v))
def test_the_official_encoder_takes_our_access_units(livekit, kind, clip):
    room = new_room()
    with camera(kind, clip=clip) as source:
        encoder = Process(sys.executable, PEERS / "official_encoder.py", "--url", livekit.url, "--token", publisher_token(room),
                          FEEDER, camera_url(source))
        with running(encoder):
            encoder.expect("LIVE", 20)
            seen = Subscriber(livekit, room).result()
    expect_a_smooth_picture(seen)
    steps = {(b - a) % 300 for a, b in zip(seen["counters"], seen["counters"][1:])}
    assert steps == {1}, f"pictures are missing: steps {sorted(steps)}"
