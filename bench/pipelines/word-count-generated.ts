/** `word-count` without sockets: the same text over and over. */
import { Lines } from '../../pipelines/data/words.ts'
import wordCount from '../../pipelines/word-count.ts'
import { cycling, generated } from './lib/generated.ts'

const LINES = 20_000

const text = new Lines(1)
const lines = Array.from({ length: LINES }, () => text.next())

export default generated(wordCount, (splits) => cycling(splits, lines))
