#!/usr/bin/env bash
# Makes the streams of the bench from ffmpeg's test sources, once, into a folder that is kept. The noise is there to be coded: without it the bit rate is
# not met.
#   bench/streams.sh [FOLDER]
set -euo pipefail
folder=${1:-${THROUGHLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/throughline}/bench}
mkdir -p "$folder"

# stream NAME SIZE SECONDS BITRATE: 30 pictures a second, an IDR every 2 s with its parameter sets, no B pictures, as cameras do.
stream() {
    local to=$folder/$1.h264
    [ -s "$to" ] && return
    echo "making $to" >&2
    ffmpeg -v error -y -f lavfi -i "testsrc2=size=$2:rate=30,noise=alls=12:allf=t" -t "$3" -an \
        -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p -bf 0 -g 60 -keyint_min 60 -sc_threshold 0 \
        -b:v "$4" -maxrate "$4" -bufsize "$4" -x264-params repeat-headers=1 -f h264 "$to.part"
    mv "$to.part" "$to"
}

stream sd 640x360 30 500k
stream hd 1920x1080 20 8M
stream uhd 3840x2160 10 40M
echo "$folder"
