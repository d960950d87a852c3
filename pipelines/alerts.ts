/**
 * Watches the balances of accounts and says when one leaves its limits or comes back: once for each change, however
 * many transactions follow on the same side.
 *
 * Transactions are lines `account,cents`, alerts are lines `account level balance`: `ann,120000` gives `ann high
 * 120000`.
 */
import { csv, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

const transaction = csv({ header: ['account', 'cents'] })
const parameters = { port: 7001, output: 7002, least: -50_000, most: 100_000 }

export default pipeline('alerts', { parameters }, (p) => {
  const { port, output, least, most } = p.parameters
  const levelOf = (cents: number) => (cents < least ? 'low' : cents > most ? 'high' : 'normal')

  p.source('transactions', tcpSource({ port, framing: lines(), decode: transaction }))
    .map('read-amount', ({ account, cents }) => ({ account, cents: wholeNumber(cents) }))
    .keyBy('by-account', ({ account }) => account)
    .mapWithState('balance', {
      init: () => ({ cents: 0, level: 'normal' }),
      step: (balance, { account, cents }) => {
        balance.cents += cents
        const level = levelOf(balance.cents)
        if (level === balance.level) return
        balance.level = level
        return `${account} ${level} ${balance.cents}`
      },
    })
    .sink('alerts', tcpSink({ port: output, framing: lines(), encode: (alert) => alert }))
})

/** A line with any other amount goes to the dead letters. */
function wholeNumber(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new Error(`${JSON.stringify(text)} is no amount in cents`)
  return Number(text)
}
