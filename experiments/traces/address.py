"""Where a collector is, by OpenTelemetry's own variables."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from agentdyno.core.errors import UsageError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOLS = ("http/protobuf", "")


def collector_address(environ: Mapping[str, str]) -> str:
    """Return where traces go, fit to be shown: without user, password and query.

    Raises:
        UsageError: nowhere, or to where OTLP over HTTP is not spoken.
    """
    address = environ.get(_TRACES_ENDPOINT) or environ.get(ENDPOINT, "")
    if not address:
        raise UsageError(
            f"{ENDPOINT} is not set, so no collector is known.",
            f"{ENDPOINT}=http://localhost:4318 agentdyno export otlp",
        )
    where = urlsplit(address)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise UsageError(
            f"{ENDPOINT} is no http address of an OpenTelemetry collector.",
            f"{ENDPOINT}=http://localhost:4318 agentdyno export otlp",
        )
    protocol = (environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
                or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", ""))
    if protocol not in _PROTOCOLS:
        raise UsageError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: agentdyno speaks http/protobuf alone.",
            "unset it, and name the collector's port for HTTP, which is 4318 as a rule",
        )
    return where._replace(netloc=where.netloc.rpartition("@")[2], query="").geturl()
