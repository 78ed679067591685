# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The row of a direct utility: its words as the Treasury takes them, and what a paid row tells (docs/protocol.md). Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from eth_hash.auto import keccak

ZERO_HASH = bytes(32)
MINTED_DIRECT = 3  # `mode` of a `Minted` that stands for a part of a row
_BPS = 10_000
_U16 = (1 << 16) - 1
_U32 = (1 << 32) - 1
_U80 = (1 << 80) - 1


class Logged(Protocol):
    """A decoded log: the event's name and its arguments."""

    @property
    def event(self) -> str:
        """As the ABI names it."""
        ...

    @property
    def args(self) -> Mapping[str, Any]:
        """By the names of the ABI."""
        ...


L = TypeVar("L", bound=Logged)


class RowError(ValueError):
    """Logs that do not belong together as those of one paid row."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits at a place in a row, as the Registry had it when the row was seated. `rated_w` is what fills the bucket, W."""

    station: int
    tenure: int
    owner: bytes
    rated_w: int
    is_contract: bool = False
    ended: bool = False

    @property
    def tenured(self) -> int:
        """The word that names the register."""
        return self.station << 32 | self.tenure

    @property
    def word(self) -> int:
        """The word that tells owner and rating."""
        flags = self.is_contract << 216 | self.ended << 217
        return int.from_bytes(self.owner, "big") | self.rated_w << 160 | flags


@dataclass(frozen=True, slots=True)
class RowMint:
    """What one owner got for a stretch of a register, µWh."""

    station: int
    tenure: int
    owner: bytes
    from_register: int
    to_register: int
    to_owner: int
    reserve: int


def seats_hash(seats: Sequence[Seat]) -> bytes:
    """What the Treasury remembers of a row's seats; zeros before the first."""
    seen = ZERO_HASH
    for seat in seats:
        seen = keccak(seen + seat.tenured.to_bytes(32, "big") + seat.word.to_bytes(32, "big"))
    return seen


def row_words(
    registers: Sequence[tuple[int, int, int]], seats: Sequence[Seat], before: Sequence[Seat] | None = None
) -> list[int]:
    """`row` of `Treasury.direct`. With `before`, those who sat there until now, the row is seated anew.

    Raises ValueError unless the seats are those of the registers.
    """
    if [(seat.station, seat.tenure) for seat in seats] != [register[:2] for register in registers]:
        raise ValueError("the seats are not those of the row")
    words = []
    for (station, tenure, mintable), seat in zip(registers, seats, strict=True):
        words += [station << 128 | tenure << 96 | mintable, seat.word]
    for seat in before or ():
        words += [seat.tenured, seat.word]
    return words


def minted_by(
    logs: Sequence[L], place: int, treasury: bytes, *, transaction: Callable[[L], bytes]
) -> list[dict[str, Any]]:
    """What the `RowMinted` at a place of consecutive logs stands for: the arguments of a `Minted` an owner, in the row's order. The
    transfers of the row are the logs that follow it, one an owner; who is credited for later stands right before it, in the
    same transaction. Raises RowError where they do not fit.
    """
    log = logs[place]
    terms, row = log.args["terms"], log.args["row"]
    paid = [one for one in logs[place + 1 : place + 1 + len(row)] if one.event == "TransferSingle"]
    first = place
    while first and logs[first - 1].event == "PendingCredited" and transaction(logs[first - 1]) == transaction(log):
        first -= 1
    credited = [one.args["owner"] for one in logs[first:place]]
    transfers = [(one.args["_to"], one.args["_value"]) for one in paid]
    utility = log.args["utility"]
    fixed = {"utility": utility, "slot": terms >> 16, "token_id": utility, "mode": MINTED_DIRECT}
    return [asdict(mint) | fixed for mint in row_mints(terms, row, transfers, credited, treasury)]


def row_mints(
    terms: int,
    row: Sequence[int],
    transfers: Sequence[tuple[bytes, int]],
    credited: Sequence[bytes],
    treasury: bytes,
) -> list[RowMint]:
    """What a `RowMinted` tells, with (receiver, amount) of the token's transfers that follow it and the owners of the
    Treasury's `PendingCredited` right before it. Raises RowError where they do not fit.
    """
    if len(transfers) != len(row):
        raise RowError(f"{len(row)} owners were paid with {len(transfers)} transfers")
    waiting = list(credited)
    share = terms & _U16
    mints = []
    for word, (receiver, to_owner) in zip(row, transfers, strict=True):
        if receiver == treasury and not waiting:
            raise RowError("tokens went to the Treasury and wait for nobody")
        owner = waiting.pop(0) if receiver == treasury else receiver
        start = word >> 16 & _U80
        energy = _energy(to_owner, start, share, word & _U16)
        mints.append(
            RowMint(
                station=word >> 128,
                tenure=word >> 96 & _U32,
                owner=owner,
                from_register=start,
                to_register=start + energy,
                to_owner=to_owner,
                reserve=energy - to_owner,
            )
        )
    if waiting:
        raise RowError("more tokens wait than were paid")
    return mints


def _energy(to_owner: int, start: int, share: int, last_bits: int) -> int:
    """The energy of which an owner got `to_owner`. Where two fit, because one unit more went to the reserve, the last bits tell."""
    guess = to_owner * _BPS // (_BPS - share)
    for energy in range(max(guess - 2, 0), guess + 4):
        kept = (start + energy) * share // _BPS - start * share // _BPS
        if energy - kept == to_owner and energy & _U16 == last_bits:
            return energy
    raise RowError(f"no energy leaves {to_owner} at a share of {share}")
