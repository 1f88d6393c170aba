"""Bytes and words as JSON-RPC writes them: 0x and hexadecimal digits."""


def from_hex(text: str) -> bytes:
    """The bytes of `text`, which may begin with 0x. ValueError when it is not hexadecimal."""
    return bytes.fromhex(text.removeprefix("0x"))


def hex_word(value: int) -> str:
    """A word of storage or of a log's topics: 0x and 64 digits."""
    return f"0x{value:064x}"
