# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One module a role: its settings, its clients, its handlers, put together."""
