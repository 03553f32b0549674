"""Hashes that tell apart what differs."""

import numpy as np

from myspinbot.media.fingerprint import fingerprint


def test_a_fingerprint_tells_apart_what_differs(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    array = np.arange(6, dtype=np.uint8)
    parts = [
        ("abc",), (b"abc",), (file,), ("a", "bc"), ("ab", "c"), (), ("",), (1,), (1.5,), (None,), (True,),
        ({"a": 1, "b": 2},), ({"a": 1, "b": "2"},), (["a"],), (array,), (array.reshape(2, 3),), (array.view(np.int8),),
    ]  # fmt: skip
    prints = [fingerprint(*part) for part in parts]
    assert len(set(prints)) == len(parts)
    assert fingerprint({"b": 2, "a": 1}) == fingerprint({"a": 1, "b": 2})
    assert fingerprint(array.reshape(2, 3).T) == fingerprint(array.reshape(2, 3).T.copy())
    file.write_bytes(b"abd")
    assert fingerprint(file) != fingerprint(tmp_path.joinpath("b").write_bytes(b"abc") and tmp_path / "b")
