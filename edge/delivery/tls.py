# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""TLS for both transports, and what its failures mean in words that somebody can act on."""

import errno
import socket
import ssl
from pathlib import Path

_EXPIRED, _NOT_YET, _HOSTNAME, _IP = 10, 9, 62, 64  # OpenSSL's X509_V_ERR_*
_UNKNOWN = frozenset({2, 18, 19, 20, 21})
_ALERTS = {
    "CERTIFICATE_REQUIRED": "the server asks for a client certificate; set GREENCORE_EDGE_TLS_CERT and _TLS_KEY",
    "UNKNOWN_CA": "the server does not know the CA of our client certificate",
    "CERTIFICATE_EXPIRED": "our client certificate has expired",
    "BAD_CERTIFICATE": "the server refuses our client certificate, or misses one; see GREENCORE_EDGE_TLS_CERT",
    "HANDSHAKE_FAILURE": "the server refuses the handshake; does it ask for a client certificate?",
    "WRONG_VERSION_NUMBER": "the other side does not speak TLS on this port",
    "HTTP_REQUEST": "the other side does not speak TLS on this port",
}


class TlsError(ValueError):
    """A certificate or key of ours cannot be used; the message names the file."""


def client_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """A context that checks the server's chain and host name, TLS 1.2 at least. Raises TlsError."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise TlsError(f"{ca} holds no CA certificates in PEM form: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(f"{certificate} and {key} are not a certificate and its private key: {error}") from error
    return context


def probe(host: str, port: int, context: ssl.SSLContext, timeout_s: float) -> str:
    """Shake hands once more and listen for what the server says of it; empty if it says nothing. Blocks up to `timeout_s`.

    In TLS 1.3 a server looks at the client's certificate after the client believes that all is done; libraries above often
    see the end of the connection and not its reason.
    """
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            wrapped.settimeout(timeout_s)
            wrapped.recv(1)
    except TimeoutError:
        return ""
    except OSError as error:
        return explain(error)
    return ""


def explain(error: BaseException) -> str:
    """Why a connection failed: the innermost reason that is known, else the error's own words."""
    found: BaseException | None = error
    seen: set[int] = set()
    best = ""
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        best = _known(found) or best
        found = found.__cause__ or found.__context__
    return best or str(error) or type(error).__name__


def _known(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            return "the server's certificate has expired; or our clock is wrong"
        if code == _NOT_YET:
            return "the server's certificate is not valid yet; is our clock right?"
        if code in (_HOSTNAME, _IP):
            return f"the server's certificate is for another host: {error.verify_message}"
        if code in _UNKNOWN:
            return f"the server's certificate is not from a CA that we trust ({error.verify_message}); GREENCORE_EDGE_TLS_CA"
        return f"the server's certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).upper().replace(" ", "_")
        return next((text for name, text in _ALERTS.items() if name in reason), "")
    if isinstance(error, socket.gaierror):
        return f"the host name is not known ({error.strerror}); is the network up?"
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return "nothing listens there"
    if isinstance(error, ConnectionResetError):
        return (
            "the server closed the connection at once; does it ask for a client certificate (GREENCORE_EDGE_TLS_CERT)?"
        )
    return ""
