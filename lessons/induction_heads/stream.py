"""How the handmade induction head divides its residual stream."""


def parts(vocabulary: int, length: int) -> tuple[slice, slice, slice, slice]:
    """Four slices of a handmade stream: which token stands here, at which position, which token
    stood before it, and which token was copied here. The stream is 3 · vocabulary + length wide.

    A head's queries, keys and values are as wide as the first two parts together: they have room
    for a token and for a position, in the slices `token` and `place`.
    """
    token, place = slice(0, vocabulary), slice(vocabulary, vocabulary + length)
    before = slice(place.stop, place.stop + vocabulary)
    copied = slice(before.stop, before.stop + vocabulary)
    return token, place, before, copied
