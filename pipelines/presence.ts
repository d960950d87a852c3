/**
 * Who is in a room, and where: pages send every move of their people, and everyone who looks sees it at once.
 *
 * Moves are `{"room":"lobby","who":"ann","x":0.25,"y":0.5}`, from 0 to 1; without `x` and `y` somebody leaves. They
 * come by the acknowledged protocol over WebSocket, so that no move is lost and none counts twice, whatever breaks.
 * What comes out is each move with the count of its person's moves and of those who are in the room.
 *
 * `npx node pipelines/presence/serve.ts` serves the page.
 */
import { json, lines, pipeline, webSocketServerSink, webSocketSource } from 'potoroo'

interface Move {
  readonly room: string
  readonly who: string
  readonly x?: number
  readonly y?: number
}

interface Person {
  readonly x: number
  readonly y: number
  readonly moves: number
}

const parameters = { port: 7001, output: 7002, most: 500 }

export default pipeline('presence', { parameters }, (p) => {
  const { port, output, most } = p.parameters
  p.source(
    'moves',
    webSocketSource({ port, path: '/moves', protocol: 'acked', framing: lines(), decode: json<Move>() }),
  )
    .map('check', check)
    .keyBy('by-room', ({ room }) => room)
    .mapWithState('room', {
      init: () => ({ people: new Map<string, Person>() }),
      step: ({ people }, { room, who, x, y }) => {
        const moves = (people.get(who)?.moves ?? 0) + 1
        // Who has moved last stands last.
        people.delete(who)
        if (x !== undefined && y !== undefined) people.set(who, { x, y, moves })
        // In a full room the one who has been still for longest makes way.
        if (people.size > most) people.delete(people.keys().next().value!)
        return { room, who, x: x ?? null, y: y ?? null, moves, here: people.size }
      },
    })
    .sink(
      'rooms',
      webSocketServerSink({
        port: output,
        path: '/rooms',
        framing: lines(),
        encode: (seen) => JSON.stringify(seen),
      }),
    )
})

/** Anything else goes to the dead letters. */
function check(move: Move): Move {
  const { room, who, x, y } = move
  const named = [room, who].every((name) => typeof name === 'string' && name !== '' && name.length <= 40)
  const placed = [x, y].every((at) => typeof at === 'number' && at >= 0 && at <= 1)
  const leaves = x === undefined && y === undefined
  if (!named || !(placed || leaves)) throw new Error('this is no move')
  return move
}
