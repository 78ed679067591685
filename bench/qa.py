# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""QA: rules a second; what they find of labelled and of injected faults in real series; errors of estimates by gap length.

Speed, in CPU seconds of this process: canonical bytes through parsing, the rules and the register's JSON, beside a pass that
only parses and adds up. Faults:
precision and recall by rule; tuned on SERF East, tested on the others. Estimates: mean absolute error in % of peak.
`--only speed|days|faults|gaps`, `--seed`.
"""

import argparse
import time
from collections.abc import Sequence
from random import Random
from uuid import UUID

from bench.figures import Figure, finish, machine
from bench.qa_data import CAP, RATED_W, Series, every
from bench.qa_days import days
from bench.qa_faults import honest, injected, labelled
from bench.qa_gaps import errors
from edge.protocol import Interval
from energy.policies.book import book
from energy.policy import StationParameters
from energy.quality.rules import RULES
from energy.settle.rules import Register, advance
from energy.wire import interval_of

BACKLOGS = (1, 96, 960)
SLOTS = 9_600
STATION = UUID(int=7)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench qa", description=__doc__)
    parser.add_argument("--only", choices=("speed", "days", "faults", "gaps"))
    parser.add_argument("--seed", type=int, default=20_261_121)
    options = parser.parse_args()
    print(machine(), flush=True)
    figures: list[Figure] = []
    if options.only in (None, "speed"):
        figures += speed(options.seed)
    if options.only in (None, "days"):
        for stations, judged, summed in days():
            print(f"{stations:>4} stations: {judged:,.0f} days/s; only summed: {summed:,.0f}/s", flush=True)
            figures.append(Figure("qa_days", judged, "1/s", stations, "sum of each day", summed))
    if options.only in (None, "faults", "gaps"):
        series, missing = every()
        for line in missing:
            print(f"NOT MEASURED: {line}", flush=True)
        if options.only != "gaps":
            figures += faults(series, options.seed)
        if options.only != "faults":
            figures += gaps(series, options.seed)
    finish(figures)


def speed(seed: int) -> list[Figure]:
    """Slots and rules a second at three sizes of backlog."""
    figures = []
    bodies = _bodies(seed)
    begun = time.process_time()
    total = sum(interval_of(body).meter_uwh for body in bodies)
    parsing = len(bodies) / (time.process_time() - begun)
    parameters, policy = StationParameters(STATION, RATED_W, kind=1), book().newest
    for backlog in BACKLOGS:
        text = Register().to_json()
        begun = time.process_time()
        for at in range(0, len(bodies), backlog):
            readings = [interval_of(body) for body in bodies[at : at + backlog]]
            slot = readings[-1].slot
            step = advance(Register.from_json(text), readings, slot=slot, parameters=parameters, policy=policy)
            text = step.register.to_json()
        rate = len(bodies) / (time.process_time() - begun)
        assert Register.from_json(text).net <= total
        micros = 1_000_000 / rate
        print(f"backlog {backlog:>4}: {rate:>8,.0f} slots/s, {micros:6.1f} µs a slot; only parsed: {parsing:,.0f}/s")
        figures.append(Figure(f"qa_slots_backlog_{backlog}", rate, "1/s", SLOTS, "parse and add", parsing))
        figures.append(Figure(f"qa_rules_backlog_{backlog}", rate * len(RULES), "1/s", SLOTS))
        figures.append(Figure(f"qa_register_bytes_{backlog}", len(text), "B", SLOTS))
    return figures


def faults(series: dict[str, Series], seed: int) -> list[Figure]:
    """What is suspected in honest series, and precision and recall on labelled and injected faults."""
    figures = []
    for key in ("serf", "system50", "household"):
        if key in series:
            share, energy = honest(series[key])
            print(f"{series[key].name}: {share:.3%} of slots suspect, {energy:.3%} of energy held")
            figures.append(Figure(f"qa_honest_{key}_held", energy * 100, "%", len(series[key].values)))
    for key in ("stale", "outliers", "interpolated"):
        if key in series:
            for rule, score in labelled(series[key]).items():
                print(f"{series[key].name}, {rule}: {score}")
                figures += score.figures(f"qa_{key}_{rule}")
    for key in ("serf", "system50", "household"):
        if key in series:
            for (fault, rule), score in injected(series[key], Random(seed)).items():
                print(f"{series[key].name}, {fault} → {rule}: {score}")
                figures += score.figures(f"qa_{key}_{fault}_{rule}")
    return figures


def gaps(series: dict[str, Series], seed: int) -> list[Figure]:
    """Errors of estimates by length of the gap."""
    figures = []
    for key in ("serf", "system50", "household"):
        if key not in series:
            continue
        print(f"{series[key].name}: MAE, % of peak")
        for slots, methods in errors(series[key], Random(seed)).items():
            told = "  ".join(f"{name} {error:5.1f}" for name, (error, _) in methods.items())
            count = next(iter(methods.values()))[1]
            print(f"  {slots / 4:>6.2f} h ({count} gaps)  {told}")
            line = methods["line"][0]
            for name, (error, number) in methods.items():
                baseline = None if name == "line" else "line"
                figures.append(
                    Figure(f"qa_gap_{key}_{slots}_{name}", error, "%", number, baseline, line if baseline else None)
                )
    return figures


def _bodies(seed: int) -> Sequence[bytes]:
    chance = Random(seed)
    made, exported = [], 10**12
    for slot in range(2_000_000, 2_000_000 + SLOTS):
        energy = chance.randrange(CAP // 4, CAP // 2)
        exported += energy
        measures = {"meterWh": energy, "importWh": 0, "exportWh": energy}
        registers = {"importRegisterWh": 10**12, "exportRegisterWh": exported}
        made.append(Interval(STATION, slot, measures | registers, bytes(32), seq=slot).canonical())
    return made


if __name__ == "__main__":
    main()
