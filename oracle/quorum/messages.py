# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What nodes send each other, as JSON: proposals, requests to sign, answers.

Amounts are decimal text, bytes are hexadecimal with `0x`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar
from uuid import UUID

import msgspec

from kit.errors import Malformed
from oracle.rules import Content, Report, readings_hash

SIGNATURES_MAX = 32

_T = TypeVar("_T")


class ContentWire(msgspec.Struct, frozen=True, rename="camel"):
    """`Content` on the wire."""

    utility: int
    slot: int
    prev: str
    root: str
    increase: str
    total: str
    stations: int
    data_hash: str
    valid_from: int


class ProposalWire(msgspec.Struct, frozen=True, rename="camel"):
    """`Proposal` on the wire: stations by UUID, reading hashes in the order of slot and meter."""

    content: ContentWire
    policy: int
    readings: dict[str, list[str]]


class SignRequestWire(msgspec.Struct, frozen=True, rename="camel"):
    """`SignRequest` on the wire."""

    proposal: ProposalWire
    deadline: int
    epoch: int
    signatures: list[str]


class SignAnswerWire(msgspec.Struct, frozen=True, rename="camel"):
    """A node's signature over the request's report."""

    signature: str


class ReadingsRequestWire(msgspec.Struct, frozen=True, rename="camel"):
    """Hashes of readings that a node lacks."""

    hashes: list[str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A content, the version of the policy it was computed with, and the readings that it counts for the first time.

    `readings` are hashes by station.
    """

    content: Content
    policy: int
    readings: Mapping[UUID, tuple[bytes, ...]]

    def readings_hash(self) -> bytes:
        """What the published file commits to."""
        return readings_hash(self.readings, self.policy)

    def all_hashes(self) -> list[bytes]:
        """Every listed reading, by station and in the list's order."""
        return [h for station in sorted(self.readings) for h in self.readings[station]]

    def to_wire(self) -> ProposalWire:
        """The wire form."""
        c = self.content
        content = ContentWire(
            c.utility,
            c.slot,
            _hex(c.prev),
            _hex(c.root),
            str(c.increase),
            str(c.total),
            c.stations,
            _hex(c.data_hash),
            c.valid_from,
        )
        lists = {str(station): [_hex(h) for h in self.readings[station]] for station in sorted(self.readings)}
        return ProposalWire(content, self.policy, lists)

    def to_json(self) -> bytes:
        """The wire form as bytes."""
        return msgspec.json.encode(self.to_wire())

    @classmethod
    def from_wire(cls, wire: ProposalWire) -> Self:
        """Read the wire form. Raises Malformed."""
        try:
            w = wire.content
            content = Content(
                w.utility,
                w.slot,
                _bytes(w.prev, 32),
                _bytes(w.root, 32),
                int(w.increase),
                int(w.total),
                w.stations,
                _bytes(w.data_hash, 32),
                w.valid_from,
            )
            content.hash()  # fails for numbers that are negative or too wide
            readings = {UUID(k): tuple(_bytes(h, 32) for h in hashes) for k, hashes in wire.readings.items()}
        except (ValueError, OverflowError) as error:
            raise Malformed("oracle.bad_proposal", f"the proposal can't be read: {error}") from error
        every = [h for hashes in readings.values() for h in hashes]
        if len(set(every)) != len(every) or any(not hashes for hashes in readings.values()):
            raise Malformed("oracle.bad_proposal", "the proposal lists a reading twice, or a station without readings")
        return cls(content, wire.policy, readings)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the wire form's bytes. Raises Malformed."""
        return cls.from_wire(_decode(data, ProposalWire))


@dataclass(frozen=True, slots=True)
class SignRequest:
    """A proposal as a report that is to be signed, with the signatures that it has: at least one, so strangers can't ask."""

    proposal: Proposal
    deadline: int
    epoch: int
    signatures: tuple[bytes, ...]

    @property
    def report(self) -> Report:
        """What is signed."""
        return Report(self.proposal.content, self.deadline, self.epoch)

    def to_json(self) -> bytes:
        """The wire form as bytes."""
        return msgspec.json.encode(
            SignRequestWire(self.proposal.to_wire(), self.deadline, self.epoch, [_hex(s) for s in self.signatures])
        )

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the wire form's bytes. Raises Malformed."""
        wire = _decode(data, SignRequestWire)
        if not 0 < len(wire.signatures) <= SIGNATURES_MAX:
            raise Malformed("oracle.bad_proposal", f"a request carries 1 to {SIGNATURES_MAX} signatures")
        if not 0 <= wire.deadline < 1 << 64 or not 0 <= wire.epoch < 1 << 32:
            raise Malformed("oracle.bad_proposal", "deadline or epoch is out of range")
        try:
            signatures = tuple(_bytes(s, 64) for s in wire.signatures)
        except ValueError as error:
            raise Malformed("oracle.bad_proposal", str(error)) from error
        return cls(Proposal.from_wire(wire.proposal), wire.deadline, wire.epoch, signatures)


def encode_answer(signature: bytes) -> bytes:
    """A signature as the answer to a request."""
    return msgspec.json.encode(SignAnswerWire(_hex(signature)))


def decode_answer(data: bytes) -> bytes:
    """The signature in an answer. Raises Malformed."""
    try:
        return _bytes(_decode(data, SignAnswerWire).signature, 64)
    except ValueError as error:
        raise Malformed("oracle.bad_answer", str(error)) from error


def encode_readings_request(hashes: Sequence[bytes]) -> bytes:
    """A request for readings by their hashes."""
    return msgspec.json.encode(ReadingsRequestWire([_hex(h) for h in hashes]))


def decode_readings_request(data: bytes) -> list[bytes]:
    """The hashes in a request for readings. Raises Malformed."""
    try:
        return [_bytes(h, 32) for h in _decode(data, ReadingsRequestWire).hashes]
    except ValueError as error:
        raise Malformed("oracle.bad_request", str(error)) from error


def _decode(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise Malformed("oracle.bad_message", str(error)) from error


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str, length: int) -> bytes:
    if len(text) != 2 + 2 * length or not text.startswith("0x"):
        raise ValueError(f"expected 0x and {2 * length} hexadecimal digits")
    return bytes.fromhex(text[2:])
