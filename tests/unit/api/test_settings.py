# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from pydantic import SecretStr, ValidationError

from api.settings import ApiSettings, WorkerSettings


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENCORE_ORACLE_NODES", "http://a:1/, http://b:2")
    assert WorkerSettings().oracle_nodes == ("http://a:1", "http://b:2")


def test_a_short_operator_token_is_no_token() -> None:
    with pytest.raises(ValidationError, match="at least 16"):
        ApiSettings(operator_token=SecretStr("secret"))
    assert not ApiSettings(operator_token=SecretStr("")).node_token


def test_nodes_are_asked_with_their_own_token_or_ours() -> None:
    ours = SecretStr("the-token-of-the-platform")
    assert ApiSettings(operator_token=ours).node_token == "the-token-of-the-platform"
    theirs = ApiSettings(operator_token=ours, oracle_operator_token=SecretStr("theirs"))
    assert theirs.node_token == "theirs"
