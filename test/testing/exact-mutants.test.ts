/** Faults planted where values are written and read, each of which a run of a pipeline finds. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./exact-main.ts', import.meta.url))

const mutants: readonly Mutant[] = [
  {
    name: 'takes a hole in a list of a column for nothing',
    file: 'src/base/codec/column-writer.ts',
    text: 'if (item === undefined && !(k in list)) {',
    replacement: 'if (item === hole) {',
  },
  {
    name: 'takes a hole in a list by itself for nothing',
    file: 'src/base/codec/item-writer.ts',
    text: 'if (item === undefined && !(i in value)) {',
    replacement: 'if (i < 0) {',
  },
  {
    name: 'fills the holes that it reads in a column',
    file: 'src/base/codec/column-reader.ts',
    text: 'if (items[start + k] !== hole) list[k] = items[start + k]',
    replacement: 'list[k] = items[start + k] === hole ? undefined : items[start + k]',
  },
  {
    name: 'gives a prototype to the objects of a column',
    file: 'src/base/codec/generate.ts',
    text: "bare ? '__proto__: null, ' : ''",
    replacement: "bare ? '' : ''",
  },
  {
    name: 'gives a prototype to an object by itself',
    file: 'src/base/codec/item-reader.ts',
    text: 'Object.create(null), depth - 1',
    replacement: '{}, depth - 1',
  },
  {
    name: 'takes objects without prototype for others of their fields',
    file: 'src/base/codec/column-writer.ts',
    text: 'shape.bare ? BARE : OBJECTS',
    replacement: 'OBJECTS',
  },
  {
    name: 'gives a prototype to a state that it takes back',
    file: 'src/base/deep-copy.ts',
    text: 'prototype === null ? Object.assign(Object.create(null), from) : { ...from }',
    replacement: '{ ...from }',
  },
  {
    name: 'writes for members of an earlier release where there are none',
    file: 'src/protocol/version.ts',
    text: 'version < EXACT_SINCE ? FORMAT_PLAIN : FORMAT_EXACT',
    replacement: 'version <= EXACT_SINCE ? FORMAT_PLAIN : FORMAT_EXACT',
  },
]

test.each(mutants)('$name', (mutant) => {
  const { status, output } = runMutant(mutant, program, [])
  expect(output).not.toContain('all hold')
  expect(status).toBe(1)
})
