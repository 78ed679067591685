# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that a person or a program outside can meet.

    GreenCoreError
    ├── Refused            400  the request can't be done as it stands
    │   └── Malformed      422  it can't even be read
    ├── Unauthorised       401
    ├── Forbidden          403
    ├── NotFound           404
    ├── Conflict           409  it contradicts what is stored
    ├── TooMany            429
    └── Unavailable        503  something we need does not answer; try again

Every error carries a code `package.reason`: the key that clients test, translations use and contracts' reverts begin with.
"""

from collections.abc import Mapping


class GreenCoreError(Exception):
    """Root of the tree. `code` is stable; the message says what was wrong and what to do; `extra` goes out with it."""

    status = 500

    def __init__(self, code: str, message: str, **extra: object) -> None:
        super().__init__(message)
        self.code = code
        self.extra: Mapping[str, object] = extra


class Refused(GreenCoreError):
    """The request can't be done as it stands."""

    status = 400


class Malformed(Refused):
    """The request can't be read."""

    status = 422


class Unauthorised(GreenCoreError):
    """No, or no valid, credentials."""

    status = 401


class Forbidden(GreenCoreError):
    """The caller may not do this."""

    status = 403


class NotFound(GreenCoreError):
    """There is no such thing."""

    status = 404


class Conflict(GreenCoreError):
    """It contradicts what is stored."""

    status = 409


class TooMany(GreenCoreError):
    """A limit is reached."""

    status = 429


class Unavailable(GreenCoreError):
    """A part that is needed does not answer; the same request may succeed later."""

    status = 503
