/**
 * Connectors whose description carries what opens them: sources that hand over what a script says, and sinks that keep
 * what they are given, for pipelines that run in a simulated world. No pipeline file can describe one.
 */
import type { SinkDescription, SourceDescription } from '../../model/connector.ts'
import type {
  Context,
  Place,
  ReplayableReader,
  ReplayableSource,
  SinkConnector,
  SinkContext,
  Writer,
} from '../connector.ts'

/** What both are called where connectors are told apart. */
const SCRIPTED = 'scripted'

/** Opens the one split of the source at `place`, or at its beginning. */
export type OpenReader = (place: Place | null, context: Context) => ReplayableReader
export type OpenWriter = (context: SinkContext) => Writer

interface ScriptedSource extends SourceDescription<unknown> {
  readonly openReader: OpenReader
}

interface ScriptedSink extends SinkDescription<unknown> {
  readonly openWriter: OpenWriter
}

/** `source` with its framing and decoder, read by what `openReader` opens. */
export function scriptedSource(source: SourceDescription<unknown>, openReader: OpenReader): SourceDescription<unknown> {
  const scripted: ScriptedSource = { ...source, kind: SCRIPTED, settings: {}, splits: 'one', openReader }
  return scripted
}

/** `sink` with what it encodes, written to what `openWriter` opens, which gives each record exactly once. */
export function scriptedSink(sink: SinkDescription<unknown>, openWriter: OpenWriter): SinkDescription<unknown> {
  const gives = { promise: 'transactional', fencing: 'epoch' } as const
  const scripted: ScriptedSink = { ...sink, kind: SCRIPTED, settings: {}, ...gives, openWriter }
  return scripted
}

export const scriptedSourceConnector: ReplayableSource = {
  family: 'replayable',
  kind: SCRIPTED,
  splits: (_description, context, found) => context.env.clock.soon(() => found(null, ['script'])),
  open: (description, _split, place, context) => (description as ScriptedSource).openReader(place, context),
}

export const scriptedSinkConnector: SinkConnector = {
  kind: SCRIPTED,
  parallel: () => false,
  open: (description, context) => (description as ScriptedSink).openWriter(context),
}
