# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The whole product on one machine: real servers, real protocols, measured days at many times their speed."""
