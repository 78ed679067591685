# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What keeps a device from being served."""


class EncodeError(ValueError):
    """A map, or a chain of models, that the simulator cannot serve; the message says which part."""
