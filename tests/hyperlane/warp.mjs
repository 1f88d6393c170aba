// node warp.mjs REGISTRY KEY ORIGIN DESTINATION: a token of the origin as a Hyperlane token of the
// destination, there and back, through whatever module and relayer the mailboxes have.
import { addressToBytes32 } from '@hyperlane-xyz/utils'
import { ethers } from 'ethers'
import { deploy, deployProxied, mined, open, report, until } from './common.mjs'

const ZERO = ethers.constants.AddressZero
const SUPPLY = 1_000_000
const THERE = 1_000
const BACK = 400

report(async (directory, key, origin, destination) => {
  const { addresses, providers } = await open(directory, key)
  const [here, there] = [origin, destination].map((chain) => providers.getSigner(chain))
  const owner = await here.getAddress()
  const token = await deploy(here, 'ERC20Test', 'Coin', 'COIN', SUPPLY, 18)
  const collateral = await deployProxied(
    here,
    'HypERC20Collateral',
    [token.address, 1, 1, addresses[origin].mailbox],
    [ZERO, ZERO, owner],
  )
  const synthetic = await deployProxied(
    there,
    'HypERC20',
    [18, 1, 1, addresses[destination].mailbox],
    [0, 'Coin', 'COIN', ZERO, ZERO, owner],
  )
  const [home, away] = [origin, destination].map((chain) => providers.getDomainId(chain))
  await mined(collateral.enrollRemoteRouter(away, addressToBytes32(synthetic.address)))
  await mined(synthetic.enrollRemoteRouter(home, addressToBytes32(collateral.address)))

  const receiver = addressToBytes32(owner)
  await mined(token.approve(collateral.address, THERE))
  const value = await collateral.quoteGasPayment(away)
  const sent = await mined(collateral.transferRemote(away, receiver, THERE, { value }))
  await until('tokens there', async () => (await synthetic.balanceOf(owner)).eq(THERE))
  const returned = await mined(synthetic.transferRemote(home, receiver, BACK))
  const expected = SUPPLY - THERE + BACK
  await until('tokens back', async () => (await token.balanceOf(owner)).eq(expected))
  const balances = await Promise.all(
    [token.balanceOf(owner), token.balanceOf(collateral.address), synthetic.totalSupply()],
  )
  return {
    transactions: [sent.transactionHash, returned.transactionHash],
    owner: balances[0].toNumber(),
    collateral: balances[1].toNumber(),
    synthetic: balances[2].toNumber(),
  }
})
