/**
 * The page of the sample `presence`: sends moves by the acknowledged protocol, and shows what the pipeline says of a room.
 *
 * In the address: `?room=lobby&who=ann`, `&robots=8` for people who wander by themselves, `&moves=` and `&rooms=` for
 * pipelines that listen elsewhere.
 */
import { connect } from './potoroo.js'

const asked = new URL(location.href).searchParams
const room = asked.get('room') ?? 'lobby'
const me = asked.get('who') ?? `guest-${Math.random().toString(36).slice(2, 6)}`
const robots = Number(asked.get('robots') ?? 0)
const movesUrl = asked.get('moves') ?? `ws://${location.hostname}:7001/moves`
const roomsUrl = asked.get('rooms') ?? `ws://${location.hostname}:7002/rooms`

/** A move is sent at most so often, and at least so often while somebody is there. */
const MOVE_MS = 40
const STILL_MS = 2000
/** Who has not been heard of for so long has left without a word. */
const GONE_MS = 7000
const TRAIL = 26
const SHOWN = 12

const find = (id) => document.getElementById(id)
find('room').textContent = `in ${room}, as ${me}`

// ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

// A name for this page alone: its records are kept in memory, and each page counts its own.
const producer = `page-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`
const client = await connect({ url: movesUrl, source: 'moves', producer, maxOutstanding: 1 << 20, maxBackoffMs: 1000 })

const say = (move) => client.send(JSON.stringify({ room, ...move })).catch(() => {})
const showState = (text, good) => {
  find('state').textContent = text
  find('state').classList.toggle('good', good)
}
client.on('connect', ({ worker }) => showState(`connected to ${worker}`, true))
client.on('disconnect', () => showState('cut off; trying again', false))
client.on('unreachable', () => showState('nobody there; trying again', false))
client.on('refused', ({ reason }) => showState(reason, false))
client.on('failed', ({ message }) => showState(message, false))

let at = { x: 0.5, y: 0.5 }
let moved = true
let saidMs = 0
addEventListener('pointermove', ({ clientX, clientY }) => {
  at = { x: clamp(clientX / innerWidth), y: clamp(clientY / innerHeight) }
  moved = true
})
addEventListener('pagehide', () => say({ who: me }))
setInterval(() => {
  const now = performance.now()
  if (client.outstanding > 5000 || (!moved && now - saidMs < STILL_MS)) return
  moved = false
  saidMs = now
  say({ who: me, ...at })
}, MOVE_MS)

/** People who wander by themselves, each on curves of their own. */
const names = [
  'ada',
  'blaise',
  'clara',
  'dijkstra',
  'emmy',
  'frances',
  'grace',
  'hedy',
  'ibn',
  'joan',
  'kurt',
  'leslie',
]
for (let n = 0; n < robots; n++) {
  const [a, b, c] = [0.11 + 0.02 * n, 0.07 + 0.013 * n, 2.4 * n]
  setInterval(
    () => {
      const t = performance.now() / 1000
      const x = 0.4 + 0.3 * Math.sin(a * t * 4 + c) + 0.06 * Math.sin(1.7 * t + n)
      const y = 0.52 + 0.28 * Math.cos(b * t * 5 + c) + 0.05 * Math.cos(1.3 * t + 2 * n)
      if (client.outstanding < 5000) say({ who: names[n % names.length], x: clamp(x), y: clamp(y) })
    },
    45 + 5 * n,
  )
}

// ── Seeing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const people = new Map()

function see({ room: where, who, x, y, moves }) {
  if (where !== room) return
  if (x === null) {
    people.delete(who)
    return
  }
  const person = people.get(who) ?? { x, y, trail: [], hue: hueOf(who) }
  Object.assign(person, { goal: { x, y }, moves, seenMs: performance.now() })
  people.set(who, person)
}

function subscribe() {
  const socket = new WebSocket(roomsUrl)
  socket.onmessage = ({ data }) => {
    for (const line of data.split('\n')) if (line !== '') see(JSON.parse(line))
  }
  socket.onclose = () => setTimeout(subscribe, 1000)
}
subscribe()

// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

const canvas = document.querySelector('canvas')
const brush = canvas.getContext('2d')

function draw() {
  const scale = devicePixelRatio
  const [width, height] = [innerWidth, innerHeight]
  if (canvas.width !== width * scale || canvas.height !== height * scale) {
    canvas.width = width * scale
    canvas.height = height * scale
  }
  brush.setTransform(scale, 0, 0, scale, 0, 0)
  brush.clearRect(0, 0, width, height)
  drawGrid(width, height)
  const now = performance.now()
  for (const [who, person] of people) {
    if (now - person.seenMs > GONE_MS) people.delete(who)
    else drawPerson(who, person, width, height, now)
  }
  requestAnimationFrame(draw)
}

function drawGrid(width, height) {
  brush.fillStyle = '#ffffff12'
  for (let x = 28; x < width; x += 44) for (let y = 28; y < height; y += 44) brush.fillRect(x, y, 1.5, 1.5)
}

function drawPerson(who, person, width, height, now) {
  const { goal, trail, hue } = person
  person.x += (goal.x - person.x) * 0.25
  person.y += (goal.y - person.y) * 0.25
  const [x, y] = [person.x * width, person.y * height]
  trail.push([x, y])
  if (trail.length > TRAIL) trail.shift()
  brush.globalAlpha = Math.max(0.15, 1 - Math.max(0, now - person.seenMs - STILL_MS * 1.5) / GONE_MS)
  brush.lineCap = 'butt'
  for (let i = 1; i < trail.length; i++) {
    brush.strokeStyle = `hsl(${hue} 90% 66% / ${(0.6 * i) / trail.length})`
    brush.lineWidth = (6 * i) / trail.length
    brush.beginPath()
    brush.moveTo(...trail[i - 1])
    brush.lineTo(...trail[i])
    brush.stroke()
  }
  const glow = brush.createRadialGradient(x, y, 0, x, y, 42)
  glow.addColorStop(0, `hsl(${hue} 95% 62% / 0.5)`)
  glow.addColorStop(1, `hsl(${hue} 95% 62% / 0)`)
  brush.fillStyle = glow
  brush.fillRect(x - 42, y - 42, 84, 84)
  brush.fillStyle = `hsl(${hue} 95% 70%)`
  brush.beginPath()
  brush.arc(x, y, who === me ? 10 : 8, 0, 2 * Math.PI)
  brush.fill()
  if (who === me) {
    brush.strokeStyle = '#ffffffcc'
    brush.lineWidth = 2
    brush.stroke()
  }
  brush.font = '500 13px Inter, system-ui, sans-serif'
  brush.fillStyle = '#e8ecf5'
  brush.fillText(who === me ? `${who} (you)` : who, x + 16, y + 4)
  brush.globalAlpha = 1
}

function list() {
  const all = [...people].sort(([, a], [, b]) => b.moves - a.moves)
  const most = all[0]?.[1].moves ?? 1
  find('here').textContent = `${all.length} here`
  document.querySelector('ol').replaceChildren(
    ...all.slice(0, SHOWN).map(([who, { moves, hue }]) => {
      const row = document.createElement('li')
      const [dot, name, count, bar] = ['i', 'b', 'em', 'u'].map((tag) => document.createElement(tag))
      dot.style.background = bar.style.background = `hsl(${hue} 90% 66%)`
      name.textContent = who
      count.textContent = moves.toLocaleString('en')
      bar.style.width = `${(80 * moves) / most}%`
      row.append(dot, name, count, bar)
      return row
    }),
  )
  const { last, journaled, stable } = client
  for (const [id, value] of Object.entries({ sent: last, journaled, stable }))
    find(id).textContent = value.toLocaleString('en')
}

/** FNV-1a: the same name has the same colour in every window. It begins where the people above get colours far apart. */
function hueOf(who) {
  let hash = 106_106
  for (const character of who) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193)
  return (((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32) * 360
}

function clamp(value) {
  return Math.min(1, Math.max(0, value))
}

setInterval(list, 200)
draw()
