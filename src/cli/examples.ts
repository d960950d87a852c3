/** Examples of every command, as its help and docs/reference.md show them: what to type, and what for. */

export type Example = readonly [line: string, purpose: string]

export const examples: Readonly<Record<string, readonly Example[]>> = {
  init: [
    ['init my-app', 'a new project in the folder my-app'],
    ['init', 'the same in this folder'],
  ],
  run: [
    ['run word-count.ts', 'until Ctrl-C; says where it listens'],
    ['run word-count.ts --stdin --stdout < README.md', 'until the file ends'],
    ['run word-count.ts --param port=7010 --fresh', 'with a parameter, and without the state of earlier runs'],
    ['run word-count.ts --fresh --from monday', 'with the state of a savepoint'],
  ],
  dev: [['dev word-count.ts', 'takes over every change that is saved']],
  check: [['check word-count.ts', 'names every fault at once']],
  explain: [
    ['explain word-count.ts', 'tasks, what crosses workers, what sinks promise'],
    ['explain word-count.ts --mermaid', 'as a picture'],
  ],
  verify: [['verify readings.ts --input readings.txt --runs 20', 'which steps answer differently when done again']],
  send: [
    ['send 7001 README.md', 'the lines of a file'],
    ['send 7001 quotes.bin --framing length-prefix --rate 1000', 'frames with a length in front, 1000 a second'],
    ['send 7001 README.md --acked lines --outbox ./outbox', 'acknowledged: nothing is lost and nothing comes twice'],
  ],
  receive: [
    ['receive 7002', 'shows what a sink dials'],
    ['receive 7002 --count 1000 --quiet --json', 'only figures'],
    ['receive tcp://127.0.0.1:7003', 'reads from a tcpServerSink'],
    ['receive ws://127.0.0.1:7003/', 'reads from a webSocketServerSink'],
    ['receive 7002 --acked --inbox ./inbox --out rows.txt', 'each record of an acked sink once, through any restart'],
  ],
  up: [
    ['up word-count.ts --workers 3', 'a cluster on this machine'],
    ['up --workers 2 --data /var/lib/potoroo', 'without a pipeline, in another folder'],
  ],
  worker: [
    ['worker', 'runs what is submitted to it'],
    ['worker --worker w2 --store /mnt/shared/store --listen 10.0.0.2:7100', 'one of a cluster'],
  ],
  submit: [
    ['submit word-count.ts', 'begins it, or replaces what runs under its name'],
    ['submit word-count.ts --drop old-step', 'without the state of a step that is gone'],
  ],
  list: [['list', 'the pipelines of the worker that runs here']],
  status: [
    ['status', 'the worker and its cluster'],
    ['status word-count', 'steps, sources, sinks, the last checkpoint'],
    ['status word-count --watch', 'the same, again and again, with rates'],
  ],
  query: [
    ['query word-count count the', 'the state of a key'],
    ['query word-count count --limit 5', 'five of all keys'],
    ['query word-count count the --read committed', 'as the last checkpoint has it'],
    ['query word-count count the --read linearizable', 'as it is, and will not be rolled back'],
    ['query word-count count the --after "$token"', 'what an acknowledgement covers is in it'],
  ],
  'key-groups': [['key-groups', 'who owns what']],
  where: [['where the', 'whose a key is']],
  rebalance: [
    ['rebalance --plan', 'what would move, and what it would do'],
    ['rebalance --apply --moves 8 --measure 10', 'moves up to eight key groups, as measured now'],
  ],
  leave: [['leave w3', 'hands over what it owns, then ends']],
  'streams list': [['streams list word-count', 'how far each producer is, and who waits for what']],
  'streams abandon': [['streams abandon word-count lines till-4', 'goes on without what is lost']],
  'checkpoint make': [['checkpoint make word-count', 'now']],
  'checkpoint list': [['checkpoint list word-count', 'what a recovery can go back to']],
  'checkpoint verify': [
    ['checkpoint verify word-count', 'reads the newest one whole'],
    ['checkpoint verify word-count 4711', 'reads that of an epoch'],
  ],
  'savepoint make': [['savepoint make word-count monday', 'a checkpoint that stays']],
  'savepoint list': [['savepoint list word-count', 'what was kept']],
  'savepoint verify': [['savepoint verify word-count monday', 'reads it whole']],
  'savepoint remove': [['savepoint remove word-count monday', 'gives its space back']],
  drain: [['drain word-count', 'stops the input, makes a last checkpoint, ends it']],
  cancel: [['cancel word-count', 'ends it and forgets its state']],
  'dead-letters list': [['dead-letters list word-count', 'what did not get through, and why']],
  'dead-letters show': [['dead-letters show word-count split-12-d34fedf7', 'one of them, whole']],
  'dead-letters replay': [['dead-letters replay word-count --all', 'gives them back to their steps']],
  'dead-letters purge': [['dead-letters purge word-count split-12-d34fedf7', 'forgets one']],
  doctor: [
    ['doctor', 'the machine, the folders, the settings'],
    ['doctor word-count.ts --json', 'the ports of a pipeline too, for a script'],
  ],
  completion: [
    ['completion bash > ~/.local/share/bash-completion/completions/potoroo', 'for bash, from the next shell on'],
    ['completion zsh > ~/.zfunc/_potoroo', 'for zsh, where ~/.zfunc stands in fpath'],
    ['completion fish > ~/.config/fish/completions/potoroo.fish', 'for fish'],
  ],
  error: [['error E_PORT_IN_USE', 'what a code means']],
}

/** What help shows behind the options. */
export function exampleText(path: string): string {
  const own = examples[path] ?? []
  const width = Math.max(...own.map(([line]) => line.length), 0)
  const lines = own.map(([line, purpose]) => `  potoroo ${line.padEnd(width)}  # ${purpose}`)
  return lines.length === 0 ? '' : `\nExamples:\n${lines.join('\n')}`
}
