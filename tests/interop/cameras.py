"""The cameras: RTSP servers that are not ours, playing a clip in a loop."""
import contextlib

from harness import CLIPS, PEERS, TOOLS, Process, free_port, running

FRAME_RATE = 30
USER, PASSWORD = "viewer", "p@ss:w/rd#1"


class Camera:
    """`transport`: what of UDP and TCP it offers, or multicast. With a certificate its port speaks TLS. `namespace`: its network's."""

    def __init__(self, clip="high", transport="both", auth="none", port=None, address="127.0.0.1", certificate=None, profile="AVP", namespace=None):
        self.clip, self.transport, self.auth, self.certificate, self.profile = CLIPS / f"{clip}.h264", transport, auth, certificate, profile
        # In a network of its own every port is free.
        self.address, self.port = address, port or (8554 if namespace else free_port(address=address))
        self.process = Process(*self.command(), namespace=namespace)
        self.process.expect("READY", 20)


class GStreamerCamera(Camera):
    name, digests, password = "gstreamer", "digest", PASSWORD

    def command(self):
        return ["/usr/bin/python3", PEERS / "gst_camera.py", "--file", self.clip, "--address", self.address, "--port", self.port,
                "--fps", FRAME_RATE, "--proto", self.transport, "--auth", self.auth, "--user", USER, "--password", self.password,
                *(["--tls", self.certificate.file] if self.certificate else []), *(["--srtp"] if self.profile == "SAVP" else [])]


class GortsplibCamera(Camera):
    """Its profile is SAVP wherever it has a certificate."""
    name, digests, password = "gortsplib", "sha256", PASSWORD.replace(":", "")  # its Basic knows no colon in a password

    def command(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        offers = {"tcp": [], "udp": ["-udp"], "both": ["-udp"], "multicast": ["-multicast"]}[self.transport]
        return [TOOLS / "gortsplib-camera", "-file", self.clip, "-addr", f"{host}:{self.port}", "-fps", FRAME_RATE, *offers,
                *(["-auth", self.auth, "-user", USER, "-password", self.password] if self.auth != "none" else []),
                *(["-tls", self.certificate.file] if self.certificate else [])]


@contextlib.contextmanager
def camera(kind=GStreamerCamera, **options):
    made = kind(**options)
    with running(made.process):
        yield made


def camera_url(made, scheme=None):
    scheme = scheme or ("rtsps" if made.certificate else "rtsp")
    host = f"[{made.address}]" if ":" in made.address else made.address
    return f"{scheme}://{host}:{made.port}/cam"


def camera_environment(made):
    if made.auth == "none":
        return {}
    return {"RTSP_USERNAME": USER, "RTSP_PASSWORD": made.password}
