/** What the command line of the simulator takes for what, and what it says of what it does not understand (O1). */
import { expect, test } from 'vitest'
import { type Options, optionsOf, simCommand } from './options.ts'

/** What `line` asks for. */
function asked(line: string): Promise<Options> {
  return optionsOf(line === '' ? [] : line.split(' '))
}

/** What is said about `line`, which is refused. */
async function refusal(line: string): Promise<string> {
  let said = ''
  const command = simCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text) })
  await expect(optionsOf(line.split(' '), command)).rejects.toThrow()
  return said
}

test.each([
  ['--seeds 3', 'many', 'clusters', [1, 2, 3]],
  ['--seeds 2 --from 40', 'many', 'clusters', [40, 41]],
  ['4711', 'replay', 'clusters', [4711]],
  ['7 5 6', 'many', 'clusters', [7, 5, 6]],
  ['--alone 300', 'replay', 'systems', [300]],
  ['--twice --seeds 2', 'twice', 'clusters', [1, 2]],
  ['--enumerate', 'enumerate', 'clusters', [1, 2, 3]],
  ['--alone --enumerate 9', 'enumerate', 'systems', [9]],
  ['--mutants --seeds 2', 'mutants', 'clusters', [1, 2]],
] as const)('%s', async (line, task, kind, seeds) => {
  expect(await asked(line)).toMatchObject({ task, what: { kind, bend: null }, seeds })
})

test('what has found something has its own seeds and bends', async () => {
  expect(await asked('--corpus')).toMatchObject({
    ...{ task: 'corpus', what: { kind: 'clusters' } },
    seconds: Number.POSITIVE_INFINITY,
  })
  expect(await asked('--corpus --alone')).toMatchObject({ task: 'corpus', what: { kind: 'systems' } })
})

test('where nothing is said clusters are run that nobody has run, for a while', async () => {
  const { task, what, seeds, seconds } = await asked('')
  expect({ task, what, seconds }).toEqual({ task: 'many', what: { kind: 'clusters', bend: null }, seconds: 60 })
  expect(seeds[0]).toBeGreaterThan(1_000_000_000)
  expect((await asked('--fresh --seeds 5')).seeds[0]).toBeGreaterThanOrEqual(seeds[0]!)
})

test('a number of seeds has no end in time, unless one is given', async () => {
  expect((await asked('--seeds 5')).seconds).toBe(Number.POSITIVE_INFINITY)
  expect((await asked('--seeds 5 --seconds 7')).seconds).toBe(7)
  expect((await asked('--from 5')).seeds[0]).toBe(5)
})

test('faults, bends, parts and planted faults', async () => {
  expect((await asked('1 --fault kill:17,cut:3')).faults).toEqual([
    { blow: 'kill', at: 17 },
    { blow: 'cut', at: 3 },
  ])
  expect((await asked('--bend readers 12')).what.bend).toBe('readers')
  expect((await asked('--enumerate --part 2/4')).part).toEqual([2, 4])
  expect((await asked('--mutant nobody-appointed 1')).mutant?.name).toBe('nobody-appointed')
  expect((await asked('--mutants nobody-appointed')).names).toEqual(['nobody-appointed'])
})

test.each([
  ['--clusters --seeds 3', "unknown option '--clusters'"],
  ['--seeds many', "option '--seeds <n>' argument 'many' is invalid. It is a whole number, 1 or more."],
  ['twelve', '"twelve" is no seed: seeds are whole numbers'],
  ['12 --seeds 3', '--seeds goes with many seeds, --twice, --enumerate, --mutants'],
  ['1 2 --seeds 3', 'either --seeds or the seeds themselves'],
  ['--corpus 12', '--corpus has its seeds'],
  ['--corpus --bend readers', '--bend goes with one SEED, many seeds, --twice'],
  ['--seeds 3 --pairs 7', '--pairs goes with --enumerate'],
  ['--enumerate --bend readers', '--bend goes with one SEED, many seeds, --twice'],
  ['--fresh --from 3', "option '--fresh' cannot be used with option '--from <seed>'"],
  ['1 --fault kil:17', '"kil:17" are no faults, such as kill:17 or kill:17,power:3'],
  ['--enumerate --part 4/4', 'It is the number of a part, from 0, and of how many'],
  ['--bend readres', 'there is no bend "readres" of clusters: there are whole, fewer-deeds, '],
  ['--bend turned-bits', 'there is no bend "turned-bits" of clusters: there is one for --alone'],
  ['--mutant nobody', 'There are ack-before-sync, '],
  ['--mutants nobody', 'there is no planted fault "nobody"'],
])('%s is refused', async (line, says) => {
  const said = await refusal(line)
  expect(said).toContain(says)
  expect(said).toContain('npm run sim -- --help')
})
