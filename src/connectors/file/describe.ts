/** Files as users write them: sources that read them once or follow them, and a sink. */
import type { Decoder, SinkDescription, SourceDescription } from '../../model/connector.ts'
import { utf8 } from '../../model/decoder.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { describeSink, describeSource, type SinkFormat, type SourceFormat } from '../options.ts'
import { faultOfPattern, isPattern } from './find.ts'

export const fileSourceFields = {
  path: {
    type: 'text',
    doc: 'the file; `*` and `?` in its name match several, each a split of its own, but no folder, none that begins with a dot where the pattern does not, and none that a file sink has not committed; separate further ones by commas. A file that comes later is read once the pipeline starts again, or its workers change',
    example: 'logs/access-*.log',
  },
  follow: {
    type: 'boolean',
    default: false,
    doc: 'waits for what is appended, even when the file is rotated; otherwise the source ends with its files. Where a copy takes its place, as by an editor, all of that is read (`E_FILE_REPLACED`). A followed file that is deleted while nothing has come after it is missed at the next recovery (`E_FILE_CHANGED`). A file is known again by its first 1,024 bytes. Of several that begin alike, as with the same line of names, it is the one with the same number on its volume (inode); where none has that, as behind a copy or a backup, it is the one that has its name by then',
    example: true,
  },
} as const satisfies Fields

export type FileSourceSettings = SettingsOf<typeof fileSourceFields>
export type FileSourceOptions<T> = OptionsOf<typeof fileSourceFields> & SourceFormat<T>

/**
 * Reads files: lines of UTF-8 text by default. The position of a record is the offset of its first byte.
 *
 * @example p.source('orders', fileSource({ path: 'orders.jsonl', decode: json<Order>() }))
 */
export function fileSource<T = string>(options: FileSourceOptions<T>): SourceDescription<T> {
  const described = describeSource('fileSource', 'file', fileSourceFields, options, {
    framing: lines(),
    decode: utf8 as Decoder<unknown> as Decoder<T>,
  })
  const { path } = described.settings
  const fault = faultOfPattern(path)
  const faults = [...(described.faults ?? []), ...(fault === null ? [] : [`fileSource: path ${fault}`])]
  return { ...described, faults, splits: isPattern(path) ? 'many' : 'one' }
}

export const fileSinkFields = {
  path: { type: 'text', doc: 'the file, or the beginning of the names of its segments', example: 'out/totals.txt' },
  append: {
    type: 'boolean',
    default: false,
    doc: 'one file that grows by an epoch at a time, instead of a file for each epoch',
    example: true,
  },
} as const satisfies Fields

export type FileSinkSettings = SettingsOf<typeof fileSinkFields>
export type FileSinkOptions<T> = OptionsOf<typeof fileSinkFields> & SinkFormat<T>

/**
 * Writes to files, exactly once: a file contains the output of complete epochs and nothing else. Without
 * `append` each epoch's output is a file of its own, `path.<generation>-<epoch>-<writer>`, whose names sort in order;
 * what ends in `.pending` is not part of the output.
 *
 * @example .sink('totals', fileSink({ path: 'out/totals.txt', append: true, framing: lines(), encode: String }))
 */
export function fileSink<T>(options: FileSinkOptions<T>): SinkDescription<T> {
  const gives = { promise: 'transactional', fencing: 'epoch' } as const
  const described = describeSink('fileSink', 'file', fileSinkFields, options, gives)
  const { path, append } = described.settings
  if (!path.includes('\0') && !(append && path.endsWith('/'))) return described
  return { ...described, faults: [...(described.faults ?? []), 'fileSink: path is the name of no file'] }
}
