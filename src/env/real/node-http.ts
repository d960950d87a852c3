/**
 * Node's HTTP, asked for as a whole. An import of it asks for each thing that it exports, also for what Node reads its
 * `fetch` for (`WebSocket` and events): 70 ms of CPU of each start, where `--version` takes 85 and a command that asks
 * a worker took 280.
 */
export const http = process.getBuiltinModule('node:http')
