# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book of policies: what was signed by an old version is counted the same for ever, and no number changes unseen."""

import hashlib
import random
from uuid import UUID

import pytest

from edge.protocol import Interval, Quality
from energy.policies.book import PolicyError, book, read
from energy.policy import StationParameters
from energy.settle.rules import Register, advance

STATION = UUID(int=7)
KWH = 10**9
MISSING: Quality = "missing"

# A version that is here may be in force somewhere. Never change a line; a change of any number is a new version.
DIGESTS = {
    1: "9d8e02a5e80ae3f741c552ea5e3fe3d41ea6a3f0bb01dadcef1353fc98bc7b39",
    2: "9418e93a5016ccc7c5323f9a0ab4d299a98336e7dd1965b7f5d883bf73cef47a",
}
COUNTED_BY_1 = "bd12942bf0be0715001aa6cd83d447d03a0ccec1634721c45e8dd8518f90563b"  # by the first program there was


def test_no_version_ever_changes() -> None:
    assert {policy.version: policy.digest for policy in book().policies} == DIGESTS


def test_a_report_is_counted_by_the_version_of_its_slot() -> None:
    first, second = book().policies[:2]
    assert book().at(second.effective_from - 1) is first
    assert book().at(second.effective_from) is second
    assert book().newest is book().policies[-1]
    assert book().version(1) is first
    with pytest.raises(KeyError, match="version 99"):
        book().version(99)


def test_every_number_of_every_version_has_a_source_and_a_reason() -> None:
    known = {"research", "spec", "memory", "policy"}
    assert {reason.source for reason in book().reasons.values()} <= known
    assert all(len(reason.why) > 7 for reason in book().reasons.values())
    assert {name for _, _, name in book().reasons} == set(type(book().newest.default).__dataclass_fields__)


def test_a_kind_that_nobody_described_is_generic() -> None:
    policy = book().newest
    assert policy.class_of(1) == "pv"
    assert policy.class_of(200) == "generic"
    assert policy.of(200) == policy.default


TEXT = """
[kinds]
0 = "generic"
"""
VERSION = """
[[policy]]
version = {version}
effective_from = {at}
[policy.default]
{line}
"""


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("spike = { value = 1, source = 'policy', why = 'no such rule' }", "no rule has such a threshold"),
        ("flat_slots = 4", "write { value"),
        ("flat_slots = { value = -4, source = 'policy', why = 'below nothing' }", "no int of at least 0"),
        ("flat_slots = { value = true, source = 'policy', why = 'not a number' }", "no int of at least 0"),
        ("mint_check = { value = 1, source = 'policy', why = 'not a truth' }", "no bool"),
        (
            "[policy.class.moon]\nflat_slots = { value = 4, source = 'policy', why = 'x' }",
            "no kind of station is of class",
        ),
        ("flat_slots = ", "not TOML"),
    ],
)
def test_a_book_that_would_not_do_what_it_says_is_refused(line: str, match: str) -> None:
    with pytest.raises(PolicyError, match=match):
        read(TEXT + VERSION.format(version=1, at="1970-01-01T00:00:00Z", line=line))


def test_what_no_version_said_is_off_and_changes_no_digest() -> None:
    line = "flat_slots = { value = 4, source = 'policy', why = 'alone' }"
    (policy,) = read(TEXT + VERSION.format(version=1, at="1970-01-01T00:00:00Z", line=line)).policies
    assert (policy.default.flat_slots, policy.default.spike_ppm, policy.default.whole_station) == (4, 0, False)
    zero = "\nspike_ppm = { value = 0, source = 'policy', why = 'said to be off' }"
    (same,) = read(TEXT + VERSION.format(version=1, at="1970-01-01T00:00:00Z", line=line + zero)).policies
    assert same.digest == policy.digest


def test_a_version_begins_with_a_slot() -> None:
    with pytest.raises(PolicyError, match="quarter hour"):
        read(TEXT + VERSION.format(version=1, at="1970-01-01T00:00:01Z", line=""))


def history(seed: int) -> tuple[random.Random, list[Interval]]:
    """600 slots of a station with everything wrong: gaps, spikes, flat rows, a second meter now and then, late arrivals."""
    chance = random.Random(seed)
    imported = exported = 10 * KWH
    made = []
    for slot in range(1_000, 1_600):
        some, rare = chance.randrange(-3 * KWH, 9 * KWH), 13 * KWH if chance.random() < 0.1 else KWH
        value = chance.choice([0, some, 2 * KWH, rare])
        imported, exported = imported + max(-value, 0), exported + max(value, 0)
        measures = {"meterWh": value, "importWh": max(-value, 0), "exportWh": max(value, 0)}
        if chance.random() < 0.6:
            measures |= {"importRegisterWh": imported, "exportRegisterWh": exported}
        if chance.random() < 0.1:
            measures |= {"genWh": value + chance.randrange(KWH)}
        if chance.random() < 0.93:
            quality: Quality | None = chance.choice([None] * 20 + [MISSING])
            made.append(Interval(STATION, slot, measures, bytes([slot % 256]) * 32, seq=slot, quality=quality))
        if chance.random() < 0.3:
            aux = {"meterWh": 0, "auxWh": chance.randrange(KWH)}
            made.append(Interval(STATION, slot, aux, bytes(32), meter_id="aux"))
    return chance, sorted(made, key=lambda it: it.slot + (chance.randrange(60) if chance.random() < 0.1 else 0))


def test_what_version_1_counted_it_counts_the_same_today() -> None:
    parameters = StationParameters(STATION, 40_000, k_safety_ppm=1_050_000)
    told = hashlib.sha256()
    for seed in range(6):
        chance, left = history(seed)
        register, report = Register(), 1_000
        while left:
            size = chance.randrange(1, 5)
            chunk, left = left[:size], left[size:]
            report = max(report + 1, *(it.slot for it in chunk))
            step = advance(register, chunk, slot=report, parameters=parameters, policy=book().version(1))
            register = step.register
            sums = (register.net, register.net_measured, register.mintable, register.measured)
            leaf = (report, *sums, step.energy, step.quality, step.profile_hash.hex())
            slots = [(it.slot, it.e_net, it.quality, it.method) for it in step.slots]
            found = [(it.rule, it.slot, it.result, sorted(it.inputs.items()), it.provisional) for it in step.verdicts]
            told.update(repr((*leaf, slots, found)).encode())
    assert told.hexdigest() == COUNTED_BY_1
