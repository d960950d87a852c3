import { expect, test } from 'vitest'
import { acked } from '../../src/protocol/acked.ts'
import { delivery } from '../../src/protocol/delivery.ts'
import { describeProtocols } from '../../src/protocol/document.ts'
import { linkMessages } from '../../src/protocol/messages.ts'
import type { Catalogue, Row } from '../../src/protocol/schema.ts'

test('docs/protocol.md says what the tables say (write it anew with `vitest run -u`)', async () => {
  const text = describeProtocols([linkMessages, acked, delivery] as unknown as Catalogue<Row>[])
  await expect(text).toMatchFileSnapshot('../../docs/protocol.md')
})
