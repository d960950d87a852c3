/**
 * The records of the chain (PROTOCOLS 1) and how they lie in the store: JSON in an envelope.
 *
 * R1. A record carries its own number and its writer's id, incarnation and nonce: by these it is known as mine or
 *     another's.
 * R2. A record whose number is a multiple of `chainEra` begins an era: it holds the cluster as all records before it
 *     left it, so that a reader can begin there, and it is never removed. The nonces of the era before stand in it: by
 *     these it is known which records that era had once they are removed. The cluster is taken out of it once no reader
 *     begins there any more (`removal.ts`, X4): with many pipelines it is most of what the chain would keep.
 */
import { fail, PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import {
  type Cluster,
  type ClusterJson,
  clusterFromJson,
  clusterToJson,
  type Member,
  type SinkPlace,
} from './cluster.ts'
import { type Format, seal, unseal } from './envelope.ts'
import { decodeOwners, encodeOwners } from './owners.ts'

/** Who wrote a record (R1). */
export interface Stamp {
  readonly n: number
  readonly writer: string
  readonly incarnation: string
  readonly nonce: string
}

export type RecordBody =
  | {
      readonly kind: 'generation'
      readonly generation: number
      readonly coordinator: string
      readonly members: readonly Member[]
      readonly owners: Uint16Array
      /** Homes of splits and streams, as the cluster's own tables write them. */
      readonly splits: Json
      /** Where damage was found: pipelines with an older base than their last epoch, by the number of that epoch. */
      readonly bases: readonly (readonly [pipeline: string, epoch: number])[]
      /** The generation that it follows, where numbers between are left out. */
      readonly after?: number
    }
  | {
      readonly kind: 'epoch'
      readonly generation: number
      readonly pipeline: string
      readonly epoch: number
      /** The path of its manifest. */
      readonly manifest: string
      /** It is the last one: the pipeline was drained with it, for good. */
      readonly drained: boolean
    }
  | {
      readonly kind: 'submit'
      readonly generation: number
      readonly pipeline: string
      /** The program, by its hash; `null` takes the pipeline out of the cluster. */
      readonly hash: string | null
      readonly parameters: Json
      /** The manifest of a savepoint to begin with; means nothing where the pipeline is there already. */
      readonly from: string | null
      /** Steps whose state the program does not take over. */
      readonly drop: readonly string[]
      /** Where its sinks write; earlier releases did not say. */
      readonly places: readonly SinkPlace[]
    }
  | {
      readonly kind: 'floor'
      readonly generation: number
      readonly pipeline: string
      /** No epoch below it will ever be a base again (PROTOCOLS 12). */
      readonly floor: number
    }

export type ChainRecord = RecordBody & Stamp

export interface DecodedRecord {
  readonly record: ChainRecord
  /** The cluster before this record, where it begins an era (R2). */
  readonly before: Cluster | null
  /** Nonces of the era before, where the record begins one; earlier releases wrote none. */
  readonly nonces: readonly string[]
}

const format: Format = { kind: 'record', version: 1 }

/** The bytes of a record; `before` and `nonces` stand in those that begin an era. */
export function encodeRecord(
  body: RecordBody,
  stamp: Stamp,
  before: Cluster | null,
  nonces: readonly string[] = [],
): Buffer {
  return seal(format, {
    n: stamp.n,
    ...bodyToJson(body),
    writer: stamp.writer,
    incarnation: stamp.incarnation,
    nonce: stamp.nonce,
    ...(before === null ? {} : { before: clusterToJson(before), nonces }),
  })
}

/**
 * The record in `bytes` without the cluster before it, for one that begins an era which is over for everybody; `null`
 * where there is nothing to leave out, or `bytes` are damaged.
 */
export function withoutCluster(path: string, n: number, bytes: Buffer): Buffer | null {
  const decoded = decodeRecord(path, n, bytes)
  const unsealed = unseal<RecordJson>(format, path, bytes)
  if (decoded instanceof PotorooError || decoded.before === null || unsealed.kind !== 'value') return null
  const { before: _, ...rest } = unsealed.value
  return seal(format, rest)
}

/** Record `n` from its bytes, or `E_STORE_DAMAGED`, or `E_STORE_VERSION`. */
export function decodeRecord(path: string, n: number, bytes: Buffer): DecodedRecord | PotorooError {
  const unsealed = unseal<RecordJson>(format, path, bytes)
  if (unsealed.kind === 'newer') return unsealed.error
  if (unsealed.kind === 'damaged') return fail('E_STORE_DAMAGED', { path, reason: unsealed.reason })
  const json = unsealed.value
  if (json.n !== n) return fail('E_STORE_DAMAGED', { path, reason: `it is record ${json.n} of the chain` })
  const body = bodyFromJson(json)
  if (body === null) return fail('E_STORE_DAMAGED', { path, reason: `it is of no known kind ("${json.kind}")` })
  const { writer, incarnation, nonce } = json
  const before = json.before === undefined ? null : clusterFromJson(json.before)
  return { record: { n, writer, incarnation, nonce, ...body }, before, nonces: json.nonces ?? [] }
}

/** A record as its JSON has it: what a matching checksum says was written by `encodeRecord`. */
type RecordJson = Stamp & { readonly before?: ClusterJson; readonly nonces?: readonly string[] } & (
    | Exclude<RecordBody, { kind: 'generation' }>
    | (Omit<Extract<RecordBody, { kind: 'generation' }>, 'owners'> & {
        readonly keyGroups: number
        readonly owners: string
      })
  )

function bodyToJson(body: RecordBody): { readonly [name: string]: Json } {
  if (body.kind === 'epoch') return epochToJson(body)
  if (body.kind === 'submit') return submitToJson(body)
  if (body.kind !== 'generation') return { ...body }
  const { owners, members, ...rest } = body
  return {
    ...rest,
    members: members.map((member) => ({ ...member })),
    keyGroups: owners.length,
    owners: encodeOwners(owners, members.length),
  }
}

/** What is seldom said is left out where it is not. */
function epochToJson({ drained, ...rest }: Extract<RecordBody, { kind: 'epoch' }>) {
  return drained ? { ...rest, drained } : rest
}

function submitToJson({ drop, places, ...rest }: Extract<RecordBody, { kind: 'submit' }>) {
  return {
    ...rest,
    ...(drop.length === 0 ? {} : { drop }),
    ...(places.length === 0 ? {} : { places: places.map((place) => ({ ...place })) }),
  }
}

function bodyFromJson(json: RecordJson): RecordBody | null {
  const { generation } = json
  switch (json.kind) {
    case 'generation': {
      const { coordinator, members, splits, bases, after } = json
      const owners = decodeOwners(json.owners, json.keyGroups, members.length)
      const skips = after === undefined ? {} : { after }
      return owners && { kind: 'generation', generation, coordinator, members, owners, splits, bases, ...skips }
    }
    case 'epoch': {
      const { pipeline, epoch, manifest, drained = false } = json
      return { kind: 'epoch', generation, pipeline, epoch, manifest, drained }
    }
    case 'submit': {
      const { pipeline, hash, parameters, from, drop = [], places = [] } = json
      return { kind: 'submit', generation, pipeline, hash, parameters, from, drop, places }
    }
    case 'floor': {
      const { pipeline, floor } = json
      return { kind: 'floor', generation, pipeline, floor }
    }
    default:
      return null
  }
}
