// node sdk.mjs REGISTRY KEY ORIGIN DESTINATION: what Hyperlane's SDK makes of a devnet.
import { MerkleTreeHook__factory } from '@hyperlane-xyz/core'
import { EvmIsmReader, getValidatorFromStorageLocation } from '@hyperlane-xyz/sdk'
import { BaseValidator, addressToBytes32 } from '@hyperlane-xyz/utils'
import { ethers } from 'ethers'
import { deploy, mined, open, report, until } from './common.mjs'

/** Send a message and wait until somebody else has delivered it. */
async function send({ hyperlane }, origin, destination, recipient) {
  const body = ethers.utils.hexlify(ethers.utils.toUtf8Bytes('from the SDK'))
  const { message } = await hyperlane.sendMessage(
    origin,
    destination,
    addressToBytes32(recipient),
    body,
  )
  await until(`delivery of ${message.id}`, () => hyperlane.isDelivered(message))
  return message
}

/** Checkpoints as the SDK finds them: announced on the origin, read over S3, signatures checked. */
async function checkpoints({ hyperlane }, origin, validators, index) {
  const { validatorAnnounce } = hyperlane.getContracts(origin)
  const locations = await validatorAnnounce.getAnnouncedStorageLocations(validators)
  return Promise.all(
    validators.map(async (validator, i) => {
      const reader = await getValidatorFromStorageLocation(locations[i].at(-1))
      const found = await reader.getCheckpoint(index)
      const signer = BaseValidator.recoverAddressFromCheckpointWithId(
        found.value,
        found.signature,
      )
      return { validator, signer, id: found.value.message_id }
    }),
  )
}

/** Hyperlane's own module, with our validators, before its own test recipient. */
async function foreignModule(devnet, origin, destination, validators, threshold) {
  const signer = devnet.providers.getSigner(destination)
  const factory = await deploy(signer, 'StaticMessageIdMultisigIsmFactory')
  await mined(factory['deploy(address[],uint8)'](validators, threshold))
  const module = await factory['getAddress(address[],uint8)'](validators, threshold)
  const recipient = await deploy(signer, 'TestRecipient')
  await mined(recipient.setInterchainSecurityModule(module))
  await send(devnet, origin, destination, recipient.address)
  return ethers.utils.toUtf8String(await recipient.lastData())
}

/** Our validators' announcements, brought to Hyperlane's own contract. */
async function foreignAnnouncements(devnet, origin, validators) {
  const { mailbox, validatorAnnounce } = devnet.hyperlane.getContracts(origin)
  const signer = devnet.providers.getSigner(origin)
  const theirs = await deploy(signer, 'ValidatorAnnounce', mailbox.address)
  const ours = await validatorAnnounce.getAnnouncedStorageLocations(validators)
  for (const [i, validator] of validators.entries()) {
    const reader = await getValidatorFromStorageLocation(ours[i].at(-1))
    const { value, serialized_signature: signature } = await reader.getSignedAnnouncement()
    await mined(theirs.announce(validator, value.storage_location, signature))
  }
  return theirs.getAnnouncedValidators()
}

report(async (directory, key, origin, destination) => {
  const devnet = await open(directory, key)
  const { providers, addresses } = devnet
  const reader = new EvmIsmReader(providers, destination)
  const module = await reader.deriveIsmConfig(addresses[destination].interchainSecurityModule)
  const { validators, threshold } = module
  const message = await send(devnet, origin, destination, addresses[destination].testRecipient)
  const { merkleTreeHook } = addresses[origin]
  const tree = MerkleTreeHook__factory.connect(merkleTreeHook, providers.getProvider(origin))
  const index = (await tree.count()) - 1
  return {
    chains: providers.getKnownChainNames(),
    module,
    message: message.id,
    checkpoints: await checkpoints(devnet, origin, validators, index),
    foreignModule: await foreignModule(devnet, origin, destination, validators, threshold),
    foreignAnnouncements: await foreignAnnouncements(devnet, origin, validators),
  }
})
