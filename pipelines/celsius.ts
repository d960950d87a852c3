/**
 * Turns temperatures from Celsius into Fahrenheit: the smallest pipeline with binary input.
 *
 * A record has a 4-byte length in front and is a 4-byte float; both are big-endian. Output is lines of text.
 */
import { decoder, lengthPrefix, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

const float32 = decoder((bytes, start, end) => {
  if (end - start !== 4) throw new Error(`a temperature has 4 bytes, not ${end - start}`)
  return bytes.readFloatBE(start)
}, 'float32')

export default pipeline('celsius', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('celsius', tcpSource({ port: p.parameters.port, framing: lengthPrefix(), decode: float32 }))
    .map('convert', (celsius) => celsius * 1.8 + 32)
    .sink('fahrenheit', tcpSink({ port: p.parameters.output, framing: lines(), encode: (f) => f.toFixed(1) }))
})
