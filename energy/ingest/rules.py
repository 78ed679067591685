# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a signed interval must satisfy to be stored. Pure; every refusal is data with a code of its own.

| code | refused because |
|---|---|
| telemetry.wrong_station | it came by another station's topic |
| telemetry.unknown_meter | no meter of this station is registered |
| telemetry.signature | no registered key of the station signed these bytes |
| telemetry.corrector | a corrector's key signed a measurement, another key a correction, or it says more than a difference |
| telemetry.inactive_meter | the key that signed was retired before the interval |
| telemetry.before_enrolment | the interval begins before the meter or the ownership did |
| telemetry.demo_on_live, telemetry.live_on_demo | simulated and real stations never meet |
| telemetry.future | it ends more than two minutes from now |
| telemetry.too_old | it ended longer ago than anything may still be counted |
| telemetry.over_rating | the station can't have delivered, or drawn, so much in a slot |
| telemetry.range | a measure is beyond anything a meter counts in a slot |
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from edge.protocol import Interval, SignedInterval, key_id
from energy.settle.rules import is_correction
from kit.settings import Mode
from kit.units import rated_uwh_per_slot

AHEAD = timedelta(seconds=120)
AGE_MAX = timedelta(days=31)
CORRECTION_AGE_MAX = timedelta(days=400)
CORRECTOR = 200  # the role of a key in the Registry by which people correct a station's slots; it measures nothing
DELIVERED_MAX_PERCENT = 125
# who draws far more than the roof delivers is a workshop under a small roof; refusing that would forget consumption
DRAWN_MAX_PERCENT = 1_000
DRAWN_FLOOR_UWH = 250_000_000_000  # 1 MW for a slot
MEASURE_MAX_UWH = 2**56  # 72 GWh in a slot; sums and safety factors stay within 64 bits

_DELIVERED = ("genWh", "exportWh")
_DELTAS = ("auxWh", "lossWh", "importWh", "chargeWh", "dischargeWh")


@dataclass(frozen=True, slots=True)
class Key:
    """A registered meter: its Ed25519 key, since when until when it may sign, and its role."""

    key: bytes
    since: datetime
    until: datetime | None
    role: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """One ownership of the station and the power it was rated for, W; `ratings` as in `energy.policy.StationParameters`."""

    since: datetime
    until: datetime | None
    rated_w: int
    ratings: tuple[tuple[int, int], ...] = ()

    def rated_at(self, slot: int) -> int:
        """The highest rating in force in the slot or after it, W: what was lowered since does not judge the time before, and
        what was corrected upwards lets in what it had refused. Before the first rating, the first one holds.
        """
        at = bisect_right(self.ratings, slot, key=lambda rating: rating[0])
        return max((rated_w for _, rated_w in self.ratings[max(at - 1, 0) :]), default=self.rated_w)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the registry says of a station."""

    demo: bool
    keys: Sequence[Key]
    tenures: Sequence[Held]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an interval is not stored. The code is stable, the detail is for a person."""

    code: str
    detail: str


def check(
    delivery: SignedInterval,
    enrolment: Enrolment | None,
    key: bytes | None,
    *,
    now: datetime,
    mode: Mode,
    sender: UUID | None = None,
    age_max: timedelta = AGE_MAX,
) -> bytes | Refusal:
    """The key that signed an acceptable interval, or why it is refused.

    `key` is the one of `keys_for` that was found to have signed. `sender` is the station whose door it came by, where doors
    tell; `now` is the deployment's time.
    """
    interval = delivery.interval
    if sender is not None and sender != interval.home_id:
        return Refusal("telemetry.wrong_station", f"homeId is {interval.home_id}, the topic is of {sender}")
    if enrolment is None or not enrolment.keys:
        return Refusal("telemetry.unknown_meter", f"station {interval.home_id} has no registered meter")
    signer = next((one for one in enrolment.keys if one.key == key), None)
    if signer is None:
        return Refusal("telemetry.signature", "no registered key of the station signed these bytes")
    start = interval.start
    correction = is_correction(interval)
    if correction != (signer.role == CORRECTOR) or (correction and interval.measures.keys() != {"meterWh"}):
        return Refusal(
            "telemetry.corrector", "only a corrector's key signs corrections, of meterWh alone, and nothing else"
        )
    tenure = next((it for it in enrolment.tenures if _holds(it, start)), None)
    # a corrector is appointed after the fact, and may be retired before a node hears of what was corrected and counted
    if tenure is None or (start < signer.since and not correction):
        return Refusal(
            "telemetry.before_enrolment", f"{start.isoformat()} is before the station or its meter was enrolled"
        )
    if signer.until is not None and (now if correction else start) >= signer.until:
        return Refusal("telemetry.inactive_meter", f"the meter was retired at {signer.until.isoformat()}")
    return (
        _wrong_world(interval, enrolment, mode)
        or _out_of_time(interval, now, max(age_max, CORRECTION_AGE_MAX) if correction else age_max)
        or _too_much(interval, tenure.rated_at(interval.slot))
    ) or signer.key


def keys_for(delivery: SignedInterval, enrolment: Enrolment | None) -> tuple[bytes, ...]:
    """The keys that may have signed a delivery: for an envelope those that it hints at."""
    if enrolment is None:
        return ()
    if delivery.envelope is None:
        return tuple(one.key for one in enrolment.keys)
    if not delivery.envelope.names(delivery.hash):
        return ()
    return tuple(one.key for one in enrolment.keys if key_id(one.key) == delivery.envelope.key_id)


def _holds(tenure: Held, start: datetime) -> bool:
    return tenure.since <= start and (tenure.until is None or start < tenure.until)


def _wrong_world(interval: Interval, enrolment: Enrolment, mode: Mode) -> Refusal | None:
    if mode is Mode.LIVE and (interval.source == "demo" or enrolment.demo):
        return Refusal("telemetry.demo_on_live", "this deployment is live; simulated stations can't deliver here")
    if mode is Mode.DEMO and not (interval.source == "demo" and enrolment.demo):
        return Refusal("telemetry.live_on_demo", "this deployment is a demo; the interval is not marked source=demo")
    return None


def _out_of_time(interval: Interval, now: datetime, age_max: timedelta) -> Refusal | None:
    if interval.end > now + AHEAD:
        ahead = (interval.end - now).total_seconds()
        return Refusal("telemetry.future", f"the interval ends {ahead:.0f} s from now; check the device's clock")
    if interval.end < now - age_max:
        return Refusal("telemetry.too_old", f"the interval ended more than {age_max.days} days ago")
    return None


def _too_much(interval: Interval, rated_w: int) -> Refusal | None:
    cap = rated_uwh_per_slot(rated_w)
    delivered = max(interval.meter_uwh, *(abs(interval.measures.get(name, 0)) for name in _DELIVERED))
    if delivered * 100 > cap * DELIVERED_MAX_PERCENT:
        return Refusal(
            "telemetry.over_rating", f"{delivered} µWh delivered is over 125 % of {cap} µWh, a slot at rated power"
        )
    drawn_max = max(cap * DRAWN_MAX_PERCENT // 100, DRAWN_FLOOR_UWH)
    if -interval.meter_uwh > drawn_max:
        return Refusal(
            "telemetry.over_rating",
            f"{-interval.meter_uwh} µWh drawn is over {drawn_max} µWh, the most a station of its rating is believed to draw",
        )
    for name in _DELTAS:
        if abs(interval.measures.get(name, 0)) > MEASURE_MAX_UWH:
            return Refusal("telemetry.range", f"{name} is out of range")
    return None
