"""RTSP server -> our binary -> livekit-server -> a decoding subscriber: none of the other three is ours."""
import signal
import subprocess
import time
import urllib.request

import pytest
from livekit import api

from cameras import GortsplibCamera, GStreamerCamera, camera, camera_environment, camera_url
from harness import EXAMPLE, Process, free_port, running, throughline
from network import udp_blocked
from rooms import API_KEY, API_SECRET, LiveKitServer, Subscriber, expect_a_smooth_picture, expect_in_order, new_room


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


def test_without_a_camera_the_mock_camera_is_published(livekit):
    room = new_room()
    with running(throughline(server=livekit, room=room)) as publisher:
        publisher.expect("publishing", 15)
        seen = Subscriber(livekit, room, duration=3).result()
        assert seen["pictures"] > 0
        expect_in_order(seen["counters"])  # a jump to the next IDR leaves pictures out, it never goes back
        assert publisher.stop() == 0


def test_late_viewers_do_not_wait_for_a_camera_that_answers_key_frame_requests(livekit, tmp_path):
    """One IDR in 10 s: without the way from the viewer's PLI to the camera they would wait for 5 s on average."""
    room, clip = new_room(), tmp_path / "rare-idr.h264"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=10", "-pix_fmt", "yuv420p",
                    "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-b:v", "500k", "-g", "300", "-x264-params",
                    "repeat-headers=1:scenecut=0", "-f", "h264", clip], check=True)
    with running(throughline("mock-camera", clip, "--listen", f"127.0.0.1:{free_port()}")) as source:
        url = source.expect(r"rtsp://\S+").group(0)
        with running(throughline(url, server=livekit, room=room)) as publisher:
            publisher.expect("publishing", 15)
            waits = sorted(Subscriber(livekit, room, duration=1).result()["first_picture_after_subscribing_s"] for _ in range(4))
            # A busy machine may cost one of them its first request; the server asks again.
            assert waits[2] < 1 and waits[3] < 3, waits
            assert publisher.stop() == 0


def test_a_ready_token_takes_the_place_of_key_and_secret(livekit):
    room = new_room()

    def environment(may_publish):
        grants = api.VideoGrants(room_join=True, room=room, can_publish=may_publish)
        token = api.AccessToken(API_KEY, API_SECRET).with_identity("ready").with_grants(grants).to_jwt()
        return {"LIVEKIT_URL": livekit.url, "LIVEKIT_TOKEN": token}

    with running(throughline(env=environment(True))) as publisher:
        publisher.expect(f"publishing to the room `{room}` as `ready`", 15)
        publisher.expect("to watch, open")
        assert Subscriber(livekit, room, duration=1).result()["pictures"] > 0
        assert publisher.stop() == 0
        assert "eyJ" not in publisher.output, "a token was printed"
    with running(throughline(env=environment(False))) as refused:
        assert refused.wait(10) == 2, refused.output
        refused.expect("canPublish")


def test_the_example_publishes_what_its_environment_names(livekit):
    with camera(GortsplibCamera, clip="constrained_baseline") as source:
        # The example publishes to a room of its own.
        environment = {**livekit.environment("throughline"), "RTSP_URL": camera_url(source)}
        with running(Process(EXAMPLE, env=environment)) as example:
            example.expect("camera plays", 15)
            expect_a_smooth_picture(Subscriber(livekit, "throughline", duration=4).result(), 4)
            assert example.stop(signal.SIGINT) == 0, example.output
            assert livekit.publishers("throughline") == []


def test_the_example_needs_no_environment():
    with running(Process(EXAMPLE)) as example:
        url = example.expect(r"http://127\.0\.0\.1:\d+/").group(0)
        example.expect("camera plays", 15)
        assert urllib.request.urlopen(url, timeout=5).status == 200
        assert example.stop(signal.SIGINT) == 0, example.output


def test_media_goes_over_tcp_where_udp_is_refused(tmp_path):
    server, room = LiveKitServer(tmp_path, tcp_only=True), new_room()
    with running(server.process), camera(clip="high") as source:
        with running(throughline(camera_url(source), server=server, room=room)) as publisher:
            publisher.expect("publishing", 25)
            seen = Subscriber(server, room, duration=5).result()
            expect_a_smooth_picture(seen, 5)
            assert publisher.stop() == 0


@pytest.mark.parametrize("verdict", ["drop", "reject"])
def test_media_goes_over_tcp_where_a_firewall_blocks_udp(tmp_path, verdict):
    """The server names its UDP port and nothing gets through to it."""
    server, room = LiveKitServer(tmp_path), new_room()
    with running(server.process), camera(clip="high") as source, udp_blocked(server.udp_port, verdict):
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
