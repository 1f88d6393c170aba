// Prints tests/vectors/hyperlane.json: checkpoints as Hyperlane's own SDK hashes, signs and names
// them. Everything is derived from fixed labels.
import { BaseValidator, addressToBytes32, formatMessage, messageId } from '@hyperlane-xyz/utils'
import { ethers } from 'ethers'

const { keccak256, toUtf8Bytes, hexDataSlice, hexConcat, solidityKeccak256 } = ethers.utils
const fixed = (label) => keccak256(toUtf8Bytes(label))
const address = (label) => ethers.utils.getAddress(hexDataSlice(fixed(label), 12))

const ORIGIN = 901
const DESTINATION = 902
const keys = [0, 1, 2, 3].map((i) => fixed(`validator ${i}`))
const validators = keys.map((key) => new ethers.Wallet(key))
const threshold = 3
const hook = addressToBytes32(address('hook'))
const mailbox = addressToBytes32(address('mailbox'))

async function checkpointVector(index) {
  const message = formatMessage(
    3,
    index,
    ORIGIN,
    addressToBytes32(address('sender')),
    DESTINATION,
    addressToBytes32(address('recipient')),
    hexConcat([fixed('body'), `0x${'00'.repeat(index)}`]),
  )
  const id = messageId(message)
  const checkpoint = {
    merkle_tree_hook_address: hook,
    mailbox_domain: ORIGIN,
    root: fixed(`root ${index}`),
    index,
  }
  const hash = BaseValidator.messageHash(checkpoint, id)
  const signatures = await Promise.all(validators.map((wallet) => wallet.signMessage(hash)))
  return { message, id, checkpoint, hash: ethers.utils.hexlify(hash), signatures }
}

async function announcementVector(storageLocation) {
  const domainHash = solidityKeccak256(
    ['uint32', 'bytes32', 'string'],
    [ORIGIN, mailbox, 'HYPERLANE_ANNOUNCEMENT'],
  )
  const hash = solidityKeccak256(['bytes32', 'string'], [domainHash, storageLocation])
  const signature = await validators[0].signMessage(ethers.utils.arrayify(hash))
  return { storageLocation, hash, signature }
}

const vectors = {
  origin: ORIGIN,
  destination: DESTINATION,
  hook: address('hook'),
  mailbox: address('mailbox'),
  keys,
  validators: validators.map((wallet) => wallet.address),
  threshold,
  checkpoints: await Promise.all([0, 1, 7].map(checkpointVector)),
  announcements: await Promise.all(
    ['file:///tmp/checkpoints/op', 's3://caldera/local/default/op'].map(announcementVector),
  ),
}
console.log(JSON.stringify(vectors, null, 2))
