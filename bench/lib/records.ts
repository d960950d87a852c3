/** Records to bring from one worker to another, and the CPU time that it takes. */

const syllables = [
  'ba',
  'ker',
  'lo',
  'min',
  'tra',
  'sel',
  'vor',
  'ni',
  'que',
  'dan',
  'ster',
  'o',
  'pha',
  'lin',
  'gu',
  'ex',
]

/** Made-up word number `n`: one to three syllables, the longer the rarer. */
export function word(n: number): string {
  let rest = Math.imul(n + 1, 0x9e3779b1) >>> 0
  let made = ''
  for (let length = n < 50 ? 1 : n < 1000 ? 2 : 3; length > 0; length--) {
    made += syllables[rest & 15]
    rest = rest >>> 4
  }
  return made
}

/** Word `n` of a running text with a vocabulary of 5000: word number r with a frequency of about 1 / r (Zipf). */
export function textWord(n: number): string {
  const chance = (Math.imul(n, 0x85ebca6b) >>> 0) / 2 ** 32
  return word(Math.floor(5000 ** chance) - 1)
}

/** Six fields: two strings, two integers or doubles, a time and a flag. */
export function user(n: number): unknown {
  return {
    user: `user-${n % 5000}`,
    page: `/${word(n % 300)}`,
    hits: n % 1000,
    price: (n % 977) * 1.25,
    at: 1.7e12 + n * 13,
    paid: n % 3 === 0,
  }
}

/** CPU time of the process in nanoseconds. */
export function cpuNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}
