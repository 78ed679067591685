# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Energy from the meter to the token while everything dies: between any two steps, again and again."""
