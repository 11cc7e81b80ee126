"""What Chromium shows: of a room through LiveKit's own client, and of the preview page."""
import urllib.error
import urllib.request

from cameras import camera, camera_url
from harness import free_port, running, throughline
from rooms import SCREENSHOTS, browse, new_room


def expect_pictures(seen):
    assert seen["errors"] == [], seen["errors"]
    before, after = seen["before"], seen["after"]
    assert (after["width"], after["height"]) == (640, 360)
    frames, seconds = after["framesDecoded"] - before["framesDecoded"], (after["time"] - before["time"]) / 1000
    assert frames >= 0.8 * 30 * seconds, f"{frames} pictures in {seconds:.1f} s"


def test_chromium_decodes_the_room(livekit):
    room = new_room()
    with camera(clip="high") as source, running(throughline(camera_url(source), server=livekit, room=room)) as publisher:
        publisher.expect("publishing", 15)
        expect_pictures(browse("room", livekit.url, livekit.viewer_token(room), SCREENSHOTS / "room.png"))
        assert publisher.stop() == 0


def test_chromium_decodes_the_preview_without_any_configuration():
    with running(throughline("--listen", f"127.0.0.1:{free_port()}")) as program:
        url = program.expect(r"http://127\.0\.0\.1:\d+/?").group(0)
        seen = browse("preview", url, SCREENSHOTS / "preview.png")
        expect_pictures(seen)
        for words in ("42e01f", "640", "LIVEKIT_URL", "throughline rtsp://"):
            assert words in seen["text"], f"the page does not say {words}"
        assert program.stop() == 0


def test_chromium_decodes_the_preview_of_a_real_camera():
    with camera(clip="high") as source:
        with running(throughline(camera_url(source), "--listen", f"127.0.0.1:{free_port()}")) as program:
            url = program.expect(r"http://127\.0\.0\.1:\d+/?").group(0)
            seen = browse("preview", url, SCREENSHOTS / "preview-camera.png")
            expect_pictures(seen)
            assert "640c1f" in seen["text"]
            assert program.stop() == 0


def test_the_preview_answers_its_own_host_name_only():
    """A page elsewhere that points a name of its own at this machine must not read the camera."""
    with running(throughline("--listen", f"127.0.0.1:{free_port()}")) as program:
        url = program.expect(r"http://127\.0\.0\.1:\d+/?").group(0)
        request = urllib.request.Request(url, headers={"Host": "evil.example"})
        try:
            status = urllib.request.urlopen(request, timeout=5).status
        except urllib.error.HTTPError as e:
            status = e.code
        assert status in (403, 421), status
        assert urllib.request.urlopen(url, timeout=5).status == 200
        assert program.stop() == 0
