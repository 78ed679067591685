# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The net and the mintable register of a station, by pure rules that the platform and every oracle node share."""
