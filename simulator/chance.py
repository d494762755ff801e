"""Chance without memory: each number follows from a key and whole numbers, whatever was asked for before.

A generator that is stepped would give live, back-fill and tests different cities. Here every draw is a hash of
(seed, name of the process, sensor, instant), made of whole-number arithmetic that is exact on every machine;
processes that last are sums of such draws in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from math import ceil, exp, sqrt

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Whole = NDArray[np.int64]
Float = NDArray[np.float64]

#: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64's step and mixer.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFT = (np.uint64(30), np.uint64(27), np.uint64(31))
#: The lower half of each 32 bits, and shifts between halves.
_HALVES, _HALF, _WORD, _LOW = (
    np.uint64(0x0000FFFF0000FFFF),
    np.uint64(16),
    np.uint64(32),
    np.uint64(0xFFFFFFFF),
)
#: Four parts of 0 … 65535 have a standard deviation of 65536 / √3.
_IRWIN_HALL = sqrt(3.0) / 65536.0
#: What a sum of draws forgets: the weight of older ones is below e⁻⁵.
_FORGOTTEN = 5.0


def key(seed: int, name: str) -> Keys:
    """The key of one named process under one seed, uint64[1]."""
    digest = blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.array([int.from_bytes(digest, "little")], np.uint64)


def keys(start: Keys, ids: Whole) -> Keys:
    """A key for each pair of `start` and `ids` (broadcast against each other)."""
    mixed: Keys = start + ids.astype(np.uint64) * _STEP
    for shift, factor in zip(_SHIFT, _MIX, strict=False):
        mixed ^= mixed >> shift
        mixed *= factor
    mixed ^= mixed >> _SHIFT[2]
    return mixed


def uniform(of: Keys) -> Float:
    """One number in [0, 1) for each key, float64."""
    return (of >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gaussian(of: Keys) -> NDArray[np.float32]:
    """One number of mean 0 and variance 1 for each key, float32, never beyond ±3.47.

    The sum of the key's four 16-bit parts (Irwin and Hall): near enough to Gauss for instruments and innovations,
    and exact, where logarithm and cosine would be slower and differ between machines.
    """
    pairs = (of & _HALVES) + ((of >> _HALF) & _HALVES)
    total = (pairs + (pairs >> _WORD)) & _LOW
    drawn: NDArray[np.float32] = (total.astype(np.float32) - 131070) * _IRWIN_HALL
    return drawn


def ripple(of: Keys, seconds: Whole, step_s: int) -> Float:
    """White noise of variance 1 on a lattice of `step_s`, straight lines between; float64[len(of), len(seconds)]."""
    return _between(seconds, step_s, lambda nodes: gaussian(keys(of[:, None], nodes)).astype(np.float64))


def memory(of: Keys, seconds: Whole, tau_s: float, step_s: int) -> Float:
    """A Gaussian process of variance 1 and autocorrelation exp(−lag/τ); float64[len(of), len(seconds)].

    An autoregression on a lattice of `step_s`, written as the sum of its innovations so that no instant needs the
    one before it; straight lines between.
    """
    return _between(seconds, step_s, lambda nodes: _innovations(of, nodes, step_s / tau_s))


def _innovations(of: Keys, nodes: Whole, age: float) -> Float:
    decay = exp(-age)
    weight = sqrt(1.0 - decay * decay)
    total = np.zeros((len(of), len(nodes)))
    lags = ceil(_FORGOTTEN / age)
    drawn = _drawn(of, nodes, lags)
    for lag in range(lags):  # the order of the sum is part of the result
        total += weight * drawn(lag)
        weight *= decay
    return total


def _drawn(of: Keys, nodes: Whole, lags: int) -> Callable[[int], NDArray[np.float32]]:
    """The draws so many nodes before each of `nodes` (rising); without a gap in them each is made once."""
    count = len(nodes)
    if int(nodes[-1] - nodes[0]) + 1 > count:
        return lambda lag: gaussian(keys(of[:, None], nodes - lag))
    every = gaussian(keys(of[:, None], np.arange(nodes[0] - lags + 1, nodes[-1] + 1)))
    return lambda lag: every[:, lags - 1 - lag : lags - 1 - lag + count]


def _between(seconds: Whole, step_s: int, draw: Callable[[Whole], Float]) -> Float:
    left, rest = np.divmod(seconds, step_s)
    nodes = np.unique(np.concatenate([left, left + 1]))
    values = draw(nodes)
    at = np.searchsorted(nodes, left)  # left + 1 is the next node
    before = values[:, at]
    return before + (values[:, at + 1] - before) * (rest / step_s)
