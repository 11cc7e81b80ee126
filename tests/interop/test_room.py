"""RTSP server -> our binary -> livekit-server -> a decoding subscriber: none of the other three is ours."""
import time

import pytest

from harness import (GortsplibCamera, GStreamerCamera, LiveKitServer, Subscriber, camera, camera_environment, camera_url,
                     expect_a_smooth_picture, expect_in_order, new_room, running, throughline)


@pytest.mark.parametrize("clip,transport,kind,auth", [
    ("high", "tcp", GStreamerCamera, "none"),
    ("constrained_baseline", "udp", GStreamerCamera, "digest"),
    ("baseline", "tcp", GortsplibCamera, "sha256"),
    ("high", "udp", GortsplibCamera, "none"),
], ids=lambda v: getattr(v, "name", v))
def test_a_room_sees_the_camera(livekit, clip, transport, kind, auth):
    room = new_room()
    with camera(kind, clip=clip, auth=auth) as source:
        publisher = throughline(camera_url(source), "--transport", transport, env=camera_environment(source), server=livekit, room=room)
        with running(publisher):
            publisher.expect("publishing", 15)
            first = Subscriber(livekit, room)
            time.sleep(4)  # the second one is late on purpose
            late = Subscriber(livekit, room, duration=3)
            seen, seen_late = first.result(), late.result()
            expect_a_smooth_picture(seen)
            # The clip's group of pictures is 1 s, and neither server can answer a key-frame request.
            assert seen["first_picture_after_subscribing_s"] < 3, seen["first_picture_after_subscribing_s"]
            assert seen_late["first_picture_after_subscribing_s"] < 2, seen_late["first_picture_after_subscribing_s"]
            expect_a_smooth_picture(seen_late, 3)

            publisher.child.terminate()
            deadline = time.monotonic() + 5
            while livekit.publishers(room):
                assert time.monotonic() < deadline, "the publisher is still in the room 5 s after SIGTERM"
                time.sleep(0.2)
            assert publisher.wait(5) == 0, publisher.output


def test_the_mock_camera_answers_key_frame_requests(livekit):
    """Without a camera the mock camera is published; it honours PLI, so that a late viewer does not wait for its group of pictures."""
    room = new_room()
    publisher = throughline(server=livekit, room=room)
    with running(publisher):
        publisher.expect("publishing", 15)
        assert Subscriber(livekit, room, duration=1).result()["pictures"] > 0
        late = Subscriber(livekit, room, duration=3).result()
        assert late["first_picture_after_subscribing_s"] < 1, late["first_picture_after_subscribing_s"]
        expect_in_order(late["counters"])  # a jump to the next IDR leaves pictures out, it never goes back
        assert publisher.stop() == 0


def test_media_goes_over_tcp_where_udp_is_refused(tmp_path):
    server, room = LiveKitServer(tmp_path, tcp_only=True), new_room()
    with running(server.process), camera(clip="high") as source:
        with running(throughline(camera_url(source), server=server, room=room)) as publisher:
            publisher.expect("publishing", 25)
            seen = Subscriber(server, room, duration=5).result()
            expect_a_smooth_picture(seen, 5)
            assert publisher.stop() == 0


def test_being_replaced_by_the_same_identity_ends_the_program(livekit):
    room = new_room()
    with running(throughline("--identity", "door", server=livekit, room=room)) as old:
        old.expect("publishing", 15)
        with running(throughline("--identity", "door", server=livekit, room=room)) as new:
            new.expect("publishing", 15)
            assert old.wait(10) == 6, old.output
            old.expect("identity")
            assert livekit.publishers(room) == ["door"]
            assert new.stop() == 0


@pytest.mark.parametrize("change,exit_code,says", [
    ({"LIVEKIT_API_SECRET": "wrong-secret-wrong-secret-wrong-secret"}, 5, "LIVEKIT_API_SECRET"),
    ({"LIVEKIT_API_KEY": "wrong-key"}, 5, "LIVEKIT_API_KEY"),
    ({"LIVEKIT_API_SECRET": ""}, 2, "LIVEKIT_API_SECRET"),
])
def test_a_wrong_key_or_secret_is_named(livekit, change, exit_code, says):
    with running(throughline(env={**livekit.environment(new_room()), **change})) as publisher:
        assert publisher.wait(15) == exit_code, publisher.output
        publisher.expect(says)
        assert "eyJ" not in publisher.output, "a token was printed"
        assert "wrong-secret" not in publisher.output
