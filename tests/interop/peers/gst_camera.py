#!/usr/bin/python3
"""An RTSP camera on GStreamer's rtsp-server: loops an Annex-B H.264 file (no B-frames) at /cam, unchanged.

Run by the system's own Python, which has the GObject bindings. Prints "READY <port>" when it listens.
"""
import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

GROUP, GROUP_PORTS, HOPS = "239.255.42.1", (5000, 5001), 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", default="8554")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--auth", choices=["none", "basic", "digest"], default="none")
    parser.add_argument("--user", default="u")
    parser.add_argument("--password", default="p")
    parser.add_argument("--proto", choices=["udp", "tcp", "both", "multicast"], default="both")
    parser.add_argument("--tls", help="file with certificate and key: the whole port speaks TLS")
    parser.add_argument("--srtp", action="store_true", help="SAVP, with the keys by MIKEY")
    return parser.parse_args()


def pipeline(args):
    return (
        f'( multifilesrc location="{args.file}" loop=true '
        f'caps="video/x-h264,stream-format=byte-stream,framerate={args.fps}/1" '
        "! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au "
        "! rtph264pay name=pay0 pt=96 aggregate-mode=zero-latency )"
    )


def on_media_configure(_factory, media):
    """A parsed file has decoding times only, the payloader reads presentation times; without B-frames they are equal."""

    def copy_time(_pad, info):
        buffer = info.get_buffer()
        buffer.pts = buffer.dts
        return Gst.PadProbeReturn.OK

    sink = media.get_element().get_by_name("pay0").get_static_pad("sink")
    sink.add_probe(Gst.PadProbeType.BUFFER, copy_time)


def authentication(args):
    """Who may do what; the certificate belongs to it too."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    if args.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(args.tls))
    if args.auth == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(args.user, args.password), token)
    elif args.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(args.user, args.password, token)
    else:
        auth.set_default_token(token)
    return auth


def main():
    args = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(args.address)
    server.set_service(args.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline(args))
    factory.set_shared(True)
    factory.set_stop_on_disconnect(True)
    transports = {
        "udp": GstRtsp.RTSPLowerTrans.UDP,
        "tcp": GstRtsp.RTSPLowerTrans.TCP,
        "both": GstRtsp.RTSPLowerTrans.UDP | GstRtsp.RTSPLowerTrans.TCP,
        "multicast": GstRtsp.RTSPLowerTrans.UDP_MCAST,
    }
    factory.set_protocols(transports[args.proto])
    if args.proto == "multicast":
        pool = GstRtspServer.RTSPAddressPool()
        pool.add_range(GROUP, GROUP, *GROUP_PORTS, HOPS)
        factory.set_address_pool(pool)
    if args.srtp:
        factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
    factory.connect("media-configure", on_media_configure)
    if args.auth != "none" or args.tls:
        server.set_auth(authentication(args))
        factory.add_role_from_structure(
            Gst.Structure.new_from_string(
                "viewer,media.factory.access=(boolean)true,media.factory.construct=(boolean)true"
            )
        )
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        raise SystemExit(f"cannot listen on port {args.port}")
    # Sessions whose client vanished end only when they are looked at.
    GLib.timeout_add_seconds(5, lambda: server.get_session_pool().cleanup() >= 0)
    print("READY", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
