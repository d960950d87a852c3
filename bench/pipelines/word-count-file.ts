/** Words of a file, a row per word, of which those that mark how far the file has been read are written out. */
import { fileSource, pipeline, stdoutSink } from 'potoroo'

export default pipeline('word-count-file', { parameters: { path: 'words.txt' } }, (p) => {
  p.source('lines', fileSource({ path: p.parameters.path }))
    .flatMap('split', (line) => line.split(' '))
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .filter('marks', ({ word }) => word.startsWith('mark-'))
    .sink('out', stdoutSink({ encode: ({ word }) => word }))
})
