# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m greencore`: the same command, for processes that the supervisor starts."""

from greencore.cli import main

if __name__ == "__main__":
    main()
