// viem's op-stack actions against a rollup, each tried once; prints what came of them as JSON.
// node op-stack.mjs '{"l1": {"url", "id"}, "rollup": {"chain"}, "key"}'
import { createPublicClient, createWalletClient, defineChain, http, parseAbi, parseEther } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  getL2TransactionHashes,
  getWithdrawals,
  publicActionsL1,
  publicActionsL2,
  walletActionsL1,
  walletActionsL2,
} from 'viem/op-stack'

const given = JSON.parse(process.argv[2])
const account = privateKeyToAccount(given.key)
const ether = { name: 'Ether', symbol: 'ETH', decimals: 18 }
const predeploy = (tail) => ({ address: '0x42000000000000000000000000000000000000' + tail })

const l1Chain = defineChain({
  id: given.l1.id,
  name: 'l1',
  nativeCurrency: ether,
  rpcUrls: { default: { http: [given.l1.url] } },
  contracts: { multicall3: { address: '0xcA11bde05977b3631167028862bE2a173976CA11' } },
})
// as `caldera export wagmi` writes it
const chain = defineChain(given.rollup.chain)

const options = { transport: http(undefined, { retryCount: 0 }), pollingInterval: 100 }
const l1 = createPublicClient({ chain: l1Chain, ...options }).extend(publicActionsL1())
const l2 = createPublicClient({ chain, ...options }).extend(publicActionsL2())
const l1Wallet = createWalletClient({ account, chain: l1Chain, ...options }).extend(walletActionsL1())
const l2Wallet = createWalletClient({ account, chain, ...options }).extend(walletActionsL2())

const results = {}

/** The action's result, which later ones may need; undefined when it failed. */
async function attempt(name, action) {
  try {
    const found = await action()
    results[name] = 'works'
    return found
  } catch (error) {
    results[name] = (error.shortMessage ?? error.message).split('\n')[0]
    if (given.verbose) console.error(name, error)
    return undefined
  }
}

const expect = (found, wanted) => {
  if (found !== wanted) throw new Error(`${found}, not ${wanted}`)
}
const balance = (client, address) => client.getBalance({ address })
const status = (receipt) =>
  l1.getWithdrawalStatus({ receipt, targetChain: chain, chain: l1Chain })

// ---------------------------------------------------------------- deposit
const someone = '0x00000000000000000000000000000000000d0517'
const request = await attempt('buildDepositTransaction', () =>
  l2.buildDepositTransaction({ account, mint: parseEther('1'), to: someone }),
)
await attempt('estimateDepositTransactionGas', () =>
  l1.estimateDepositTransactionGas({ ...request, targetChain: chain }),
)
await attempt('depositTransaction', async () => {
  const before = await balance(l2, someone)
  const hash = await l1Wallet.depositTransaction({ ...request, targetChain: chain })
  const receipt = await l1.waitForTransactionReceipt({ hash })
  const [l2Hash] = getL2TransactionHashes(receipt)
  const credited = await l2.waitForTransactionReceipt({ hash: l2Hash, timeout: 20_000 })
  expect(credited.status, 'success')
  expect((await balance(l2, someone)) - before, parseEther('1'))
})

