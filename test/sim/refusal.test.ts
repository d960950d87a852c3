import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { Prng } from '../../src/base/prng.ts'
import { Refused, Volume } from '../../src/sim/volume.ts'
import { type Ground, objectionToRefusal } from './refusal.ts'

const MANIFEST = 'pipelines/p/1/manifests/0000000003'
const JOURNAL = '/data/journal/1.journal'

/** A worker's disk with an epoch and a journal, of which the power took what no sync had confirmed. */
function disk(synced: boolean): Ground {
  const volume = new Volume('v', 1 << 20, false)
  const random = new Prng(1)
  for (const path of [`/data/store/${MANIFEST}`, JOURNAL]) {
    volume.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    const file = volume.open(path, 'create')
    if (file instanceof Refused) throw new Error(file.reason)
    volume.write(file, 0, Buffer.alloc(1000, 1))
    if (synced) file.sync()
    for (let folder = path; folder !== ''; ) {
      folder = folder.slice(0, folder.lastIndexOf('/'))
      volume.syncDirectory(folder)
    }
  }
  volume.losePower(random, { keep: 0, torn: 0 })
  volume.damage(`/data/store/${MANIFEST}`, random)
  return { store: '/data/store', mounts: [{ at: '', volume }] }
}

function refusal(...clauses: string[]) {
  return fail('E_RESTORE', { pipeline: 'p', epoch: 3, damage: clauses.join('; '), remedy: '' })
}

const store = `${MANIFEST}: its checksum does not match`
const journal = `the journal ${JOURNAL} is damaged from byte 200 to 300: records 1 to 2 of a for source b`
const lacks = 'the journal lacks records 3 to 4 of a for source b'

test('a worker may refuse where the weather has taken the epoch and the journal behind the one before', () => {
  expect(objectionToRefusal(refusal(store, journal), disk(false), true)).toBe(null)
  expect(objectionToRefusal(refusal(journal), disk(false), true)).toBe(null)
  expect(objectionToRefusal(refusal(journal, 'and 2 more like these'), disk(false), true)).toBe(null)
  expect(objectionToRefusal(refusal(journal, lacks), disk(false), true)).toBe(null)
})

test('it may too where what is lacking may lie in the journal of another', () => {
  const apart = { ...disk(false), apart: true }
  expect(objectionToRefusal(refusal(store, lacks), apart, true)).toBe(null)
  expect(objectionToRefusal(refusal(store), apart, true)).toContain('the journal behind')
})

test('it may not where what it names is whole, or where one of both ways is open', () => {
  expect(objectionToRefusal(refusal(store, journal), disk(true), true)).toContain('nothing there: the journal')
  expect(objectionToRefusal(refusal(`${MANIFEST}4: gone`, journal), disk(false), true)).toContain('nothing there')
  expect(objectionToRefusal(refusal(store), disk(false), true)).toContain('the journal behind')
  expect(objectionToRefusal(refusal(store, lacks), disk(false), true)).toContain('the journal behind')
  expect(objectionToRefusal(refusal(journal), disk(false), false)).toBe('the last epoch is whole')
  expect(objectionToRefusal(refusal(store, 'it is late'), disk(false), true)).toContain('names nothing')
})
