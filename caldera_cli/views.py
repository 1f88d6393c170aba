"""How devnets and what belongs to them look on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caldera_cli import render

Json = Mapping[str, Any]


def show_endpoints(status: Json) -> None:
    """One table of endpoints, at most 80 columns wide for usual names."""
    head = f"{status['name']} is {render.state(status['state'])}"
    ready = (status.get("timings") or {}).get("ready_ms")
    if ready is not None and status["state"] == "ready":
        head += render.dim(f"  (started in {ready:.0f} ms)")
    render.out(head)
    for note in status.get("notes") or ():
        render.out(f"note: {note}")
    if status.get("problem"):
        render.out(f"problem: {status['problem']}")
    render.out("")
    rows = [_chain_row(status["l1"], "-")]
    rows += [_chain_row(rollup, _framework(rollup)) for rollup in status["rollups"]]
    headings = ("chain", "framework", "chain id", "domain", "rpc (http, ws)", "state")
    chains = [status["l1"], *status["rollups"]]
    render.table(*with_shards(*with_coins(headings, rows, chains, 2), chains, 2))


def with_shards(
    headings: Sequence[str], rows: Sequence[Sequence[object]], chains: Sequence[Json], at: int
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """A table of chains with a further column `at` for their shards, if any is in one."""
    if not any(chain.get("shard") for chain in chains):
        return headings, rows
    wider = [
        (*row[:at], chain.get("shard"), *row[at:]) for row, chain in zip(rows, chains, strict=True)
    ]
    return (*headings[:at], "shard", *headings[at:]), wider


def with_coins(
    headings: Sequence[str], rows: Sequence[Sequence[object]], chains: Sequence[Json], at: int
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """A table of chains with a further column `at` for their coins, if any is a token."""
    if all(chain.get("gas_token") in {None, "ETH"} for chain in chains):
        return headings, rows
    wider = [
        (*row[:at], chain.get("gas_token") or "ETH", *row[at:])
        for row, chain in zip(rows, chains, strict=True)
    ]
    return (*headings[:at], "gas", *headings[at:]), wider


def with_switches(
    headings: Sequence[str], rows: Sequence[Sequence[object]], rollups: Sequence[Json]
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """A table of rollups with a last column for when each last switched, if any did."""
    if not any(rollup.get("switched") for rollup in rollups):
        return headings, rows
    wider = [
        (*row, _switched(rollup.get("switched"))) for row, rollup in zip(rows, rollups, strict=True)
    ]
    return (*headings, "switched"), wider


def _switched(last: Json | None) -> str:
    if last is None:
        return "-"
    by = "by command" if last["rule"] is None else f"by rule {last['rule']}"
    return f"{clock(last['at'])} {by}"


def show_next(status: Json) -> None:
    """One line on what to try."""
    if status["state"] not in {"ready", "degraded"}:
        render.out(f"\nTry: caldera status {status['name']} --watch")
        return
    names = [rollup["name"] for rollup in status["rollups"]]
    origin, destination = (names[0], names[1]) if len(names) > 1 else ("l1", names[0])
    command = f"caldera message send {origin} {destination} --body 0x68656c6c6f --wait"
    if status["name"] != "default":
        command += f" --devnet {status['name']}"
    render.out(f"\nTry: {command}")


def show_status(status: Json) -> None:
    """All that status tells, in a screen."""
    show_endpoints(status)
    metalayer = status["metalayer"]
    counts = metalayer["messages"]
    render.out("")
    missing = ", ".join(f"guardian-{index}" for index in metalayer.get("missing_guardians") or ())
    render.pairs(
        [
            ("epoch", metalayer["epoch"]),
            ("aggregate root", metalayer["aggregate_root"]),
            ("guardians", f"{metalayer['guardians']}, quorum {metalayer['quorum']} of the stake"),
            ("missing", missing),
            ("messages", _counts(counts)),
            ("expires", local_time(status.get("expires_at"))),
        ]
    )
    for rollup in status["rollups"]:
        last = rollup.get("switched")
        if last is not None:
            render.out(f"{rollup['name']} switched at {_switched(last)}: {last['reason']}")
    _show_troubled(status.get("services") or [])


def show_changes(changes: Sequence[Json]) -> None:
    """What differs between two specs, as talk."""
    for change in changes:
        render.say(f"  {change_line(change)}")


def change_line(change: Json) -> str:
    """One difference between two specs."""
    path, old, new = change["path"], change.get("old"), change.get("new")
    whole = path.startswith("rollups.") and path.count(".") == 1
    if whole and old is None:
        text = f"{path} added"
    elif whole and new is None:
        text = f"{path} removed"
    else:
        text = f"{path}: {_value(old)} → {_value(new)}"
    return text if change.get("live", True) else f"{text} (needs a new devnet)"


def _value(value: object) -> str:
    return "not set" if value is None else str(value)


def event_line(event: Json) -> str:
    """One event on a line."""
    service = f" {event['service']}" if event.get("service") else ""
    data = " ".join(f"{key}={_short(value)}" for key, value in (event.get("data") or {}).items())
    return f"{render.dim(clock(event['at']))}  {event['type']}{service}  {data}".rstrip()


def clock(moment: str | None) -> str:
    """The local time of day, to the millisecond."""
    if not moment:
        return "-"
    local = datetime.fromisoformat(moment).astimezone()
    return local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"


def local_time(moment: str | None) -> str | None:
    """Local date and time, to the second."""
    if not moment:
        return None
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def coins(wei: str) -> str:
    """Wei as whole coins."""
    units, rest = divmod(int(wei), 10**18)
    return f"{units}.{rest:018d}".rstrip("0").rstrip(".")


def age(moment: str) -> str:
    """How long ago, in its largest unit."""
    elapsed = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if elapsed >= size:
            return f"{int(elapsed // size)}{unit}"
    return f"{int(max(0, elapsed))}s"


def short_hash(text: str | None) -> str:
    """The ends of a hash."""
    return f"{text[:10]}…{text[-4:]}" if text and len(text) > 18 else text or "-"


def _framework(rollup: Json) -> str:
    """With whose services, where they are not ours."""
    framework, services = (
        str(rollup["framework"] or rollup["engine"]),
        rollup.get("services", "caldera"),
    )
    return framework if services == "caldera" else f"{framework}, {services}"


def _chain_row(chain: Json, framework: str) -> tuple[object, ...]:
    return (
        chain["name"],
        framework,
        chain["chain_id"],
        chain["domain"],
        chain["rpc_url"],
        chain["state"],
    )


def _counts(counts: Json) -> str:
    text = f"{counts['dispatched']} dispatched, {counts['delivered']} delivered"
    text += f", {counts['pending']} pending"
    for key in ("failing", "dead", "reorged"):
        if counts.get(key):
            text += f", {counts[key]} {key}"
    return text


def _show_troubled(services: Sequence[Json]) -> None:
    troubled = [s for s in services if s["state"] != "ready" or s.get("problem")]
    lost = [s for s in services if s.get("lost_blocks")]
    if troubled:
        render.out("")
        render.table(
            ("service", "state", "problem"),
            [(s["name"], s["state"], s.get("problem")) for s in troubled],
        )
    for service in lost:
        first, last = service["lost_blocks"]
        render.out(f"{service['name']} was restored: blocks {first} to {last} went")


def _short(value: object) -> str:
    text = str(value)
    return short_hash(text) if text.startswith("0x") else text
