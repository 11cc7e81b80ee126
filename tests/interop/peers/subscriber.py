"""A decoding subscriber on LiveKit's Python SDK: joins, decodes, reads each picture's counter, prints one JSON line."""
import argparse
import asyncio
import json
import os
import time

import numpy
from livekit import rtc

# The counter in the built-in clips' pictures: crates/mock-camera/clips/README.md.
COUNTER_BITS, FIRST_X, STEP_X, CENTRE_Y = 16, 80, 32, 320
CLIP_WIDTH, CLIP_HEIGHT = 640, 360


def read_counter(frame):
    luma = numpy.frombuffer(frame.data, dtype=numpy.uint8, count=frame.width * frame.height)
    luma = luma.reshape(frame.height, frame.width)
    y = CENTRE_Y * frame.height // CLIP_HEIGHT
    value = 0
    for bit in range(COUNTER_BITS):
        x = (FIRST_X + STEP_X * bit) * frame.width // CLIP_WIDTH
        value = value * 2 + int(luma[y, x] > 128)
    return value


class Pictures:
    """What was seen, from the first picture on."""

    def __init__(self):
        self.counters, self.sizes, self.times = [], set(), []
        self.first = asyncio.Event()

    def add(self, frame):
        if frame.width <= 2:  # the server ends a track with 2x2 pictures
            return
        self.counters.append(read_counter(frame))
        self.sizes.add((frame.width, frame.height))
        self.times.append(time.monotonic())
        self.first.set()


async def watch(track, pictures):
    async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
        pictures.add(event.frame)


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--duration", type=float, default=10, help="seconds, counted from the first picture")
    parser.add_argument("--patience", type=float, default=30, help="seconds to wait for the first picture")
    args = parser.parse_args()

    room, pictures, tasks, subscribed = rtc.Room(), Pictures(), [], []

    @room.on("track_subscribed")
    def _(track, publication, participant):
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            subscribed.append((time.monotonic(), publication.sid))
            tasks.append(asyncio.create_task(watch(track, pictures)))

    started = time.monotonic()
    await room.connect(args.url, args.token)
    joined = time.monotonic()
    try:
        await asyncio.wait_for(pictures.first.wait(), args.patience)
        await asyncio.sleep(args.duration)
    except asyncio.TimeoutError:
        pass
    times = pictures.times
    print(json.dumps({
        "join_s": joined - started,
        "tracks": [sid for _, sid in subscribed],
        "first_picture_s": times[0] - started if times else None,
        "first_picture_after_subscribing_s": times[0] - subscribed[0][0] if times else None,
        "pictures": len(times),
        "span_s": times[-1] - times[0] if times else 0,
        "sizes": sorted(pictures.sizes),
        "counters": pictures.counters,
        # When each picture arrived, so that a test can look at a time before and after an event of its own.
        "clock": times,
    }), flush=True)
    os._exit(0)  # the SDK sometimes aborts while it shuts down


asyncio.run(main())
