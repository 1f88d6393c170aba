from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain import bls
from tests.unit.metalayer.vectors import load, raw

DIGEST = b"\x07" * 32


def secret(number: int) -> bls.SecretKey:
    return bls.SecretKey(bytes([number]) * 32)


def test_hash_to_curve_of_rfc_9380() -> None:
    suite = load("bls12381")["hashToG2"]
    for vector in suite["vectors"]:
        point = bls.hash_to_curve(vector["message"].encode(), suite["tag"].encode())
        assert point == raw(vector["point"])


def test_key_generation_of_eip_2333() -> None:
    for vector in load("bls12381")["keyGen"]:
        assert bls.derive_scalar(raw(vector["seed"])) == int(vector["scalar"])


def test_short_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        bls.SecretKey(b"\x01" * 31)


def test_key_addition_of_eip_2537() -> None:
    for vector in load("bls12381")["addG1"]:
        keys = [raw(vector["a"]), raw(vector["b"])]
        known = [key for key in keys if key != bls.INFINITY_KEY]
        assert bls.sum_keys(known) == raw(vector["sum"])


def test_signature_vectors() -> None:
    for vector in load("metalayer")["signatures"]:
        key, digest = raw(vector["key"]), raw(vector["digest"])
        assert bls.verify(key, digest, raw(vector["signature"]))
        assert not bls.verify(key, digest[::-1] + b"\x01", raw(vector["signature"]))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=40), st.binary(min_size=32, max_size=32))
def test_sign_and_verify(seed: bytes, digest: bytes) -> None:
    key = bls.SecretKey(seed)
    signature = key.sign(digest)
    assert len(key.key) == bls.KEY_BYTES
    assert len(signature) == bls.SIGNATURE_BYTES
    assert bls.verify(key.key, digest, signature)
    assert not bls.verify(secret(1).key, digest, signature)
    assert not bls.verify(key.key, inverted(digest), signature)


def inverted(digest: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in digest)


def test_tags_are_kept_apart() -> None:
    key = secret(1)
    proof = key.prove_possession(DIGEST)
    assert bls.verify_possession(key.key, DIGEST, proof)
    assert not bls.verify(key.key, DIGEST, proof)
    assert not bls.verify_possession(key.key, DIGEST, key.sign(DIGEST))


def test_aggregate_is_verified_by_the_sum_of_keys() -> None:
    signers = [secret(number) for number in range(1, 6)]
    signature = bls.aggregate(one.sign(DIGEST) for one in signers)
    total = bls.sum_keys(one.key for one in signers)
    assert bls.verify(total, DIGEST, signature)
    without = bls.aggregate(one.sign(DIGEST) for one in signers[1:])
    assert bls.verify(bls.subtract_keys(total, [signers[0].key]), DIGEST, without)
    assert not bls.verify(total, DIGEST, without)


def test_subtracting_all_leaves_infinity_which_verifies_nothing() -> None:
    keys = [secret(1).key, secret(2).key]
    rest = bls.subtract_keys(bls.sum_keys(keys), keys)
    assert rest == bls.INFINITY_KEY == bls.sum_keys([])
    assert not bls.verify(rest, DIGEST, bytes(256))
    assert not bls.verify(rest, DIGEST, secret(1).sign(DIGEST))
    assert bls.subtract_keys(rest, []) == bls.INFINITY_KEY


def test_infinity_is_no_signature_of_a_key() -> None:
    assert not bls.verify(secret(1).key, DIGEST, bytes(256))


def test_signature_sum_adds_and_removes() -> None:
    one, two = secret(1).sign(DIGEST), secret(2).sign(DIGEST)
    total = bls.SignatureSum()
    assert total.to_bytes() == bytes(256)
    total.add(one)
    total.add(two)
    assert total.to_bytes() == bls.aggregate([one, two])
    total.remove(one)
    assert total.to_bytes() == two


@pytest.mark.parametrize("vector", load("bls12381")["invalidG1"], ids=lambda one: one["why"])
def test_invalid_keys(vector: dict[str, str]) -> None:
    point = raw(vector["point"]) if len(vector["point"]) % 2 == 0 else raw(vector["point"] + "0")
    with pytest.raises(bls.InvalidPoint):
        bls.sum_keys([point])
    assert not bls.verify(point, DIGEST, secret(1).sign(DIGEST))


