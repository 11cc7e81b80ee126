"""Compares streams."""


def nal_units(annex_b):
    units = [u.rstrip(b"\0") for u in annex_b.split(b"\0\0\1")]
    return [u for u in units if u]


def pictures_of(annex_b):
    """NAL units without parameter sets and delimiters, which peers add, drop and repeat."""
    return [u for u in nal_units(annex_b) if u[0] & 31 not in (7, 8, 9)]


def expect_part_of_loop(received, source):
    """What came is an unbroken run of what the camera plays in a loop, byte for byte. Returns the number of NAL units compared."""
    got, loop = pictures_of(received), pictures_of(source)
    assert got, "nothing was received"
    assert got[0] in loop, "the first NAL unit is none of the source's"
    at = loop.index(got[0])
    for i, unit in enumerate(got):
        assert unit == loop[(at + i) % len(loop)], f"NAL unit {i} of {len(got)} differs from the source's {(at + i) % len(loop)}"
    return len(got)
