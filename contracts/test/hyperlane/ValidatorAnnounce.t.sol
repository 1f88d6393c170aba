// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Test} from "forge-std/Test.sol";
import {ValidatorAnnounce} from "../../src/hyperlane/ValidatorAnnounce.sol";
import {IValidatorAnnounce} from "../../src/hyperlane/interfaces/IValidatorAnnounce.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";

contract ValidatorAnnounceTest is Test {
    string internal constant PLACE = "file:///tmp/checkpoints";

    ValidatorAnnounce internal announce;
    uint256 internal key = uint256(keccak256("validator"));
    address internal validator = vm.addr(key);
    address internal mailbox = makeAddr("mailbox");

    function setUp() public {
        announce = _announceOf(mailbox, 901);
    }

    function test_announce_isRemembered() public {
        vm.expectEmit(address(announce));
        emit IValidatorAnnounce.ValidatorAnnouncement(validator, PLACE);
        assertTrue(announce.announce(validator, PLACE, _sign(key, PLACE)));
        announce.announce(validator, "s3://b/local/f", _sign(key, "s3://b/local/f"));

        address[] memory who = announce.getAnnouncedValidators();
        assertEq(who.length, 1);
        assertEq(who[0], validator);
        address[] memory asked = new address[](2);
        (asked[0], asked[1]) = (validator, address(this));
        string[][] memory places = announce.getAnnouncedStorageLocations(asked);
        assertEq(places.length, 2);
        assertEq(places[0].length, 2);
        assertEq(places[0][0], PLACE);
        assertEq(places[0][1], "s3://b/local/f");
        assertEq(places[1].length, 0);
    }

    function test_announce_onlyOnce() public {
        bytes memory signature = _sign(key, PLACE);
        announce.announce(validator, PLACE, signature);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorAnnounce.AlreadyAnnounced.selector, validator, PLACE)
        );
        announce.announce(validator, PLACE, signature);
    }

    function test_announce_refusesWhatOthersSigned() public {
        uint256 other = uint256(keccak256("other"));
        bytes memory signature = _sign(other, PLACE);
        vm.expectRevert(
            abi.encodeWithSelector(
                IValidatorAnnounce.NotSignedByValidator.selector, validator, vm.addr(other)
            )
        );
        announce.announce(validator, PLACE, signature);
    }

    function testFuzz_announce_refusesAnotherChainsAnnouncement(uint32 domain) public {
        vm.assume(domain != 901);
        bytes memory signature = _sign(key, PLACE);
        ValidatorAnnounce elsewhere = _announceOf(makeAddr("another mailbox"), domain);
        vm.expectPartialRevert(IValidatorAnnounce.NotSignedByValidator.selector);
        elsewhere.announce(validator, PLACE, signature);
    }

    function test_vectors_ofHyperlanesSdk() public {
        string memory json = vm.readFile("../tests/vectors/hyperlane.json");
        announce = _announceOf(
            vm.parseJsonAddress(json, ".mailbox"), uint32(vm.parseJsonUint(json, ".origin"))
        );
        address[] memory validators = vm.parseJsonAddressArray(json, ".validators");
        for (uint256 i = 0; i < 2; ++i) {
            string memory at = string.concat(".announcements[", vm.toString(i), "]");
            string memory place = vm.parseJsonString(json, string.concat(at, ".storageLocation"));
            assertEq(
                announce.getAnnouncementDigest(place),
                MessageHashUtils.toEthSignedMessageHash(
                    vm.parseJsonBytes32(json, string.concat(at, ".hash"))
                )
            );
            announce.announce(
                validators[0], place, vm.parseJsonBytes(json, string.concat(at, ".signature"))
            );
        }
    }

    function _announceOf(address mailbox_, uint32 domain) internal returns (ValidatorAnnounce) {
        vm.mockCall(mailbox_, abi.encodeCall(IMailbox.localDomain, ()), abi.encode(domain));
        return new ValidatorAnnounce(mailbox_);
    }

    function _sign(uint256 key_, string memory place) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key_, announce.getAnnouncementDigest(place));
        return abi.encodePacked(r, s, v);
    }
}