@pytest.mark.parametrize("vector", load("bls12381")["invalidG2"], ids=lambda one: one["why"])
def test_invalid_signatures_are_none(vector: dict[str, str]) -> None:
    with pytest.raises(bls.InvalidPoint):
        bls.decode_signature(raw(vector["point"]))
    assert not bls.verify(secret(1).key, DIGEST, raw(vector["point"]))


def test_the_key_at_infinity_is_refused() -> None:
    with pytest.raises(bls.InvalidPoint, match="infinity"):
        bls.sum_keys([bls.INFINITY_KEY])


@pytest.mark.parametrize("bad", [(), (0,), (3,), (1, 2), (0, 1, 2, 3, 4)])
def test_invalid_signatures_are_found(bad: tuple[int, ...]) -> None:
    votes = []
    for number in range(5):
        signer = secret(number + 1)
        signed = DIGEST if number not in bad else b"\x08" * 32
        votes.append((signer.key, signer.sign(signed)))
    assert bls.invalid_signatures(votes, DIGEST) == bad


def test_malformed_votes_are_found_too() -> None:
    good = (secret(1).key, secret(1).sign(DIGEST))
    assert bls.invalid_signatures([good, (secret(2).key, b"junk"), good], DIGEST) == (1,)
    assert bls.invalid_signatures([], DIGEST) == ()


def outside() -> bytes:
    """A point of the curve that is not in the group."""
    why = "not in the subgroup"
    return next(raw(one["point"]) for one in load("bls12381")["invalidG2"] if one["why"] == why)


@pytest.mark.parametrize("at", range(5))
def test_votes_outside_the_group_are_found(at: int) -> None:
    signers = [secret(number + 1) for number in range(5)]
    votes = [(one.key, one.sign(DIGEST)) for one in signers]
    votes[at] = (votes[at][0], outside())
    assert bls.invalid_signatures(votes, DIGEST) == (at,)
    with pytest.raises(bls.InvalidPoint, match="not in the group"):
        bls.aggregate(signature for _, signature in votes)


@given(st.lists(st.sampled_from(["good", "other", "outside", "junk"]), max_size=9))
@settings(max_examples=20, deadline=None)
def test_exactly_the_bad_votes_are_found(kinds: list[str]) -> None:
    votes = []
    for number, kind in enumerate(kinds, start=1):
        signer = secret(number)
        other = signer.sign(b"\x08" * 32)
        given_ = {"good": signer.sign(DIGEST), "other": other, "outside": outside(), "junk": b"no"}
        votes.append((signer.key, given_[kind]))
    bad = tuple(at for at, kind in enumerate(kinds) if kind != "good")
    assert bls.invalid_signatures(votes, DIGEST) == bad


def test_votes_that_make_up_for_each_other_have_a_good_sum() -> None:
    """Each alone is bad, together they give a certificate that anybody accepts."""
    one, two, surplus = secret(1), secret(2), secret(3).sign(DIGEST)
    more = bls.aggregate([one.sign(DIGEST), surplus])
    less = bls.SignatureSum()
    less.add(two.sign(DIGEST))
    less.remove(surplus)
    votes = [(one.key, more), (two.key, less.to_bytes())]
    assert bls.invalid_signatures(votes, DIGEST) == ()
    total = bls.aggregate(signature for _, signature in votes)
    assert bls.verify(bls.sum_keys(key for key, _ in votes), DIGEST, total)
    assert bls.invalid_signatures(votes[:1], DIGEST) == (0,)


def test_one_bad_vote_of_many_costs_a_pairing_for_each_halving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    pairing = bls._residual

    def counted(*given: Any) -> Any:
        made.append(1)
        return pairing(*given)

    monkeypatch.setattr(bls, "_residual", counted)
    votes = [(one.key, one.sign(DIGEST)) for one in (secret(number + 1) for number in range(64))]
    assert bls.invalid_signatures(votes, DIGEST) == ()
    assert len(made) == 1
    votes[37] = (votes[37][0], votes[36][1])
    assert bls.invalid_signatures(votes, DIGEST) == (37,)
    assert len(made) == 1 + 1 + 6


def test_a_secret_is_never_shown() -> None:
    key = secret(1)
    shown = f"{key!r} {key}"
    assert f"{bls.derive_scalar(bytes([1]) * 32):x}" not in shown
    assert key.key.hex() in shown
