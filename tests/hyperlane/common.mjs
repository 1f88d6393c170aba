// What the programs here share: the exported registry, signers, waiting.
import * as core from '@hyperlane-xyz/core'
import { FileSystemRegistry } from '@hyperlane-xyz/registry/fs'
import { HyperlaneCore, MultiProvider } from '@hyperlane-xyz/sdk'
import { ethers } from 'ethers'

const DEADLINE = 60_000
const LOOK = 50

/** Everything from the registry in `directory`, transactions signed with `key`. */
export async function open(directory, key) {
  const registry = new FileSystemRegistry({ uri: directory })
  const addresses = await registry.getAddresses()
  const providers = new MultiProvider(await registry.getMetadata())
  for (const chain of providers.getKnownChainNames()) {
    providers.getProvider(chain).pollingInterval = LOOK
  }
  providers.setSharedSigner(new ethers.Wallet(key))
  return { addresses, providers, hyperlane: HyperlaneCore.fromAddressesMap(addresses, providers) }
}

/** A contract of @hyperlane-xyz/core, deployed. */
export async function deploy(signer, name, ...parameters) {
  const contract = await new core[`${name}__factory`](signer).deploy(...parameters)
  await contract.deployed()
  return contract
}

/** The same behind a proxy, as Hyperlane deploys its upgradeable contracts. */
export async function deployProxied(signer, name, parameters, initializer) {
  const code = await deploy(signer, name, ...parameters)
  const data = code.interface.encodeFunctionData('initialize', initializer)
  const admin = ethers.utils.getAddress(ethers.utils.hexDataSlice(ethers.utils.id('admin'), 12))
  const proxy = await deploy(signer, 'TransparentUpgradeableProxy', code.address, admin, data)
  return core[`${name}__factory`].connect(proxy.address, signer)
}

export const mined = async (pending) => (await pending).wait()

export async function until(what, holds) {
  const end = Date.now() + DEADLINE
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${DEADLINE / 1000} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK))
  }
}

/** Run `main` with the arguments and print what it returns as the last line of stdout. */
export async function report(main) {
  try {
    const told = await main(...process.argv.slice(2))
    console.log(JSON.stringify(told))
    process.exit(0) // open connections would keep the process
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}
