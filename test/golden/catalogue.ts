/** A catalogue that answers by HTTP, as the sample `enrich` asks one: every product has a name and a price. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export function priceOf(product: string): number {
  return 100 * product.length
}

export function productOf(product: string): { readonly name: string; readonly cents: number } {
  return { name: `The ${product}`, cents: priceOf(product) }
}

export class Catalogue {
  url = ''
  private server: Server | null = null

  async open(): Promise<void> {
    this.server = createServer((request, response) => {
      const product = decodeURIComponent(request.url!.slice('/products/'.length))
      if (product === 'unknown') response.writeHead(404).end()
      else response.end(JSON.stringify(productOf(product)))
    })
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/products`
  }

  async close(): Promise<void> {
    this.server!.closeAllConnections()
    this.server!.close()
    await once(this.server!, 'close')
  }
}
