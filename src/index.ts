/**
 * The package `potoroo`: everything that a pipeline file imports.
 *
 * Steps come from `pipeline()`; sources, sinks, framings and decoders are functions of their own.
 */
/// <reference types="node" preserve="true" />
export { PotorooError } from './base/errors.ts'
export type { Key } from './base/hash.ts'
export { days, hours, type Milliseconds, milliseconds, minutes, seconds } from './base/time.ts'
export { type FileSinkOptions, type FileSourceOptions, fileSink, fileSource } from './connectors/file/describe.ts'
export { type GeneratorOptions, generatorSource } from './connectors/generator/describe.ts'
export { type HttpSourceOptions, httpSource } from './connectors/http/describe.ts'
export { nullSink } from './connectors/null/describe.ts'
export { standardInput } from './connectors/standard-input/describe.ts'
export { stdoutSink } from './connectors/standard-output/describe.ts'
export {
  type TcpServerSinkOptions,
  type TcpSinkOptions,
  type TcpSourceOptions,
  tcpServerSink,
  tcpSink,
  tcpSource,
} from './connectors/tcp/describe.ts'
export { type WebhookSinkOptions, webhookSink } from './connectors/webhook/describe.ts'
export {
  type WebSocketServerSinkOptions,
  type WebSocketSinkOptions,
  type WebSocketSourceOptions,
  webSocketServerSink,
  webSocketSink,
  webSocketSource,
} from './connectors/websocket/describe.ts'
export {
  Cuts,
  type Decoder,
  type Framing,
  type SinkDescription,
  type SinkPromise,
  type SourceDescription,
} from './model/connector.ts'
export { type CsvOptions, csv } from './model/csv.ts'
export { bytes, decoder, json, msgpack, utf8 } from './model/decoder.ts'
export {
  type CustomFramingOptions,
  csvLines,
  customFraming,
  fixedSize,
  type LengthPrefixOptions,
  lengthPrefix,
  lines,
} from './model/framing.ts'
export type { AsyncOptions, EmitOptions, Graph, Parameters, Schema, StateOptions } from './model/graph.ts'
export type {
  AggregateOptions,
  FlatMapWithStateOptions,
  MapWithStateOptions,
} from './model/keyed-options.ts'
export { type Pipeline, type PipelineBuilder, type PipelineOptions, pipeline } from './model/pipeline.ts'
export type { StepContext } from './model/plan.ts'
export { KeyedStream, Stream, type ValueOf } from './model/stream.ts'
