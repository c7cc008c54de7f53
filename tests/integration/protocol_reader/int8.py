"""Section 5 of docs/protocol.md, payloads in int8."""
import array
import math
import struct

BLOCK = 1024
SCALE_MAX = 2.0 ** 120
NORMAL_MIN = 2.0 ** -126


def length(elements):
    return elements + 4 * -(-elements // BLOCK)


def elements(bytes_):
    """Of a payload of that many bytes."""
    count = bytes_ - 4 * -(-bytes_ // (BLOCK + 4))
    assert length(count) == bytes_, f"no payload in int8 has {bytes_} bytes"
    return count


def scales(data):
    return struct.unpack_from(f"<{-(-elements(len(data)) // BLOCK)}f", data)


def codes(data):
    return array.array("b", data[len(data) - elements(len(data)):])


def is_sound(data):
    good = all(scale == 0 and math.copysign(1, scale) > 0 or NORMAL_MIN <= scale <= SCALE_MAX for scale in scales(data))
    return good and -128 not in codes(data)


def values(data):
    """scale × code, rounded to f32."""
    of = scales(data)
    return array.array("f", [of[at // BLOCK] * code for at, code in enumerate(codes(data))])
