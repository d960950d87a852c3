/** Runs something once for every sequence of choices that it can meet. */

/** Answers a number from 0 to `options` - 1. */
export type Choose = (options: number) => number

/** Calls `run` for each possible sequence of its choices; answers how many there were. */
export function everyChoice(run: (choose: Choose) => void): number {
  let path: { chosen: number; readonly options: number }[] = []
  for (let runs = 1; ; runs++) {
    let at = 0
    run((options) => {
      if (at === path.length) path.push({ chosen: 0, options })
      return path[at++]!.chosen
    })
    path = path.slice(0, at)
    while (path.length > 0 && path.at(-1)!.chosen + 1 === path.at(-1)!.options) path.pop()
    if (path.length === 0) return runs
    path.at(-1)!.chosen++
  }
}
