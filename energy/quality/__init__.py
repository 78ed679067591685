# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""QA: rules that mark an interval raw, validated or estimated."""
