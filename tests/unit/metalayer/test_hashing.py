from control_plane.domain.hashing import ZERO, hash_pair, hash_sorted_pair, keccak256


def test_keccak_is_the_original_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty


def test_pairs() -> None:
    low, high = ZERO, b"\xff" * 32
    assert hash_pair(high, low) == keccak256(high + low)
    assert hash_sorted_pair(high, low) == hash_sorted_pair(low, high) == keccak256(low + high)
