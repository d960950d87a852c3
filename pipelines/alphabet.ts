/**
 * Counts votes for letters: `x` with 3 votes and `x` with 4 votes give `x => 3` and `x => 7`.
 *
 * A record has a 4-byte length in front, which is always 5, then the letter and its votes as u32; all is big-endian.
 */
import { decoder, lengthPrefix, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

const ballot = decoder((bytes, start, end) => {
  const letter = String.fromCharCode(bytes[start]!)
  if (end - start !== 5 || !/[a-z]/.test(letter)) throw new Error('not a letter and its votes')
  return { letter, votes: bytes.readUInt32BE(start + 1) }
}, 'ballot')

export default pipeline('alphabet', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('votes', tcpSource({ port: p.parameters.port, framing: lengthPrefix(), decode: ballot }))
    .keyBy('by-letter', ({ letter }) => letter)
    .mapWithState('count', {
      init: () => ({ votes: 0 }),
      step: (total, { letter, votes }) => ({ letter, votes: (total.votes += votes) }),
    })
    .sink(
      'totals',
      tcpSink({
        port: p.parameters.output,
        framing: lines(),
        encode: ({ letter, votes }) => `${letter} => ${votes}`,
      }),
    )
})