// ---------------------------------------------------------------- withdrawal
const receiver = '0x00000000000000000000000000000000000a11ce'
const value = 1_234_567_890_123_456_789n / 10n
const prepared = await attempt('buildInitiateWithdrawal', () =>
  l1.buildInitiateWithdrawal({ account, to: receiver, value }),
)
await attempt('estimateInitiateWithdrawalGas', () => l2.estimateInitiateWithdrawalGas(prepared))
const receipt = await attempt('initiateWithdrawal', async () => {
  const hash = await l2Wallet.initiateWithdrawal(prepared)
  return l2.waitForTransactionReceipt({ hash })
})
const [withdrawal] = getWithdrawals(receipt)
await attempt('getWithdrawalStatus: waiting-to-prove', async () =>
  expect(await status(receipt), 'waiting-to-prove'),
)
await attempt('getTimeToProve', () => l1.getTimeToProve({ receipt, targetChain: chain }))
await attempt('getTimeToNextL2Output', () =>
  l1.getTimeToNextL2Output({ l2BlockNumber: receipt.blockNumber, targetChain: chain }),
)
const ready = await attempt('waitToProve', () => l1.waitToProve({ receipt, targetChain: chain }))
await attempt('waitForNextL2Output', () =>
  l1.waitForNextL2Output({ l2BlockNumber: receipt.blockNumber, targetChain: chain }),
)
await attempt('getL2Output', () =>
  l1.getL2Output({ l2BlockNumber: receipt.blockNumber, targetChain: chain }),
)
await attempt('getPortalVersion', async () =>
  expect((await l1.getPortalVersion({ targetChain: chain })).major, 2),
)
await attempt('getWithdrawalStatus: ready-to-prove', async () =>
  expect(await status(receipt), 'ready-to-prove'),
)
const proof = await attempt('buildProveWithdrawal', () =>
  l2.buildProveWithdrawal({ account, ...ready }),
)
await attempt('estimateProveWithdrawalGas', () =>
  l1.estimateProveWithdrawalGas({ ...proof, targetChain: chain }),
)
await attempt('proveWithdrawal', async () => {
  const hash = await l1Wallet.proveWithdrawal({ ...proof, targetChain: chain })
  expect((await l1.waitForTransactionReceipt({ hash })).status, 'success')
})
await attempt('getWithdrawalStatus: waiting-to-finalize', async () =>
  expect(await status(receipt), 'waiting-to-finalize'),
)
const withdrawalHash = withdrawal.withdrawalHash
await attempt('getTimeToFinalize', () =>
  l1.getTimeToFinalize({ withdrawalHash, targetChain: chain }),
)
await attempt('waitToFinalize', () => l1.waitToFinalize({ withdrawalHash, targetChain: chain }))
await attempt('getWithdrawalStatus: ready-to-finalize', async () =>
  expect(await status(receipt), 'ready-to-finalize'),
)
await attempt('estimateFinalizeWithdrawalGas', () =>
  l1.estimateFinalizeWithdrawalGas({ account, withdrawal, targetChain: chain }),
)
await attempt('finalizeWithdrawal', async () => {
  const before = await balance(l1, receiver)
  const hash = await l1Wallet.finalizeWithdrawal({ withdrawal, targetChain: chain })
  expect((await l1.waitForTransactionReceipt({ hash })).status, 'success')
  expect((await balance(l1, receiver)) - before, value)
})
await attempt('getWithdrawalStatus: finalized', async () =>
  expect(await status(receipt), 'finalized'),
)

// ---------------------------------------------------------------- fees
// data and operator are free on Anvil, and their prices those of L1Block elsewhere
const call = { account, to: someone, value: 1n, data: '0xca11' }
const l1Gas = await attempt('estimateL1Gas', () => l2.estimateL1Gas(call))
const l1Fee = await attempt('estimateL1Fee', () => l2.estimateL1Fee(call))
const operatorFee = await attempt('estimateOperatorFee', () => l2.estimateOperatorFee(call))
await attempt('getL1BaseFee', async () => {
  const origin = await l2.readContract({
    address: predeploy('15').address,
    abi: parseAbi(['function basefee() view returns (uint256)']),
    functionName: 'basefee',
  })
  expect(await l2.getL1BaseFee(), origin)
})
await attempt('estimateTotalGas', async () =>
  expect(await l2.estimateTotalGas(call), l1Gas + (await l2.estimateGas(call))),
)
await attempt('estimateTotalFee', async () => {
  const gas = await l2.estimateGas(call)
  expect(await l2.estimateTotalFee(call), l1Fee + operatorFee + gas * (await l2.getGasPrice()))
})
const contract = {
  account,
  address: predeploy('16').address,
  abi: parseAbi(['function initiateWithdrawal(address, uint256, bytes) payable']),
  functionName: 'initiateWithdrawal',
  args: [receiver, 0n, '0x'],
}
for (const name of ['L1Gas', 'L1Fee', 'TotalGas', 'TotalFee']) {
  await attempt(`estimateContract${name}`, async () => {
    const found = await l2[`estimateContract${name}`](contract)
    if (found === 0n && name !== 'L1Fee') throw new Error('nothing')
  })
}

// ---------------------------------------------------------------- dispute games of portals since v3
await attempt('getGames', () => l1.getGames({ targetChain: chain }))

console.log(JSON.stringify(results, null, 2))
