# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Which transport the settings ask for."""

from collections.abc import Awaitable, Callable

from edge.delivery.fallback import FallbackTransport
from edge.delivery.rest import RestTransport
from edge.delivery.sender import Transport
from edge.delivery.tls import client_context
from edge.settings import EdgeSettings


def transport_of(
    settings: EdgeSettings,
    receive: Callable[[bytes], Awaitable[set[bytes]]],
    reachable: Callable[[], None] = lambda: None,
) -> Transport:
    """REST, or MQTT with REST behind it where an API_URL is set; `receive` gets every receipt, `reachable` is
    called whenever a connection that had ended stands again.

    Raises TlsError if a certificate cannot be used.
    """
    context = client_context(settings.tls_ca, settings.tls_cert, settings.tls_key)
    rest = RestTransport(settings.api_url, settings.delivery_timeout_s, receive, context)
    if settings.transport == "rest":
        return rest
    from edge.delivery.mqtt import MqttTransport  # noqa: PLC0415 - seven megabytes that an agent with REST does not need

    mqtt = MqttTransport(settings, receive, context if settings.mqtt_tls else None, reachable)
    if not settings.fallback_s or "api_url" not in settings.model_fields_set:
        return mqtt
    return FallbackTransport(mqtt, rest, settings.fallback_s)
