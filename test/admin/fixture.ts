/** A worker in this process with its control API, on a real disk and real sockets. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Control, openControl } from '../../src/admin/control.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import { hashText } from '../../src/worker/loading/load-bundle.ts'
import { Pipelines, type Resident, type SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests
  readonly json: any
}

export class Station {
  readonly data: string
  readonly pipelines: Pipelines
  control!: Control
  private readonly events = new Set<() => void>()
  readonly log: string[] = []
  private readonly limits: Limits

  /** `data`: the folder of a worker that has gone. */
  constructor(limits: Partial<Limits> = {}, data: string = mkdtempSync(join(tmpdir(), 'potoroo-admin-'))) {
    this.data = data
    this.limits = makeLimits(limits)
    const note = (name: string) => (resident: Resident) => {
      this.log.push(`${name} ${resident.name}`)
      for (const look of this.events) look()
    }
    const env = realEnv({ log: { level: 'silent' } })
    const output = { write: (_bytes: Uint8Array, done: (error: null) => void) => setImmediate(done, null) }
    this.pipelines = new Pipelines(
      env,
      { worker: 'w1', data: this.data, limits: this.limits, output, acceptLoss: false },
      {
        running: note('running'),
        listening: note('listening'),
        ended: note('ended'),
        failed: note('failed'),
        warned: note('warned'),
        lost: () => {},
      },
    )
  }

  async open(host = '127.0.0.1'): Promise<this> {
    await this.pipelines.open()
    const env = realEnv({ log: { level: 'silent' } })
    const { pipelines, limits, data } = this
    this.control = await openControl({ env, pipelines, limits, data, host, port: 0 })
    onTestFinished(async () => {
      await this.pipelines.close()
      await this.control.close()
      rmSync(this.data, { recursive: true, force: true })
    })
    return this
  }

  /** Submits a pipeline of this process and waits until it runs. */
  async run(pipeline: Pipeline): Promise<Resident> {
    const resident = await this.submit(pipeline)
    await this.heard(`running ${pipeline.name}`)
    return resident
  }

  /** Submits a pipeline of this process, under a program that stands for it. */
  submit(pipeline: Pipeline, options: SubmitOptions = {}): Promise<Resident> {
    const text = `export default ${JSON.stringify(pipeline.name)}`
    return this.pipelines.submit(pipeline, { hash: hashText(text), text, map: '{}' }, {}, options)
  }

  heard(line: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.log.includes(line)) return
        this.events.delete(look)
        resolve()
      }
      this.events.add(look)
      look()
    })
  }

  token(right: 'admin' | 'read'): string {
    return readFileSync(join(this.data, `${right}.token`), 'utf8').trim()
  }

  /** Asks the control API; as the admin unless `headers` say otherwise. */
  ask(
    method: string,
    path: string,
    options: { readonly headers?: Record<string, string>; readonly body?: string } = {},
  ): Promise<Answer> {
    const { body } = options
    const headers = {
      authorization: `Bearer ${this.token('admin')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    }
    return new Promise((resolve, reject) => {
      const asked = request(`http://${this.control.address}`, { path, method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const isJson = text !== '' && response.headers['content-type'] === 'application/json'
          resolve({ status: response.statusCode!, text, json: isJson ? JSON.parse(text) : null })
        })
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }
}
