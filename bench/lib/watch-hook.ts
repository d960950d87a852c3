/**
 * Preloaded into a worker under test (`--import`). The launcher replaces its process once, and only the second one
 * works: the first is left alone.
 */
if (process.execArgv.some((flag) => flag.startsWith('--max-semi-space-size'))) await import('./watch-inside.ts')

export {}
