"""Guardians in processes of their own: what they serve, and how the aggregator asks them.

``POST /v1/check-and-sign`` with ``{"header": …, "leaves": […], "parent": …, "answers": […]}`` (the
JSON of epochs, docs/formats.md, and ``Answer.to_json``) answers ``{"signature": "0x…"}`` or
``{"refusal": WHY}``; so does ``POST /v1/sign-set`` with ``{"set": "0x…"}``, the ABI encoding of the
next guardian set.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import h11
import orjson

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.http import Handle
from control_plane.domain.abi_formats import decode_guardian_set, encode_guardian_set
from control_plane.domain.errors import CalderaError
from control_plane.domain.formats import EpochHeader, GuardianSet, Leaf
from control_plane.domain.hexes import from_hex
from control_plane.domain.hub import Standing
from control_plane.domain.ports.metalayer import Attester, Refusal, SetSigner
from control_plane.domain.reads import Answer

if TYPE_CHECKING:
    from control_plane.domain.quorum import Roster
    from control_plane.domain.uptime import UptimeReport

PATH: Final = "/v1/check-and-sign"
SET_PATH: Final = "/v1/sign-set"
_DEADLINE: Final = 4.5
"""Seconds; a little less than a round waits, so that the reason is told."""
_CHUNK: Final = 65536


def signing(guardian: Attester) -> Handle:
    """What a guardian's server answers."""

    async def handle(asked: Any) -> Mapping[str, str]:
        header = EpochHeader.from_json(asked["header"])
        leaves = [Leaf.from_json(leaf) for leaf in asked["leaves"]]
        parent = EpochHeader.from_json(asked["parent"]) if asked["parent"] else None
        answers = [Answer.from_json(answer) for answer in asked.get("answers", ())]
        try:
            answer = await guardian.check_and_sign(header, leaves, parent, answers)
        except CalderaError as error:
            return {"refusal": str(error)}
        if isinstance(answer, Refusal):
            return {"refusal": answer.reason}
        return {"signature": "0x" + answer.hex()}

    return handle


def signing_sets(guardian: SetSigner) -> Handle:
    """What a guardian's server answers when it is asked to hand over."""

    async def handle(asked: Any) -> Mapping[str, str]:
        following = decode_guardian_set(from_hex(asked["set"]))
        try:
            answer = await guardian.sign_set(following)
        except CalderaError as error:
            return {"refusal": str(error)}
        if isinstance(answer, Refusal):
            return {"refusal": answer.reason}
        return {"signature": "0x" + answer.hex()}

    return handle


class RemoteAttester:
    """Implements ``ports.metalayer.Attester`` over a guardian's address.

    `token` is read at each call: it may not be there yet. `present` tells whether the guardian is
    taken to run before anything was heard of it (:meth:`hear`).
    """

    def __init__(
        self,
        index: int,
        address: Address,
        token: Callable[[], bytes],
        *,
        present: bool = True,
        deadline: float = _DEADLINE,
    ) -> None:
        self.name = f"guardian-{index}"
        self.index = index
        self._address = address
        self._token = token
        self._present = present
        self._deadline = deadline

    @property
    def available(self) -> bool:
        return self._present

    def hear(self, standing: Standing) -> None:
        """Take note of how it is, when it is this guardian's."""
        if standing.service == self.name:
            self._present = standing.ready

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        """What the guardian answers; a Refusal when it is out of reach."""
        asked = {
            "header": header.to_json(),
            "leaves": [leaf.to_json() for leaf in leaves],
            "parent": parent.to_json() if parent else None,
            "answers": [answer.to_json() for answer in answers],
        }
        return await self._ask(PATH, asked)

    async def sign_set(self, following: GuardianSet) -> bytes | Refusal:
        """As the port; a Refusal when it is out of reach."""
        return await self._ask(SET_PATH, {"set": "0x" + encode_guardian_set(following).hex()})

    async def _ask(self, path: str, asked: Mapping[str, Any]) -> bytes | Refusal:
        try:
            async with asyncio.timeout(self._deadline):
                status, body = await self._post(path, orjson.dumps(asked))
            return _read(status, orjson.loads(body))
        except TimeoutError:
            return Refusal(f"no answer from {self._address} within {self._deadline:g} s")
        except CalderaError as error:
            return Refusal(str(error))
        except OSError as error:
            return Refusal(f"out of reach at {self._address}: {error.strerror or error}")
        except (ValueError, KeyError, TypeError, AttributeError, h11.ProtocolError) as error:
            return Refusal(f"what answers at {self._address} is no guardian: {error}")

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        reader, writer = await self._open()
        try:
            connection = h11.Connection(h11.CLIENT)
            request = h11.Request(
                method="POST",
                target=path,
                headers=[
                    ("Host", "guardian"),
                    ("Authorization", f"Bearer {self._token().hex()}"),
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(body))),
                    ("Connection", "close"),
                ],
            )
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(connection.send(event) or b"")
            return await _answer(connection, reader)
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.path is not None:
            return await asyncio.open_unix_connection(self._address.socket_path)
        return await asyncio.open_connection(self._address.host, self._address.port)


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, bytes]:
    status, parts = 0, []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status, b"".join(parts)


def _read(status: int, answer: Mapping[str, str]) -> bytes | Refusal:
    if status != 200:
        return Refusal(f"it answers {status}: {answer.get('title')}")
    if "refusal" in answer:
        return Refusal(str(answer["refusal"]))
    return from_hex(answer["signature"])


class EmbeddedGuardian(Attester, SetSigner, Protocol):
    """A guardian of this process."""

    async def sign_uptime(self, report: "UptimeReport", of: "Roster") -> bytes | Refusal: ...


class EitherAttester:
    """A guardian that runs in this process or, when it was stopped here, alone."""

    def __init__(self, here: "EmbeddedGuardian", alone: RemoteAttester) -> None:
        self.name = here.name
        self.index = here.index
        self._here = here
        self._alone = alone

    @property
    def available(self) -> bool:
        return self._here.available or self._alone.available

    def hear(self, standing: Standing) -> None:
        """See :meth:`RemoteAttester.hear`."""
        self._alone.hear(standing)

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        """As the port; asks the one in this process first."""
        asked = self._here if self._here.available or not self._alone.available else self._alone
        return await asked.check_and_sign(header, leaves, parent, answers)

    async def sign_set(self, following: GuardianSet) -> bytes | Refusal:
        """As the port; asks the one in this process first."""
        asked = self._here if self._here.available or not self._alone.available else self._alone
        return await asked.sign_set(following)

    async def sign_uptime(self, report: "UptimeReport", of: "Roster") -> bytes | Refusal:
        """As the guardian in this process; one alone has no certificates to count."""
        if not self._here.available:
            return Refusal("it runs elsewhere, where it keeps no certificates")
        return await self._here.sign_uptime(report, of)
