# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Pages over what the packages store, for reading only: one query a page, also where a page is wanted of many parents."""
