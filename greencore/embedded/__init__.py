# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Real servers that need no installation of their own: for the demo, the tests, and a pilot on one machine."""
