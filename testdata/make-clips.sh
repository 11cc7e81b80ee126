#!/bin/sh
# Makes the mock camera's built-in clips, crates/mock-camera/clips/*.h264. Needs ffmpeg with libx264 and GNU sed.
# The clips are committed: run this only to change them. What is in a picture: crates/mock-camera/clips/README.md.
set -eu
cd "$(dirname "$0")/../crates/mock-camera/clips"

# The counter's geometry, in pixels; multiples of 16, so that each block is made of whole macroblocks.
bits=16 block=32 left=64 top=304 margin=16

counter="drawbox=x=$((left - margin)):y=$((top - margin)):w=$((bits * block + 2 * margin)):h=$((block + 2 * margin)):color=black:t=fill"
bit=0
while [ "$bit" -lt "$bits" ]; do
    # The most significant bit is the leftmost block. `n` is the number of the picture.
    weight=$((1 << (bits - 1 - bit)))
    counter="$counter,drawbox=x=$((left + bit * block)):y=$top:w=$block:h=$block:color=white:t=fill:enable='gte(mod(n,$((2 * weight))),$weight)'"
    bit=$((bit + 1))
done

# make NAME X264_PROFILE WRITTEN WANTED: x264 cannot be asked for every set of constraint flags, so the three bytes that
# it writes after the SPS's NAL header (profile_idc, constraint flags, level_idc) are replaced. None of them begins an
# emulation prevention sequence, and the flags change nothing in how the pictures are decoded.
make() {
    ffmpeg -y -v error -f lavfi -i "testsrc2=size=640x360:rate=30:duration=10" -vf "$counter" \
        -pix_fmt yuv420p -c:v libx264 -profile:v "$2" -level:v 3.1 -threads 1 \
        -b:v 500k -maxrate 500k -bufsize 500k -bf 0 -g 30 \
        -x264-params "repeat-headers=1:scenecut=0:slices=1:keyint-min=30" -f h264 "$1.h264"
    LC_ALL=C sed -i "s/\\x00\\x00\\x01\\x67$3/\\x00\\x00\\x01\\x67$4/g" "$1.h264"
}

make constrained_baseline baseline '\x42\xc0\x1f' '\x42\xe0\x1f'
make baseline baseline '\x42\xc0\x1f' '\x42\x00\x1f'
make high high '\x64\x00\x1f' '\x64\x0c\x1f'
