/**
 * The beat: a hint in the store by which each worker says that it lives and whom it hears (PROTOCOLS 4), overwritten
 * every second; and how a reader judges the beats of others. Pure.
 *
 * B1. A beat counts while its counter moves between two reads of this reader; the time in it, or of it, means nothing.
 *     What is seen for the first time may have lain there for a year: it counts once it has moved.
 *     Until a reader has watched for as long as a beat may be silent, it cannot say of anyone that it has stopped.
 * B2. Silence is counted as `silence.ts` says: a reader that was stopped reads again before it accuses.
 * B3. A beat is a hint: cut short or lost it is as good as absent, and nothing but waiting follows from it.
 * B4. A look in which the reader finds its own beat unmoved does not count: the store takes nothing now, or gives
 *     nothing back, and the others' beats stand still for the same reason. So nobody is missing to the first worker
 *     that comes back to a store that was away.
 * B5. Who is no member is taken in only once its beats have come in time for a while: else one that needs longer for
 *     each than it may be silent would be taken in with every beat, and given up before the next. It takes longer each
 *     time that its beats have stopped although it lived on, until they have come in time for long.
 */
import { type Format, seal, unseal } from '../checkpoint/envelope.ts'
import { longer } from './silence.ts'

/** Someone that a worker hears, on heartbeats and on the data link both. */
export interface Heard {
  readonly worker: string
  readonly incarnation: string
}

export interface Beat {
  readonly worker: string
  readonly incarnation: string
  /** Where other workers reach its links, `host:port`. */
  readonly address: string
  /** Where it takes heartbeats, `host:port`. */
  readonly heartbeats: string
  readonly counter: number
  readonly hears: readonly Heard[]
  /**
   * The greatest generation that there may have been, as its data folder told when it came; older programs do not say.
   */
  readonly seen?: number
}

const format: Format = { kind: 'beat', version: 1 }

export function encodeBeat(beat: Beat): Buffer {
  return seal(format, beat)
}

/** The beat that `bytes` are, or `null` (B3). */
export function decodeBeat(path: string, bytes: Buffer | null): Beat | null {
  if (bytes === null) return null
  const unsealed = unseal<Beat>(format, path, bytes)
  return unsealed.kind === 'value' ? unsealed.value : null
}

interface Watched {
  readonly beat: Beat
  /** Infinite before its first move (B1). */
  readonly silentMs: number
  /** From the first to the last of the beats of this incarnation that came in time, one behind another (B5). */
  readonly steadyMs: number
  /** How often its beats have stopped although it lived on, as far as that counts (B5). */
  readonly lapses: number
}

/** More lapses count no more (B5). */
const MOST_LAPSES = 5

/** Lapses are forgotten behind beats in time for so many times as long as a beat may be silent. */
const FORGIVEN = 20

/** What one reader knows of the beats. Never changed in place. */
export interface BeatView {
  readonly self: string
  /** When the beats were last read, by the monotonic clock. */
  readonly readMs: number
  /** When its own was last found moved (B4). */
  readonly foundMs: number
  /** For how long this reader has watched (`silence.ts`, Q1). */
  readonly watchedMs: number
  readonly watched: ReadonlyMap<string, Watched>
}

/** The view of the worker `self`, which has read nothing yet. */
export function startBeatView(self: string, nowMs: number): BeatView {
  return { self, readMs: nowMs, foundMs: nowMs, watchedMs: 0, watched: new Map() }
}

export interface BeatSettings {
  /** A beat that has not moved for so long has stopped. */
  readonly silenceMs: number
  /** The most that one read may add to a silence (`silence.ts`, Q1): a little more than the time between two reads. */
  readonly lookMs: number
}

/**
 * The view after all beats were read once more, its own too; a worker whose beat is missing in `beats` has not moved
 * (B3). `gone` are incarnations that are known to be dead.
 */
export function watchBeats(
  view: BeatView,
  beats: readonly Beat[],
  nowMs: number,
  settings: BeatSettings,
  gone: ReadonlySet<string> = new Set(),
): BeatView {
  const found = beats.some((beat) => beat.worker === view.self && moves(view, beat))
  const sinceFoundMs = found ? nowMs - view.foundMs : 0
  const watched = new Map<string, Watched>()
  for (const [worker, known] of view.watched) {
    const silentMs = longer(known.silentMs, sinceFoundMs, settings.lookMs)
    // What has stopped for long is forgotten: a list of the dead would grow for ever.
    if (silentMs < 10 * settings.silenceMs) watched.set(worker, { ...known, silentMs })
  }
  for (const beat of beats) {
    const known = view.watched.get(beat.worker)
    if (known !== undefined && moves(view, beat)) {
      const silentMs = longer(known.silentMs, sinceFoundMs, settings.lookMs)
      watched.set(beat.worker, { beat, silentMs: 0, ...steadiness(known, beat, silentMs, settings, gone) })
    } else {
      const { silentMs = Number.POSITIVE_INFINITY } = watched.get(beat.worker) ?? {}
      watched.set(beat.worker, { beat, silentMs, steadyMs: known?.steadyMs ?? 0, lapses: known?.lapses ?? 0 })
    }
  }
  const watchedMs = longer(view.watchedMs, nowMs - view.readMs, settings.lookMs)
  return { self: view.self, readMs: nowMs, foundMs: found ? nowMs : view.foundMs, watchedMs, watched }
}

/** What is known of `beat`, which came `silentMs` after the one before it (B5). */
function steadiness(
  known: Watched,
  beat: Beat,
  silentMs: number,
  { silenceMs }: BeatSettings,
  gone: ReadonlySet<string>,
): Pick<Watched, 'steadyMs' | 'lapses'> {
  const { incarnation } = known.beat
  if (silentMs < silenceMs) {
    const steadyMs = beat.incarnation === incarnation ? known.steadyMs + silentMs : 0
    return { steadyMs, lapses: steadyMs < FORGIVEN * silenceMs ? known.lapses : 0 }
  }
  const lapsed = Number.isFinite(silentMs) && !gone.has(incarnation)
  return { steadyMs: 0, lapses: Math.min(known.lapses + (lapsed ? 1 : 0), MOST_LAPSES) }
}

/** Whether `beat` is another one than that which `view` knows of its worker. */
function moves({ watched }: BeatView, { worker, counter, incarnation }: Beat): boolean {
  const known = watched.get(worker)?.beat
  return known !== undefined && (known.counter !== counter || known.incarnation !== incarnation)
}

/** The workers whose beats have not come in time for long enough to be taken in (B5). */
export function lateOf({ watched }: BeatView, { silenceMs }: BeatSettings): ReadonlySet<string> {
  const late = [...watched].filter(([, { steadyMs, lapses }]) => steadyMs === 0 || steadyMs < lapses * silenceMs)
  return new Set(late.map(([worker]) => worker))
}

/** Whether the reader has watched too shortly to say of anyone that its beat has stopped (B1). */
export function isYoung(view: BeatView, settings: BeatSettings): boolean {
  return view.watchedMs < settings.silenceMs
}

/**
 * The beats of others that have not stopped; `gone` are incarnations that are known to be dead (evidence, PROTOCOLS 4).
 */
export function beatingOf(view: BeatView, gone: ReadonlySet<string>, settings: BeatSettings): readonly Beat[] {
  return [...view.watched.values()]
    .filter(({ beat, silentMs }) => silentMs < settings.silenceMs && !gone.has(beat.incarnation))
    .map(({ beat }) => beat)
    .filter(({ worker }) => worker !== view.self)
}
