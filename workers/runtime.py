"""Builds the Runtime of a background process."""

import logging
import os

from temporalio.runtime import LogForwardingConfig, LoggingConfig, TelemetryConfig, TelemetryFilter
from temporalio.runtime import Runtime as CoreRuntime

from app.settings import Settings, load_settings
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.rdb import connect
from app.shared.service_checks import begin
from app.shared.telemetry import spans
from app.shared.telemetry.logs import configure_logs
from app.web.templating import create_environment


def start_runtime(service: str) -> Runtime:
    """Logs configured for `service`, settings from the environment, and the Runtime made of them."""
    configure_logs(service)
    _forward_core_logs()
    settings = load_settings(os.environ)
    spans.begin(settings, service)
    silent = begin(settings, os.environ)
    runtime = build_runtime(settings)
    runtime.silent = silent
    return runtime


def _forward_core_logs() -> None:
    """Temporal's core is not Python and would write to standard output by itself."""
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"), append_log_fields_to_message=False)
    logs = LoggingConfig(filter=TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
    CoreRuntime.set_default(CoreRuntime(telemetry=TelemetryConfig(logging=logs)), error_if_already_set=False)


def build_runtime(settings: Settings) -> Runtime:
    """A Runtime for a process without requests: nobody signs in here, but mails are rendered."""
    return Runtime(
        settings=settings,
        database=Database(settings.database),
        valkey=connect(settings.valkey_url),
        templates=create_environment(),
    )
