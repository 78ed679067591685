# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a chain and its copy.

Unavailable
└── NodeUnavailable    the node does not answer, or not usefully; the same question may be answered later
    ├── NodeBehind     it does not have yet what we have; never a reorg
    ├── ChainMoved     the chain changed while it was being read; read again
    └── RangeTooLarge  it refuses so many blocks or logs at once; ask for fewer
Conflict
├── CursorMoved        somebody else wrote, though only one may
└── Stopped            going on would be guessing; a person has to decide
    └── LogsMissing    the logs contradict themselves, so the node left some out
"""

from kit.errors import Conflict, Unavailable


class NodeUnavailable(Unavailable):
    """The node does not answer, or not usefully."""


class NodeBehind(NodeUnavailable):
    """The node is behind the cursor on the same chain."""


class ChainMoved(NodeUnavailable):
    """Blocks changed between two questions."""


class RangeTooLarge(NodeUnavailable):
    """The node refuses a range of this size."""


class CursorMoved(Conflict):
    """The cursor is not where this writer left it."""


class Stopped(Conflict):
    """The copy can't follow the chain without a person."""


class LogsMissing(Stopped):
    """An impossible state: a balance below zero, or a register that does not continue where it stood."""
