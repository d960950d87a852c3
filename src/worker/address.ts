/** Addresses as members of a generation and beats have them: `host:port`, also where the host has colons itself. */
import type { Address } from '../env/network.ts'

export function memberAddress({ host, port }: Address): string {
  return `${host}:${port}`
}

/** The address that `text` is, `null` where it is none. */
export function addressOf(text: string): Address | null {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  return at > 0 && Number.isInteger(port) && port > 0 && port < 65_536 ? { host: text.slice(0, at), port } : null
}
