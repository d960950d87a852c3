/**
 * A store in memory whose operations wait until a test lets them happen, and whose creates end as the test says: done
 * and answered, done without an answer, not answered and done later, or never.
 */
import { fail } from '../../src/base/errors.ts'
import type { CreateOutcome, Store, StoreDone, StoreDoneVoid, Upload } from '../../src/checkpoint/store.ts'

export type CreateEnd = 'answered' | 'unknown' | 'late' | 'lost'

interface Waiting {
  readonly kind: 'create' | 'read'
  readonly path: string
  readonly owner: string
  readonly happen: (end: CreateEnd) => void
}

/** What several workers share. */
export class WeakWorld {
  readonly objects = new Map<string, Buffer>()
  waiting: Waiting[] = []
  /** Creates that nobody waits for any more, and that may land. */
  late: (() => void)[] = []

  /** A worker's view. Names for which `quick` holds are read without waiting. */
  store(owner: string, quick: (path: string) => boolean = () => false): Store {
    return new WeakStore(this, owner, quick)
  }

  /** Runs what is due at once; the rest waits for `happen`. */
  readonly due: (() => void)[] = []
  settle(): void {
    for (let fn = this.due.shift(); fn !== undefined; fn = this.due.shift()) fn()
  }

  happen(index: number, end: CreateEnd = 'answered'): void {
    const [operation] = this.waiting.splice(index, 1)
    operation!.happen(end)
    this.settle()
  }

  land(index: number): void {
    const [create] = this.late.splice(index, 1)
    create!()
  }
}

class WeakStore implements Store {
  private readonly world: WeakWorld
  private readonly owner: string
  private readonly quick: (path: string) => boolean

  constructor(world: WeakWorld, owner: string, quick: (path: string) => boolean) {
    this.world = world
    this.owner = owner
    this.quick = quick
  }

  createExclusive(path: string, bytes: Uint8Array, done: (outcome: CreateOutcome, error: null) => void): void {
    const { objects, late } = this.world
    const copy = Buffer.from(bytes)
    const create = (): CreateOutcome => {
      if (objects.has(path)) return 'exists'
      objects.set(path, copy)
      return 'created'
    }
    const happen = (end: CreateEnd): void => {
      if (end === 'late') late.push(create)
      const outcome = end === 'answered' || end === 'unknown' ? create() : 'unknown'
      done(end === 'answered' ? outcome : 'unknown', null)
    }
    this.world.waiting.push({ kind: 'create', path, owner: this.owner, happen })
  }

  read(path: string, done: StoreDone<Buffer | null>): void {
    const happen = () => done(null, this.world.objects.get(path) ?? null)
    if (this.quick(path)) this.world.due.push(happen)
    else this.world.waiting.push({ kind: 'read', path, owner: this.owner, happen })
  }

  readRange(path: string, position: number, length: number, done: StoreDone<Buffer | null>): void {
    const bytes = this.world.objects.get(path)?.subarray(position, position + length) ?? null
    this.world.due.push(() => done(null, bytes))
  }

  makeDurable(_folder: string, done: StoreDoneVoid): void {
    this.world.due.push(() => done(null))
  }

  list(folder: string, done: StoreDone<readonly string[]>): void {
    const paths = [...this.world.objects.keys()].filter((path) => path.startsWith(`${folder}/`))
    this.world.due.push(() => done(null, paths.map((path) => path.slice(folder.length + 1)).toSorted()))
  }

  remove(path: string, done: StoreDoneVoid): void {
    this.world.objects.delete(path)
    this.world.due.push(() => done(null))
  }

  put(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.world.objects.set(path, Buffer.from(bytes))
    this.world.due.push(() => done(null))
  }

  removeFolder(_folder: string, done: StoreDoneVoid): void {
    this.world.due.push(() => done(null))
  }

  replace(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.put(path, bytes, done)
  }

  link(existing: string, created: string, done: StoreDoneVoid): void {
    const bytes = this.world.objects.get(existing)
    if (bytes !== undefined) this.world.objects.set(created, bytes)
    const error = bytes === undefined ? fail('E_STORE', { operation: 'link', path: existing, reason: 'absent' }) : null
    this.world.due.push(() => done(error))
  }

  upload(path: string, done: StoreDone<Upload>): void {
    const error = fail('E_STORE', { operation: 'upload', path, reason: 'not in this store' })
    this.world.due.push(() => done(error, undefined as never))
  }
}
