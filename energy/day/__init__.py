# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whole days of a station, for people: rules that need a day, and estimates by like days. Nothing here changes what is minted."""
