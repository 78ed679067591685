# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a home earns by what it makes: coefficients of the DAO, penalties and bonuses of policies."""
