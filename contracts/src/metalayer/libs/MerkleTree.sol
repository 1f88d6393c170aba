// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title MerkleTree
/// @notice Hyperlane's incremental Merkle tree of depth 32: inner node = keccak(left, right), empty leaf =
/// zero. Only what the next insertion needs is kept, one left sibling for each height.
library MerkleTree {
    uint256 internal constant DEPTH = 32;
    uint256 internal constant MAX_LEAVES = type(uint32).max;

    /// @notice Root of the tree without leaves.
    bytes32 internal constant EMPTY_ROOT =
        0x27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757;

    /// @dev Roots of the empty subtrees of heights 0 to 31.
    bytes private constant ZEROES = hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"
        hex"b4c11951957c6f8f642c4af61cd6b24640fec6dc7fc607ee8206a99e92410d30"
        hex"21ddb9a356815c3fac1026b6dec5df3124afbadb485c9ba5a3e3398a04b7ba85"
        hex"e58769b32a1beaf1ea27375a44095a0d1fb664ce2dd358e7fcbfb78c26a19344"
        hex"0eb01ebfc9ed27500cd4dfc979272d1f0913cc9f66540d7e8005811109e1cf2d"
        hex"887c22bd8750d34016ac3c66b5ff102dacdd73f6b014e710b51e8022af9a1968"
        hex"ffd70157e48063fc33c97a050f7f640233bf646cc98d9524c6b92bcf3ab56f83"
        hex"9867cc5f7f196b93bae1e27e6320742445d290f2263827498b54fec539f756af"
        hex"cefad4e508c098b9a7e1d8feb19955fb02ba9675585078710969d3440f5054e0"
        hex"f9dc3e7fe016e050eff260334f18a5d4fe391d82092319f5964f2e2eb7c1c3a5"
        hex"f8b13a49e282f609c317a833fb8d976d11517c571d1221a265d25af778ecf892"
        hex"3490c6ceeb450aecdc82e28293031d10c7d73bf85e57bf041a97360aa2c5d99c"
        hex"c1df82d9c4b87413eae2ef048f94b4d3554cea73d92b0f7af96e0271c691e2bb"
        hex"5c67add7c6caf302256adedf7ab114da0acfe870d449a3a489f781d659e8becc"
        hex"da7bce9f4e8618b6bd2f4132ce798cdc7a60e7e1460a7299e3c6342a579626d2"
        hex"2733e50f526ec2fa19a22b31e8ed50f23cd1fdf94c9154ed3a7609a2f1ff981f"
        hex"e1d3b5c807b281e4683cc6d6315cf95b9ade8641defcb32372f1c126e398ef7a"
        hex"5a2dce0a8a7f68bb74560f8f71837c2c2ebbcbf7fffb42ae1896f13f7c7479a0"
        hex"b46a28b6f55540f89444f63de0378e3d121be09e06cc9ded1c20e65876d36aa0"
        hex"c65e9645644786b620e2dd2ad648ddfcbf4a7e5b1a3a4ecfe7f64667a3f0b7e2"
        hex"f4418588ed35a2458cffeb39b93d26f18d2ab13bdce6aee58e7b99359ec2dfd9"
        hex"5a9c16dc00d6ef18b7933a6f8dc65ccb55667138776f7dea101070dc8796e377"
        hex"4df84f40ae0c8229d0d6069e5c8f39a7c299677a09d367fc7b05e3bc380ee652"
        hex"cdc72595f74c7b1043d0e1ffbab734648c838dfb0527d971b602bc216c9619ef"
        hex"0abf5ac974a1ed57f4050aa510dd9c74f508277b39d7973bb2dfccc5eeb0618d"
        hex"b8cd74046ff337f0a7bf2c8e03e10f642c1886798d71806ab1e888d9e5ee87d0"
        hex"838c5655cb21c6cb83313b5a631175dff4963772cce9108188b34ac87c81c41e"
        hex"662ee4dd2dd7b2bc707961b1e646c4047669dcb6584f0d8d770daf5d7e7deb2e"
        hex"388ab20e2573d171a88108e79d820e98f26c0b84aa8b2f4aa4968dbb818ea322"
        hex"93237c50ba75ee485f4c22adf2f741400bdf8d6a9cc7df7ecae576221665d735"
        hex"8448818bb4ae4562849e949e17ac16e0be16688e156b5cf15e098c627c0056a9";

    /// @param branch At height k, the root of the last complete subtree that is a left sibling.
    /// @param count Number of leaves.
    struct Tree {
        bytes32[32] branch;
        uint256 count;
    }

    /// @notice Thrown when the tree has no place for another leaf.
    error TreeFull();

    /// @notice Appends `leaf` and computes the new root on the way.
    /// @dev One walk up from the leaf: siblings on the left are in `branch`, those on the right are
    /// empty. The node at the lowest height where the leaf stands on the left is the
    /// complete subtree that later leaves need.
    /// @return root Root of the tree with the leaf.
    function insert(Tree storage tree, bytes32 leaf) internal returns (bytes32 root) {
        uint256 index = tree.count;
        if (index >= MAX_LEAVES) revert TreeFull();
        tree.count = index + 1;

        bytes memory zeroes = ZEROES;
        bool stored;
        uint256 height;
        root = leaf;
        while (index != 0) {
            if (index & 1 == 1) {
                root = hashPair(tree.branch[height], root);
            } else {
                if (!stored) tree.branch[height] = root;
                stored = true;
                root = hashPair(root, wordOf(zeroes, height));
            }
            index >>= 1;
            ++height;
        }
        if (!stored) tree.branch[height] = root;
        root = crown(zeroes, root, height);
    }

    /// @notice Root that `path` leads to from leaf `index` of a tree with `count` leaves.
    /// @dev Expects `index < count`. Empty siblings are left out of the path; how many it
    /// must have follows from index and count.
    /// @param path Packed siblings from the leaf up. It may be too short or too long: compare
    /// `used` with its length.
    /// @return root Meaningless when `used` is more than the path has.
    /// @return used Number of the path's bytes that the computation took.
    function rootOf(bytes32 leaf, uint256 index, uint256 count, bytes calldata path)
        internal
        pure
        returns (bytes32 root, uint256 used)
    {
        bytes memory zeroes = ZEROES;
        uint256 height;
        assembly ("memory-safe") {
            root := leaf
            let next := path.offset
            // the heights at which the tree has more than one node
            for { let width := sub(count, 1) } width { width := shr(1, width) } {
                // a left node's hash begins with the node, a right node's with its sibling
                let side := shl(5, and(index, 1))
                mstore(side, root)
                side := xor(side, 0x20)
                switch gt(xor(index, 1), width)
                case 1 { mstore(side, mload(add(zeroes, shl(5, add(height, 1))))) }
                default {
                    mstore(side, calldataload(next))
                    next := add(next, 0x20)
                }
                root := keccak256(0x00, 0x40)
                index := shr(1, index)
                height := add(height, 1)
            }
            used := sub(next, path.offset)
        }
        root = crown(zeroes, root, height);
    }

    /// @notice Root that `path` leads to from several leaves of a tree with `count` leaves at once.
    /// @dev Expects `indices` to be ascending and below `count`, one for each leaf, at least one.
    /// Level by level: a node meets its sibling among the nodes of the leaves given, among the
    /// empty subtrees, or else in the path.
    /// @param indices Packed indices of the leaves, 4 bytes each.
    /// @param path Packed siblings from the leaves up, those of a level from left to right. It may be
    /// too short or too long: compare `used` with its length.
    /// @return root Meaningless when `used` is more than the path has.
    /// @return used Number of the path's bytes that the computation took.
    function rootOfMany(
        bytes32[] calldata leaves,
        bytes calldata indices,
        uint256 count,
        bytes calldata path
    ) internal pure returns (bytes32 root, uint256 used) {
        bytes memory zeroes = ZEROES;
        uint256 height;
        assembly ("memory-safe") {
            // two words for each node of a level, its position and its hash
            let nodes := mload(0x40)
            let end := add(nodes, shl(6, leaves.length))
            mstore(0x40, end)
            let position := indices.offset
            let leaf := leaves.offset
            for { let at := nodes } lt(at, end) { at := add(at, 0x40) } {
                mstore(at, shr(224, calldataload(position)))
                mstore(add(at, 0x20), calldataload(leaf))
                position := add(position, 4)
                leaf := add(leaf, 0x20)
            }
            let next := path.offset
            for { let width := sub(count, 1) } width { width := shr(1, width) } {
                let to := nodes
                for { let from := nodes } lt(from, end) {} {
                    position := mload(from)
                    let side := shl(5, and(position, 1))
                    mstore(side, mload(add(from, 0x20)))
                    side := xor(side, 0x20)
                    let sibling := xor(position, 1)
                    from := add(from, 0x40)
                    switch and(lt(from, end), eq(mload(from), sibling))
                    case 1 {
                        mstore(side, mload(add(from, 0x20)))
                        from := add(from, 0x40)
                    }
                    default {
                        switch gt(sibling, width)
                        case 1 { mstore(side, mload(add(zeroes, shl(5, add(height, 1))))) }
                        default {
                            mstore(side, calldataload(next))
                            next := add(next, 0x20)
                        }
                    }
                    mstore(to, shr(1, position))
                    mstore(add(to, 0x20), keccak256(0x00, 0x40))
                    to := add(to, 0x40)
                }
                end := to
                height := add(height, 1)
            }
            root := mload(add(nodes, 0x20))
            used := sub(next, path.offset)
        }
        root = crown(zeroes, root, height);
    }

    /// @notice Root of the empty subtree of `height`.
    function zero(uint256 height) internal pure returns (bytes32) {
        return wordOf(ZEROES, height);
    }

    /// @dev Root of the tree whose only node at `height` that is not empty is `node`, at the left.
    /// Writes over `zeroes`: with each node in the place of the word before its sibling, which
    /// is not needed any more, both lie side by side, ready to be hashed.
    function crown(bytes memory zeroes, bytes32 node, uint256 height)
        private
        pure
        returns (bytes32 root)
    {
        assembly ("memory-safe") {
            root := node
            let end := add(zeroes, 0x400)
            let left := add(zeroes, shl(5, height))
            for {} lt(left, end) { left := add(left, 0x20) } {
                mstore(left, root)
                root := keccak256(left, 0x40)
            }
        }
    }

    function hashPair(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            node := keccak256(0x00, 0x40)
        }
    }

    function wordOf(bytes memory words, uint256 index) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 0x20), shl(5, index)))
        }
    }
}
