"""LiveKit's official pre-encoded encoder, fed by our rules.

Starts the feeder, which reads the camera and writes pictures to its standard output; publishes them through the SDK's encoder, and
writes back what the encoder says. A picture is a header (bytes, microseconds, width, height, whether it is an IDR) and its access unit;
an answer is one byte, bit 0: a rate was named, bit 1: a key frame is wanted.
"""
import argparse
import asyncio
import os
import struct

from livekit import rtc
from livekit.rtc._proto.room_pb2 import ENCODER_BACKEND_PRE_ENCODED
from livekit.rtc._proto.video_frame_pb2 import ENCODED_FRAME_DELTA, ENCODED_FRAME_KEY

HEADER = struct.Struct(">IqHHB")


async def pictures(feeder):
    while True:
        try:
            size, timestamp_us, width, height, is_idr = HEADER.unpack(await feeder.stdout.readexactly(HEADER.size))
            data = await feeder.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            return
        yield rtc.EncodedVideoFrame(
            data=data, width=width, height=height, codec=rtc.VideoCodec.H264, timestamp_us=timestamp_us,
            frame_type=ENCODED_FRAME_KEY if is_idr else ENCODED_FRAME_DELTA)


async def publish(room, first):
    source = rtc.EncodedVideoSource(first.width, first.height)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA, video_codec=rtc.VideoCodec.H264, simulcast=False,
        video_encoder=ENCODER_BACKEND_PRE_ENCODED,
        video_encoding=rtc.VideoEncoding(max_bitrate=6_000_000, max_framerate=30))
    await room.local_participant.publish_track(track, options)
    return source, track


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("feeder", nargs="+", help="the feeder's command line")
    args = parser.parse_args()
    room = rtc.Room()
    await room.connect(args.url, args.token)
    feeder = await asyncio.create_subprocess_exec(*args.feeder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                                  limit=1 << 24)
    source = track = None
    live = False
    async for picture in pictures(feeder):
        if source is None:
            source, track = await publish(room, picture)
        source.capture_frame(picture)
        feedback = source.take_feedback()
        if feedback.rate_control and not live:
            live = True
            print("LIVE", flush=True)
        feeder.stdin.write(bytes([bool(feedback.rate_control) | feedback.keyframe_requested << 1]))
        await feeder.stdin.drain()
    print("ENDED", flush=True)
    os._exit(0)  # the SDK sometimes aborts while it shuts down


asyncio.run(main())
