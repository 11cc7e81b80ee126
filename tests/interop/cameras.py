"""The cameras: RTSP servers that are not ours, playing a clip in a loop."""
import contextlib

from harness import CLIPS, PEERS, TOOLS, Process, free_port, running

FRAME_RATE = 30
USER, PASSWORD = "viewer", "p@ss:w/rd#1"


class GStreamerCamera:
    name, digests = "gstreamer", "digest"

    def __init__(self, clip="high", transport="both", auth="none", port=None):
        self.port = port or free_port()
        self.auth = auth
        self.process = Process(
            "/usr/bin/python3", PEERS / "gst_camera.py", "--file", CLIPS / f"{clip}.h264", "--port", self.port,
            "--fps", FRAME_RATE, "--proto", transport, "--auth", auth, "--user", USER, "--password", PASSWORD)
        self.process.expect("READY", 20)


class GortsplibCamera:
    name, digests = "gortsplib", "sha256"

    def __init__(self, clip="high", transport="both", auth="none", port=None):
        self.port = port or free_port()
        self.auth = auth
        extra = [] if transport == "tcp" else ["-udp"]
        if auth != "none":
            extra += ["-auth", auth, "-user", USER, "-password", PASSWORD]
        self.process = Process(TOOLS / "gortsplib-camera", "-file", CLIPS / f"{clip}.h264", "-addr",
                               f"127.0.0.1:{self.port}", "-fps", FRAME_RATE, *extra)
        self.process.expect("READY", 20)


@contextlib.contextmanager
def camera(kind=GStreamerCamera, **options):
    made = kind(**options)
    with running(made.process):
        yield made


def camera_url(made):
    return f"rtsp://127.0.0.1:{made.port}/cam"


def camera_environment(made):
    if made.auth == "none":
        return {}
    return {"RTSP_USERNAME": USER, "RTSP_PASSWORD": PASSWORD}
