"""An AnyTrust committee out of the file that describes it.

``{"assumedHonest": 2, "members": [{"rpc": URL, "rest": URL, "pubkey": BASE64}, …]}``, as Nitro's
keyset with the members' addresses; ours has ``"path"`` below one address in place of both URLs.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.adapters.da.anytrust import AnyTrustClient, Member
from control_plane.domain.errors import TemporaryFailure


def committee_of(path: Path, url: str) -> AnyTrustClient:
    """The committee of the file at `path`, whose members with a path are below `url`.
    TemporaryFailure when it can't be read, ValueError when it describes none."""
    try:
        described = json.loads(path.read_bytes())
    except OSError as error:
        raise TemporaryFailure(
            "An AnyTrust committee's description can't be read",
            f"{path}: {error.strerror}",
            "Ours writes it when it starts; somebody else's is named by `da_committee_file`.",
        ) from error
    try:
        members = [_member(each, url) for each in described["members"]]
        return AnyTrustClient(members, int(described["assumedHonest"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} describes no committee: {error!r}") from error


def _member(value: Mapping[str, Any], url: str) -> Member:
    key = b64decode(value["pubkey"], validate=True)
    if "path" in value:
        return Member(url + value["path"], url + value["path"], key)
    return Member(str(value["rpc"]), str(value["rest"]), key)
