/**
 * The file that takes longest runs first: begun among the last, it would have a processor to itself at the end, and the
 * other one nothing to do. Where no earlier run is known Vitest goes by the length of files, and this one is short.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const LONGEST = '/test/sim/seeds.test.ts'

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith(LONGEST)
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))]
  }
}
