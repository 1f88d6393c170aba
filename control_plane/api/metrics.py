"""A few gauges in Prometheus' text format, version 0.0.4; written by hand, they are so few."""

import time
from collections.abc import Iterable, Mapping

from control_plane.api.deps import Services
from control_plane.domain.errors import NotFound
from control_plane.version import version

_STARTED = time.time()
Sample = tuple[Mapping[str, str], float]


async def metrics_text(services: Services) -> str:
    """Devnets by state, and each running one's messages, epoch and services."""
    devnets: list[Sample] = []
    messages: list[Sample] = []
    epochs: list[Sample] = []
    up: list[Sample] = []
    for summary in await services.devnets.list():
        devnets.append(({"devnet": summary.name, "state": summary.state}, 1))
        try:
            status = await services.devnets.status(summary.name)
        except NotFound:
            continue  # removed meanwhile
        label = {"devnet": summary.name}
        counts = status.metalayer.messages
        messages += [({**label, "state": state}, n) for state, n in counts.model_dump().items()]
        if status.metalayer.epoch is not None:
            epochs.append((label, status.metalayer.epoch))
        up += [({**label, "service": s.name}, s.state == "ready") for s in status.services]
    return "".join(
        (
            _gauge("caldera_info", "Version of the daemon.", [({"version": version()}, 1)]),
            _gauge("caldera_start_time_seconds", "When the daemon started.", [({}, _STARTED)]),
            _gauge("caldera_devnet", "1 for each devnet, by its state.", devnets),
            _gauge("caldera_messages", "Messages since the devnet was made.", messages),
            _gauge("caldera_epoch", "Last certified epoch.", epochs),
            _gauge("caldera_service_ready", "Whether a service is ready.", up),
        )
    )


def _gauge(name: str, help: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {help}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {float(value):.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return "{" + inside + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
