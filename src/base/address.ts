/** Addresses as people read and write them: `host:port`, with brackets about a host that has colons itself. */

export function showAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
