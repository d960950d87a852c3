/** What a member has saved goes to the coordinator in pieces, as its lane has room. */
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { makeLimits } from '../../src/base/limits.ts'
import type { Snapshot } from '../../src/checkpoint/manifest.ts'
import { noPlacement } from '../../src/cluster/splits.ts'
import { World } from '../../src/sim/world.ts'
import type { ControlMessage } from '../../src/transport/wire.ts'
import { type CoordinatorsMail, EpochPost, type MembersMail } from '../../src/worker/execution/epochs/epoch-post.ts'
import type { Generation, Links } from '../../src/worker/execution/generation.ts'
import { PatientSender } from '../../src/worker/patient-sender.ts'

const limits = makeLimits({ controlLaneBytes: 4 << 20 })
const members = ['a', 'b'].map((worker) => ({ worker, incarnation: worker, address: '' }))
const common = { number: 1, coordinator: 'a', members, owners: new Uint16Array(2), placement: noPlacement }

function stage(self: number, links: Pick<Links, 'send' | 'backlog'>) {
  const world = new World(1)
  const { clock } = world.machine('a').start('a').env
  const sender = new PatientSender(clock, limits, links.backlog)
  const generation: Generation = { ...common, self }
  return { world, post: new EpochPost(generation, links as Links, 7, limits.frameBytes, sender) }
}

/** Of so many streams that all of it together is more than the lane may hold. */
const snapshot: Snapshot = {
  pack: null,
  sources: [{ step: 'in', snapshot: Array.from({ length: 100_000 }, (_, i) => [`producer ${i}`, 'x'.repeat(50), i]) }],
  sinks: [],
  counts: { keys: 0, records: 0 },
}

test('a saved epoch that is more than the lane may hold goes in parts, and all of it arrives', () => {
  const sent: { readonly message: ControlMessage; readonly body: Buffer }[] = []
  let backlog = 0
  let most = 0
  const member = stage(1, {
    send: (_, message, body) => {
      const writer = new ByteWriter()
      body?.(writer)
      sent.push({ message, body: writer.take() })
      backlog += sent.at(-1)!.body.length
      most = Math.max(most, backlog)
    },
    backlog: () => backlog,
  })
  member.post.saved(3, snapshot)
  let now = 100
  member.world.run(now)
  expect(sent.map(({ message }) => message.kind)).not.toContain('epochAcked')
  while (sent.at(-1)!.message.kind !== 'epochAcked') {
    backlog = Math.max(0, backlog - (64 << 10))
    member.world.run((now += 5))
  }
  expect(most).toBeLessThan(limits.controlLaneBytes / 2)

  const heard: Snapshot[] = []
  const { post } = stage(0, { send: () => {}, backlog: () => 0 })
  const mail = { saved: (_: string, __: number, one: Snapshot) => heard.push(one) } as unknown as CoordinatorsMail
  for (const { message, body } of sent) post.take('b', message, new ByteReader(body), {} as MembersMail, mail)
  expect(heard).toEqual([snapshot])
})

test('an epoch post that is closed sends nothing any more', () => {
  const sent: string[] = []
  let backlog = 1 << 30
  const { world, post } = stage(1, { send: (_, { kind }) => sent.push(kind), backlog: () => backlog })
  post.saved(3, snapshot)
  post.close()
  backlog = 0
  world.run(1000)
  expect(sent).toEqual([])
})
