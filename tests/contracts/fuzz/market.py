# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the models of escrow and marketplace share: how long to search, and a machine that compares chain and model."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.world import START, Contract, Outcome, remembered_recovery

STEPS = 60
FULL_EVERY = 12  # steps between two comparisons of everything

Operation = Callable[..., None]


class Refused(Exception):
    """The model refuses an operation; the text is the contract's reason."""


def need(held: bool, reason: str) -> None:
    """Refuse unless something holds."""
    if not held:
        raise Refused(reason)


def operation(
    weight: int = 1, when: Callable[[Any], Any] = lambda self: True, **drawn: st.SearchStrategy[Any]
) -> Callable[[Operation], Operation]:
    """An operation of a machine: how often it is drawn beside others, when it makes sense, and its arguments."""

    def mark(function: Operation) -> Operation:
        function.drawn = (weight, when, drawn)  # type: ignore[attr-defined]
        return function

    return mark


class Compared(RuleBasedStateMachine):
    """Every operation goes to the model and to the chain, and both let it through or refuse it with the same words."""

    tally: ClassVar[Counter[tuple[str, str]]]
    examples: ClassVar[int] = 140  # so many that they make some more than 5,000 operations

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.changed = False  # by the last step; what is refused changes nothing
        self._chain: AbstractContextManager[Any] = boa.env.anchor()
        self._chain.__enter__()
        boa.env.timestamp = START

    def teardown(self) -> None:
        """Everything once more, and back to the freshly deployed contracts."""
        self.steps = 0
        try:
            self.compare_all()
        finally:
            self._chain.__exit__(None, None, None)

    def compare_all(self) -> None:
        """What a machine compares at its end."""

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Any operation. One rule for all, because Hypothesis leaves rules out of whole runs, and sales need several."""
        self.steps += 1
        self.changed = False
        names = []
        for name in dir(type(self)):
            weight, when, _ = getattr(getattr(type(self), name), "drawn", (0, None, None))
            if weight and when(self):
                names += [name] * weight
        name = data.draw(st.sampled_from(names))
        _, _, drawn = getattr(type(self), name).drawn
        getattr(self, name)(**{argument: data.draw(strategy) for argument, strategy in drawn.items()})

    @property
    def full(self) -> bool:
        """Whether it is time to compare everything, and not only what changed: reads are most of a run's time."""
        return self.steps % FULL_EVERY == 0

    @property
    def now(self) -> int:
        """The chain's clock."""
        return int(boa.env.timestamp)

    def both(self, model: Any, contract: Contract, function: str, *args: Any, sender: bytes) -> Outcome:
        """`model` raises Refused before it changes anything, or makes the change."""
        try:
            model()
            expected = "ok"
        except Refused as refused:
            expected = str(refused)
        outcome = contract.call(function, *args, sender=sender)
        self.tally[function, expected] += 1
        self.changed |= outcome.ok
        assert ("ok" if outcome.ok else outcome.reason) == expected, (function, outcome.reason, expected)
        return outcome


def search(machine: type[Compared], must_see: tuple[tuple[str, str], ...]) -> None:
    """Run a machine, print what it did, and insist that it saw the outcomes that matter."""
    machine.tally = Counter()
    asked = run()
    examples = machine.examples * (1 if profile() == "default" else 21)
    with remembered_recovery(active=asked.remember):
        run_state_machine_as_test(
            asked.seeded(machine),
            settings=settings(asked.settings, max_examples=examples, stateful_step_count=STEPS),
        )
    operations = sum(machine.tally.values())
    print(asked.summary(operations, machine.tally))
    assert operations >= asked.operations_min
    missed = [outcome for outcome in must_see if not machine.tally[outcome]]
    assert not missed or not asked.covers, f"the run never saw {missed}"
