/** Addresses as people read and write them: `host:port`, with brackets about a host that has colons itself. */

export function showAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Where a URL leads: in it an address of IPv6 stands in brackets, and a port that is usual for WebSockets is left out.
 */
export function addressOfUrl({ hostname, port, protocol }: Pick<URL, 'hostname' | 'port' | 'protocol'>): {
  readonly host: string
  readonly port: number
} {
  const usual = protocol === 'wss:' ? 443 : 80
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) }
}
