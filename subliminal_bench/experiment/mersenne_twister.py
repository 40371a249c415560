"""torch's CPU generator, vectorised over many generators.

For devices on which seeding the generators one by one would take a minute of the host's time.
Algorithm: Matsumoto & Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), with the 2002
initialisation `init_genrand`; torch.rand keeps the lower 24 bits of each word.
"""

import torch
from torch import Tensor

_STATE = 624
_SHIFT = 397
_WORD = 0xFFFFFFFF
_UPPER = 0x80000000
_LOWER = 0x7FFFFFFF
_TWIST = 0x9908B0DF
# Generators advanced together: this limits the state to 330 MB.
_CHUNK = 65_536


def fill_uniform(rows: Tensor, first_seed: int) -> None:
    """Fill row i with the numbers that `torch.rand` draws on the CPU with `first_seed + i`.

    Args:
        rows: float32 `[generators, numbers]`, on any device; overwritten.
        first_seed: the first row's seed; only its lower 32 bits are used, as in torch.

    >>> rows = torch.empty(2, 784)
    >>> fill_uniform(rows, first_seed=5)
    >>> torch.equal(rows[1], torch.rand(784, generator=torch.Generator().manual_seed(6)))
    True
    """
    for begin in range(0, len(rows), _CHUNK):
        chunk = rows[begin : begin + _CHUNK]
        seeds = torch.arange(len(chunk), device=rows.device).add_(first_seed + begin)
        _fill(chunk, _seeded(seeds))


def _fill(rows: Tensor, state: Tensor) -> None:
    numbers = rows.shape[1]
    for begin in range(0, numbers, _STATE):
        _advance(state)
        words = state[: min(_STATE, numbers - begin)]
        words = words ^ (words >> 11)
        words ^= (words << 7) & 0x9D2C5680
        words ^= (words << 15) & 0xEFC60000
        words ^= words >> 18
        rows[:, begin : begin + len(words)] = (words & 0xFFFFFF).T
    rows.mul_(2.0**-24)


def _seeded(seeds: Tensor) -> Tensor:
    """The state `[624, generators]`: words as int64, one contiguous row per word."""
    state = seeds.new_empty(_STATE, len(seeds))
    torch.bitwise_and(seeds, _WORD, out=state[0])
    for i in range(1, _STATE):
        torch.bitwise_right_shift(state[i - 1], 30, out=state[i])
        state[i].bitwise_xor_(state[i - 1]).mul_(1_812_433_253).add_(i).bitwise_and_(_WORD)
    return state


def _advance(state: Tensor) -> None:
    """Compute every generator's next block of 624 words, in place.

    Word k depends on word k+397. That word is still old until the index wraps round, and new
    after that. The slabs are chosen so that within a slab no word depends on another.
    """
    for begin, end in ((0, 227), (227, 454), (454, 623)):
        source = (begin + _SHIFT) % _STATE
        state[begin:end] = _twisted(
            state[begin:end], state[begin + 1 : end + 1], state[source : source + end - begin]
        )
    state[623] = _twisted(state[623], state[0], state[396])


def _twisted(word: Tensor, following: Tensor, shifted: Tensor) -> Tensor:
    mixed = (word & _UPPER) | (following & _LOWER)
    return shifted ^ (mixed >> 1) ^ ((mixed & 1) * _TWIST)
