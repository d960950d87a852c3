/** Programs that name the files of a source in another way than the one before, on the real disk. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workshop } from './workshop.ts'

class Desk extends Workshop {
  readonly logs: string = `${this.folder}/logs`

  constructor() {
    super()
    mkdirSync(this.logs)
    writeFileSync(`${this.logs}/a`, 'a1\na2\n')
    writeFileSync(`${this.logs}/b`, 'b1\n')
  }

  /** A program that numbers the lines of what `path` names. */
  program(path: string): string {
    return `import { fileSink, fileSource, lines, pipeline } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', fileSource({ path: '${path}', follow: true }))
    .keyBy('by', () => 0)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state, line) => \`\${++state.n} \${line}\` })
    .sink('out', fileSink({ path: '${this.folder}/out', append: true, framing: lines(), encode: String }))
})`
  }

  get shown(): string[] {
    const path = `${this.folder}/out`
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
  }
}

const limits = { checkpointIntervalMs: 100 }

test.each(['/./logs/a', '//logs/a', '/./logs/a*'])(
  'a file that another program names by %s is the one that was read',
  async (path) => {
    const desk = new Desk()
    const worker = await desk.start(limits)
    await desk.runText(worker, desk.program(`${desk.logs}/a`))
    await expect.poll(() => desk.shown).toEqual(['1 a1', '2 a2'])
    await desk.runText(worker, desk.program(`${desk.folder}${path}`))
    appendFileSync(`${desk.logs}/a`, 'a3\n')
    await expect.poll(() => desk.shown.at(-1)).toMatch(/a3$/)
    expect(desk.shown).toEqual(['1 a1', '2 a2', '3 a3'])
  },
)

test('files that were begun are read on where another path is named, until the source is dropped', async () => {
  const desk = new Desk()
  const worker = await desk.start(limits)
  await desk.runText(worker, desk.program(`${desk.logs}/a`))
  await expect.poll(() => desk.shown).toEqual(['1 a1', '2 a2'])
  await desk.runText(worker, desk.program(`${desk.logs}/b`))
  await expect.poll(() => desk.shown.at(-1)).toBe('3 b1')
  appendFileSync(`${desk.logs}/a`, 'a3\n')
  await expect.poll(() => desk.shown.at(-1)).toBe('4 a3')
  await desk.runText(worker, desk.program(`${desk.logs}/b*`), { drop: ['in'] })
  await expect.poll(() => desk.shown.at(-1)).toBe('5 b1')
  appendFileSync(`${desk.logs}/a`, 'a4\n')
  await worker.checkpoint('lines')
  appendFileSync(`${desk.logs}/b`, 'b2\n')
  await expect.poll(() => desk.shown.at(-1)).toBe('6 b2')
})
