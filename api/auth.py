# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who may use an operator's door: the bearer of the token that the deployment was started with."""

import secrets
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.deps import ServicesDep
from kit.errors import Forbidden, Unauthorised

bearer = HTTPBearer(auto_error=False, description="the operator token (GREENCORE_OPERATOR_TOKEN)")


async def operator(
    request: Request, services: ServicesDep, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Let operators through. Raises Unauthorised without a right token, Forbidden where the deployment has none."""
    token = services.settings.operator_token.get_secret_value()
    if not token:
        raise Forbidden("auth.no_operators", "this deployment has no operator token; set GREENCORE_OPERATOR_TOKEN")
    if given is None or not secrets.compare_digest(given.credentials.encode(), token.encode()):
        raise Unauthorised("auth.operator", "send the operator token: Authorization: Bearer …")


OPERATOR = [Depends(operator)]
