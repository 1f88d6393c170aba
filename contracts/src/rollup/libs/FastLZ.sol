// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title FastLZ
/// @notice How long FastLZ (level 1) would make some bytes, which is what an OP Stack engine bases
/// the fee for L1 data on (OP Stack specifications, "Fjord", "L1-Cost fees"). Follows op-geth's
/// `FlzCompressLen` step by step, for a fee that differs by a byte is a wrong one.
library FastLZ {
    uint256 private constant HASHES = 8192;
    /// @dev Farthest that a match may lie back.
    uint256 private constant FARTHEST = 0x1fff;
    /// @dev At the end of the data no match begins, and the last bytes belong to none.
    uint256 private constant TAIL = 13;
    uint256 private constant NO_MATCH = 4;
    /// @dev Longest run of literals and longest match that one instruction takes.
    uint256 private constant RUN = 32;
    uint256 private constant LONGEST = 262;
    uint256 private constant SHORT = 6;

    /// @notice Length of `data` after compression. Takes some 200,000 gas for its table, whatever
    /// the data.
    function compressedLength(bytes memory data) internal pure returns (uint256 length) {
        unchecked {
            if (data.length <= TAIL) return _literals(data.length);
            uint256 limit = data.length - TAIL;
            uint32[] memory last = new uint32[](HASHES);
            uint256 done = 0;
            uint256 i = 2;
            while (i < limit) {
                uint256 earlier;
                (i, earlier) = _nextMatch(data, last, i, limit);
                if (i == limit) break;
                length += _literals(i - done);
                uint256 matched = _matched(data, earlier + 3, i + 3, limit + TAIL - NO_MATCH);
                length += _match(matched);
                i += matched;
                _note(data, last, i);
                _note(data, last, i + 1);
                i += 2;
                done = i;
            }
            length += _literals(data.length - done);
        }
    }

    /// @dev The first place from `i` on whose three bytes stood earlier, and where that was; `limit`
    /// if there is none. A match at the last place before `limit` counts as none.
    function _nextMatch(bytes memory data, uint32[] memory last, uint256 i, uint256 limit)
        private
        pure
        returns (uint256, uint256 earlier)
    {
        unchecked {
            for (; i + 1 < limit; ++i) {
                uint256 three = _three(data, i);
                uint256 key = _hash(three);
                earlier = last[key];
                last[key] = uint32(i);
                if (i - earlier <= FARTHEST && three == _three(data, earlier)) return (i, earlier);
            }
            return (limit, 0);
        }
    }

    function _note(bytes memory data, uint32[] memory last, uint256 i) private pure {
        last[_hash(_three(data, i))] = uint32(i);
    }

    /// @dev How far the bytes at `p` and `q` are equal, before `end`: with the first that is not.
    function _matched(bytes memory data, uint256 p, uint256 q, uint256 end)
        private
        pure
        returns (uint256 count)
    {
        unchecked {
            for (uint256 most = end - q; count < most; ++count) {
                if (data[p + count] != data[q + count]) return count + 1;
            }
        }
    }

    /// @dev Bytes that `count` literals take.
    function _literals(uint256 count) private pure returns (uint256) {
        unchecked {
            uint256 rest = count % RUN;
            return (RUN + 1) * (count / RUN) + (rest == 0 ? 0 : rest + 1);
        }
    }

    /// @dev Bytes that a match takes.
    function _match(uint256 count) private pure returns (uint256) {
        unchecked {
            --count;
            return 3 * (count / LONGEST) + (count % LONGEST >= SHORT ? 3 : 2);
        }
    }

    /// @dev Three bytes, the first the lowest.
    function _three(bytes memory data, uint256 i) private pure returns (uint256) {
        return uint256(uint8(data[i])) | uint256(uint8(data[i + 1])) << 8
            | uint256(uint8(data[i + 2])) << 16;
    }

    function _hash(uint256 three) private pure returns (uint256) {
        unchecked {
            return (2_654_435_769 * three) >> 19 & (HASHES - 1);
        }
    }
}
