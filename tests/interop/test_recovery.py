"""Either end goes away and comes back; the same process goes on."""
import time

from cameras import GortsplibCamera, camera, camera_url
from harness import free_port, running, throughline
from network import TcpProxy
from rooms import LiveKitServer, Subscriber, expect_a_smooth_picture, new_room


def test_pictures_come_back_with_the_camera(livekit):
    room, port = new_room(), free_port()
    with camera(GortsplibCamera, clip="high", port=port) as source:
        with running(throughline(camera_url(source), server=livekit, room=room)) as publisher:
            publisher.expect("publishing", 15)
            viewer = Subscriber(livekit, room, duration=22)
            viewer.process.child.poll()
            time.sleep(6)
            source.process.child.kill()
            source.process.wait(5)
            time.sleep(5)
            with camera(GortsplibCamera, clip="high", port=port):
                back = time.monotonic()
                seen = viewer.result()
                assert publisher.stop() == 0
    assert len(seen["tracks"]) == 1, "the viewer saw the track republished"
    returned = [t for t in seen["clock"] if t > back]
    assert returned, "no picture after the camera's return"
    assert returned[0] - back < 5, f"first picture {returned[0] - back:.1f} s after the camera's return"
    # The first picture after the gap can be shown, so it is an IDR: these have a multiple of 30 as their counter.
    first = seen["counters"][len(seen["counters"]) - len(returned)]
    assert first % 30 == 0, first


def test_a_fresh_viewer_has_pictures_after_livekit_was_away(tmp_path):
    room = new_room()
    server = LiveKitServer(tmp_path)
    with camera(clip="high") as source, running(throughline(camera_url(source), server=server, room=room)) as publisher:
        try:
            publisher.expect("publishing", 15)
            server.kill()
            time.sleep(3)
            server.start()
            back = time.monotonic()
            seen = Subscriber(server, room, duration=3, patience=15).result()
            assert seen["pictures"], publisher.output
            assert seen["clock"][0] - back < 10, f"{seen['clock'][0] - back:.1f} s"
            expect_a_smooth_picture(seen, 3)
            assert publisher.stop() == 0
        finally:
            server.kill()


def test_a_cut_signalling_connection_costs_no_picture(livekit):
    """Media does not go through the signalling connection; losing that is nothing a viewer sees."""
    room, proxy = new_room(), TcpProxy(livekit.port)
    with camera(clip="high") as source:
        environment = {**livekit.environment(room), "LIVEKIT_URL": f"ws://127.0.0.1:{proxy.port}"}
        with running(throughline(camera_url(source), "-v", env=environment)) as publisher:
            publisher.expect("publishing", 15)
            viewer = Subscriber(livekit, room, duration=8)
            time.sleep(3)
            assert proxy.cut() == 1
            publisher.expect("signalling lost", 5)
            publisher.expect("signalling resumed", 5)
            seen = viewer.result()
            assert len(seen["tracks"]) == 1, "the viewer saw the track republished"
            expect_a_smooth_picture(seen, 8)
            assert publisher.stop() == 0


def test_a_camera_that_is_absent_at_the_start_is_waited_for(livekit):
    room, port = new_room(), free_port()
    with running(throughline(f"rtsp://127.0.0.1:{port}/cam", server=livekit, room=room)) as publisher:
        publisher.expect("refused", 10)
        with camera(GortsplibCamera, clip="high", port=port):
            publisher.expect("publishing", 15)
            expect_a_smooth_picture(Subscriber(livekit, room, duration=3).result(), 3)
            assert publisher.stop() == 0
