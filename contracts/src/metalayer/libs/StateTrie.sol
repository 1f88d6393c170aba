// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IStateVerifier} from "../interfaces/IStateVerifier.sol";

/// @title StateTrie
/// @notice Looks a key up in a Merkle-Patricia trie of which only the nodes on its path are known
/// (yellow paper, appendices B and D).
/// @dev OpenZeppelin's `TrieProof` proves that a key is there; reading a slot must also be able to prove
/// that it is not. It also decodes all 17 items of each branch (some 40,000 gas a node); this skips to
/// the one that the key leads to. Keys have 32 bytes. Every node is held against the hash that leads to
/// it before it is read; reading stays within the node whatever is in it.
library StateTrie {
    bytes32 internal constant EMPTY = keccak256(hex"80");
    uint256 private constant KEY_NIBBLES = 64;
    uint256 private constant BRANCH_ITEMS = 17;

    /// @dev RLP items in memory: position of the first byte, and of the one after the last.
    struct Item {
        uint256 start;
        uint256 end;
    }

    /// @dev Where a walk stands.
    struct Walk {
        bytes32 key;
        uint256 depth;
        bool ended;
        Item value;
        bytes32 child;
    }

    /// @notice Value at `key` in the trie with `root`; empty when the proof shows that there is none.
    /// @param nodes RLP of trie nodes.
    /// @param path Positions in `nodes`, two bytes each, from the root down; empty for the empty trie.
    function get(bytes32 root, bytes32 key, bytes[] memory nodes, bytes calldata path)
        internal
        pure
        returns (bytes memory)
    {
        if (path.length == 0 && root == EMPTY) return "";
        Walk memory walk;
        walk.key = key;
        walk.child = root;
        uint256 steps = path.length / 2;
        if (path.length % 2 != 0) revert IStateVerifier.InvalidTrieProof(root, steps);
        for (uint256 i = 0; i < steps; ++i) {
            uint256 position = uint16(bytes2(path[2 * i:2 * i + 2]));
            // a node after the end of the path proves nothing, so it has no business here
            if (
                walk.ended || position >= nodes.length || keccak256(nodes[position]) != walk.child
                    || !_descend(walk, _whole(nodes[position]))
            ) {
                revert IStateVerifier.InvalidTrieProof(root, i);
            }
        }
        if (!walk.ended) revert IStateVerifier.InvalidTrieProof(root, steps);
        return _copy(walk.value);
    }

    /// @notice {get} for nodes that lie in order from the root down, as `eth_getProof` gives them.
    /// @return proven False when they show nothing about the key.
    function getInOrder(bytes32 root, bytes32 key, bytes[] memory nodes)
        internal
        pure
        returns (bool proven, bytes memory value)
    {
        Walk memory walk;
        walk.key = key;
        walk.child = root;
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (
                walk.ended || keccak256(nodes[i]) != walk.child || !_descend(walk, _whole(nodes[i]))
            ) {
                return (false, "");
            }
        }
        return walk.ended ? (true, _copy(walk.value)) : (false, bytes(""));
    }

    /// @notice The item of an RLP list at `index`, without its header.
    /// @return found False when `encoded` is no list of `count` items.
    function field(bytes memory encoded, uint256 index, uint256 count)
        internal
        pure
        returns (bool found, bytes memory content)
    {
        Item memory list = _whole(encoded);
        if (!_open(list, true) || _count(list) != count) return (false, "");
        Item memory item = _at(list, index);
        return _open(item, false) ? (true, _copy(item)) : (false, bytes(""));
    }

    /// @notice The number that `encoded` is the RLP of.
    /// @return found False when it is none of at most 32 bytes.
    function number(bytes memory encoded) internal pure returns (bool found, uint256 value) {
        Item memory item = _whole(encoded);
        if (!_open(item, false)) return (false, 0);
        uint256 size = item.end - item.start;
        if (size > 32) return (false, 0);
        return (true, size == 0 ? 0 : uint256(_load(item.start)) >> (8 * (32 - size)));
    }

    /// @dev Follows the key through one node and through the short nodes embedded in it, up to the
    /// hash of the next node or the end. False when `node` is none.
    function _descend(Walk memory walk, Item memory node) private pure returns (bool) {
        while (_open(node, true)) {
            uint256 items = _count(node);
            Item memory next;
            if (items == BRANCH_ITEMS) {
                if (walk.depth == KEY_NIBBLES) return _end(walk, _at(node, 16));
                next = _at(node, _nibble(walk.key, walk.depth));
                ++walk.depth;
            } else if (items == 2) {
                Item memory segment = _at(node, 0);
                if (!_open(segment, false) || segment.start == segment.end) return false;
                uint8 flag = uint8(_load(segment.start)[0]) >> 4;
                if (flag > 3) return false;
                next = _at(node, 1);
                if (!_follow(walk, segment, flag)) return _absent(walk);
                if (flag > 1) return walk.depth == KEY_NIBBLES && _end(walk, next);
            } else {
                return false;
            }

            uint8 first = uint8(_load(next.start)[0]);
            if (first < 0xc0) {
                if (!_open(next, false)) return false;
                if (next.start == next.end) return _absent(walk);
                walk.child = _load(next.start);
                return next.end - next.start == 32;
            }
            node = next;
        }
        return false;
    }

    function _end(Walk memory walk, Item memory value) private pure returns (bool) {
        walk.ended = true;
        walk.value = value;
        return _open(value, false);
    }

    function _absent(Walk memory walk) private pure returns (bool) {
        walk.ended = true;
        return true;
    }

    /// @dev Goes along a segment in hex-prefix encoding; false where the key parts from it.
    function _follow(Walk memory walk, Item memory segment, uint8 flag)
        private
        pure
        returns (bool)
    {
        unchecked {
            // odd: the first nibble stands beside the flag; even: the whole byte is flag
            uint256 nibbles = 2 * (segment.end - segment.start) - (flag % 2 == 0 ? 2 : 1);
            uint256 depth = walk.depth;
            if (depth + nibbles > KEY_NIBBLES) return false;
            walk.depth = depth + nibbles;
            if (nibbles == 0) return true;
            bytes32 given = flag % 2 == 0 ? _load(segment.start + 1) : _load(segment.start) << 4;
            return (given ^ (walk.key << (4 * depth))) >> (4 * (KEY_NIBBLES - nibbles)) == 0;
        }
    }

    function _nibble(bytes32 key, uint256 depth) private pure returns (uint8) {
        uint8 pair = uint8(key[depth / 2]);
        return depth % 2 == 0 ? pair >> 4 : pair & 0x0f;
    }

    // ------------------------------------------------------------------ RLP

    function _whole(bytes memory data) private pure returns (Item memory item) {
        assembly ("memory-safe") {
            mstore(item, add(data, 32))
            mstore(add(item, 32), add(add(data, 32), mload(data)))
        }
    }

    /// @dev Narrows an item to its content; false when it is no `list` (no string, if not `list`) that
    /// fills it exactly.
    function _open(Item memory item, bool list) private pure returns (bool) {
        if (item.start >= item.end) return false;
        uint8 first = uint8(_load(item.start)[0]);
        if (list != (first >= 0xc0)) return false;
        if (_size(item.start, item.end) != item.end - item.start) return false;
        if (first < 0x80) return true; // a byte that is its own encoding
        uint8 short = list ? first - 0xc0 : first - 0x80;
        item.start += short > 55 ? 1 + (short - 55) : 1;
        return true;
    }

    /// @dev Bytes of the item that begins at `start`, header included; more than there are when it would
    /// go beyond `end`.
    function _size(uint256 start, uint256 end) private pure returns (uint256) {
        unchecked {
            uint256 word = uint256(_load(start));
            uint256 first = word >> 248;
            if (first < 0x80) return 1;
            uint256 short = first & 0x3f; // 0 to 63, whether of a string or of a list
            if (short <= 55) return 1 + short;
            uint256 digits = short - 55;
            if (start + 1 + digits > end) return type(uint256).max;
            uint256 length = (word << 8) >> (8 * (32 - digits));
            return length > end - start ? type(uint256).max : 1 + digits + length;
        }
    }

    /// @dev Number of items in a list's content; 0 when they do not fill it exactly.
    function _count(Item memory list) private pure returns (uint256 count) {
        (uint256 start, uint256 end) = (list.start, list.end);
        while (start < end) {
            uint256 size = _size(start, end);
            unchecked {
                if (size > end - start) return 0;
                start += size;
                ++count;
            }
        }
    }

    /// @dev The item at `index` of a list's content, which has been counted.
    function _at(Item memory list, uint256 index) private pure returns (Item memory) {
        (uint256 start, uint256 end) = (list.start, list.end);
        unchecked {
            for (uint256 i = 0; i < index; ++i) {
                start += _size(start, end);
            }
        }
        return Item(start, start + _size(start, end));
    }

    function _copy(Item memory item) private pure returns (bytes memory data) {
        data = new bytes(item.end - item.start);
        (uint256 start, uint256 size) = (item.start, data.length);
        assembly ("memory-safe") {
            mcopy(add(data, 32), start, size)
        }
    }

    function _load(uint256 position) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(position)
        }
    }
}
