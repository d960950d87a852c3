/** Errors of the process: pipelines, their programs, the cluster that it belongs to, and what is asked of it. */

import type { ErrorRows } from './row.ts'

export const workerErrors = {
  E_STEP_GONE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has state for step "{step}", which it no longer has',
    remedy: 'put the step back under its name, or drop its state with --drop {step}',
  },
  E_STEP_CHANGED: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" was {before} and is {now}: its state does not fit',
    remedy: 'give the step a new name, or drop its state with --drop {step}',
  },
  E_SCHEMA: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" has state of schema version {before}, and no migrate to version {now}',
    remedy: 'add schema.migrate to the step, go back to version {before}, or drop its state with --drop {step}',
  },
  E_SINK_PLACE: {
    kind: 'user',
    what: '{own} would write to {place}, and so does {before}, or did before it was drained: each would take away what the other has written',
    remedy:
      'give one of them another path; or cancel the other one, where nothing that it has, and nothing that it has written there, is needed any more',
  },
  E_SOURCE_PLACE: {
    kind: 'user',
    what: '{own} would listen on {place}, and so does {before}: whoever connects would reach one or the other',
    remedy: 'give one of them another port',
  },
  E_NO_SPLITS: {
    kind: 'user',
    what: 'source "{step}" has nothing to read',
    remedy: 'check the path or the pattern of its files',
  },
  E_CLUSTER_LISTEN: {
    kind: 'operational',
    what: 'the other workers cannot reach this one at {address}: {reason}',
    remedy: 'give it an address of this machine and a free port',
  },
  E_JOIN_REFUSED: {
    kind: 'operational',
    what: 'the cluster does not let worker {worker} in: {reason}',
    remedy: 'see what its other workers say with `potoroo status`',
  },
  E_WORKER_TWICE: {
    kind: 'user',
    what: 'another process works under the name {worker}, in this cluster',
    remedy:
      'stop the other process, or start this one under another name (--worker) with a new data folder: each worker has a name of its own, and a data folder that was copied is for one process only',
  },
  E_WORKER_ENDED: {
    kind: 'operational',
    what: 'worker {worker} has ended, and cannot say what comes of this',
    remedy: 'ask another worker of its cluster, or this one when it is there again: it may have come about',
  },
  E_NO_GENERATION: {
    kind: 'operational',
    what: 'worker {worker} has found no generation of its cluster within {ms} ms, and cannot say who owns what',
    remedy: 'ask again once the first workers have found each other; `potoroo status` shows whom this one hears',
  },
  E_MEMBER_SILENT: {
    kind: 'operational',
    what: 'worker {worker}, which owns the key, did not answer within {ms} ms',
    remedy: 'ask again; `potoroo status` shows whether it is alive, stuck in a step, or without a lease',
  },
  E_INCOMPLETE: {
    kind: 'operational',
    what: 'only {keyGroups} key groups answered, and {least} of them were asked for',
    remedy:
      'ask again, or take what there is without --min-completeness; `potoroo status` shows which worker is missing',
  },
  E_READ_TOKEN: {
    kind: 'user',
    what: 'the token for --after cannot be used: {reason}',
    remedy:
      'give the text that flush() of the client, `potoroo send` or the answer to a request has returned, for this pipeline',
  },
  E_READ_LATE: {
    kind: 'operational',
    what: 'step "{step}" does not show what was acknowledged within {ms} ms: {reason}',
    remedy: 'ask again, or wait longer with --wait; `potoroo status` shows whether the pipeline is behind, or recovers',
  },
  E_LIST_CHANGED: {
    kind: 'operational',
    what: 'the list cannot go on behind its last page: {reason}',
    remedy: 'begin it anew, without a cursor: what comes next there would leave keys out, or show them twice',
  },
  E_READ_LEVEL: {
    kind: 'user',
    what: 'this cannot be read {read}: {reason}',
    remedy: 'ask for one key, or read `live` or `committed`',
  },
  E_REBALANCE: {
    kind: 'operational',
    what: 'the load is not spread anew: {reason}',
    remedy:
      'nothing has changed; `potoroo status` shows what is going on, `potoroo rebalance --plan` what there is to do',
  },
  E_STORE_CLUSTER: {
    kind: 'user',
    what: 'the store holds the cluster "{theirs}", and this worker is of cluster "{ours}"',
    remedy: 'name the store of its own cluster with --store, or the cluster of this store with --cluster',
  },
  E_STORE_ABSENT: {
    kind: 'user',
    what: 'there is no folder {path}, where the store of a cluster should be',
    remedy:
      'mount the volume that holds it, or say where it is with --store; for a new cluster make that folder, once: mkdir -p {path}',
  },
  E_MEMBER_DAMAGED: {
    kind: 'operational',
    what: 'the file {path}, which says what store its folder belongs to, is damaged: {reason}',
    remedy:
      'see that {store} is that store, and as it was left (not an empty folder, nor out of a backup); then remove the file, and it is written anew',
  },
  E_STORE_GONE: {
    kind: 'operational',
    what: 'there is no store at {path}, and the data folder {data} belongs to one',
    remedy:
      'mount the volume that holds it, or say where it is with --store; a new cluster begins with new data folders',
  },
  E_JOURNALS_GONE: {
    kind: 'operational',
    what: 'there is no journal at {path}, and the data folder {data} says that it lies there',
    remedy:
      'mount the volume that holds it, or say where it is with --journals; where it is lost, start with --accept-loss, which goes on without what it had',
  },
  E_STORE_OTHER: {
    kind: 'user',
    what: 'the store at {path} is not the one that the data folder {data} belongs to',
    remedy: 'give the store of its own cluster with --store; to go over to this one, start it with a new data folder',
  },
  E_STORE_BACK: {
    kind: 'user',
    what: 'the store at {path} has gone back: the data folder {data} has seen record {seen} of generation {before}, and the store, which ends with record {end} in generation {generation}, lacks it or has another one',
    remedy:
      'put back the newest store; if that is lost, start each worker of the cluster, or `up`, once with --accept-loss: state goes back to the last checkpoint in this store, and what came later is done again as far as journals and producers still have it',
  },
  E_STORE_KEY_GROUPS: {
    kind: 'user',
    what: 'the store was made with {theirs} key groups, and this worker was told {ours}',
    remedy: 'leave limits.keyGroups out: the number is fixed for a store',
  },
  E_WATCH_ENDED: {
    kind: 'operational',
    what: 'a thread that worker {worker} lives by, for its heartbeats or the records of its cluster, has ended: {reason}',
    remedy: 'start the worker again, unless a supervisor does; if it recurs, check the memory of the machine',
  },
  E_PIPELINE_FILE: {
    kind: 'user',
    what: 'there is no pipeline file {path}{reason}',
    remedy: 'give the path of a TypeScript or JavaScript file; `potoroo init FOLDER` makes a project to start from',
  },
  E_PIPELINE_SYNTAX: {
    kind: 'user',
    what: '{where}: {reason}{more}',
    remedy: 'correct the file; `potoroo check FILE` checks again',
  },
  E_PIPELINE_IMPORT: {
    kind: 'user',
    what: '{where}: cannot import {import}: {reason}',
    remedy:
      'check the name; install packages with npm in the folder of the pipeline file; write files with their path and extension',
  },
  E_PIPELINE_EXPORT: {
    kind: 'user',
    what: '{path} exports no pipeline: {reason}',
    remedy: "write export default pipeline('name', (p) => { … }) in it",
  },
  E_PIPELINE_THREW: {
    kind: 'user',
    what: '{where}: the pipeline file threw while it was {doing}: {reason}',
    remedy: 'correct the file; a pipeline file only describes: connect to other systems in sources, sinks and asyncMap',
  },
  E_PIPELINE_PLACE: {
    kind: 'user',
    what: '{where}: the pipeline file asked where it lies while it was {doing}: {reason}',
    remedy:
      "workers run it in one piece with all that it imports, wherever they are: import what lies beside it, as text (import words from './words.txt') or JSON, or read it with a source",
  },
  E_PIPELINE_SLOW: {
    kind: 'user',
    what: '{path} was not loaded after {timeout}: it {does}',
    remedy:
      'look for an await or an endless loop at its top level, in what it imports and where it builds; work belongs in steps, and what waits in asyncMap',
  },
  E_PIPELINE_STARVED: {
    kind: 'operational',
    what: '{path} was not loaded after {timeout}, in which it has computed for {computed}: the machine gave it no more, or it was held up',
    remedy:
      'submit it again when the machine has less to do, or allow it more with the limit loadTimeoutMs; if it has time, look for a call at its top level that stands still until it has its answer, such as readFileSync or execSync',
  },
  E_LOAD_THREAD: {
    kind: 'operational',
    what: '{path} was not loaded: the thread beside it failed: {reason}',
    remedy:
      'restart the worker: it reads some of its own files when it first needs them, and these do not fit if another version was installed while it ran; its pipelines continue from their last checkpoints',
  },
  E_PIPELINE_TOO_LARGE: {
    kind: 'user',
    what: '{path} and what it imports are {bytes} bytes, over the limit of {limit}',
    remedy: 'import less, or read data files with a source; the limit is bundleBytes',
  },
  E_BUNDLE_DAMAGED: {
    kind: 'operational',
    what: 'the stored pipeline {path} is damaged: its text has another hash',
    remedy: 'submit the pipeline file again; check the disk of the checkpoint store',
  },
  E_PIPELINE_THERE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" exists already, with state of its own',
    remedy:
      'only one without state begins with a savepoint: cancel this one first, or add --fresh; either drops its state',
  },
  E_SUBMIT_OVERTAKEN: {
    kind: 'user',
    what: 'pipeline "{pipeline}" was changed by somebody else before this program ran: another was submitted, or it was drained or cancelled',
    remedy: 'see `potoroo status {pipeline}`, and submit it again if it is still wanted',
  },
  E_RUNS_ANOTHER: {
    kind: 'user',
    what: 'pipeline "{pipeline}" cannot be submitted here: this process runs "{alone}", and ends with it',
    remedy:
      'submit it to a `potoroo worker`, which runs many, or `potoroo run` it by itself; --data says which worker is meant',
  },
  E_NO_PIPELINE: {
    kind: 'user',
    what: 'there is no pipeline "{pipeline}" here: {known}',
    remedy: '`potoroo list` shows the pipelines of the worker',
  },
  E_PIPELINE_NOT_UP: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" is not up on worker {worker} yet',
    remedy: 'ask again in a moment, or another worker: `potoroo status` shows what this one waits for',
  },
  E_PIPELINE_UNLOADED: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" cannot be loaded on worker {worker}: {reason}',
    remedy:
      'mend what that says, there or in the file, and submit it again: the other workers hold its sources till then',
  },
  E_NO_STEP: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no {role} "{step}": {known}',
    remedy: '`potoroo status {pipeline}` shows its steps',
  },
  E_DEAD_LETTERS_FULL: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" has {count} dead letters of {bytes} bytes, and takes no more: its sources stop',
    remedy: 'see `potoroo dead-letters list {pipeline}`; fix what fails, then replay or purge them',
  },
  E_DEAD_LETTERS_FLOOD: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has {bytes} bytes of dead letters, and more come than can be kept; the last one in step "{step}": {reason}',
    remedy:
      'fix the step and `potoroo submit` the pipeline again: it goes on from its last checkpoint, and of what failed since nothing is lost',
  },
  E_RECORD_FAILED: {
    kind: 'user',
    what: 'pipeline "{pipeline}": {count} did not get through, the last one in step "{step}": {reason}',
    remedy: '{hint}`potoroo dead-letters list {pipeline}` shows them; fix the step and replay them',
  },
  E_NO_LETTER: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no dead letter {id}',
    remedy: '`potoroo dead-letters list {pipeline}` shows what there is',
  },
  E_NO_CHECKPOINT: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no checkpoint{which}',
    remedy: '`potoroo checkpoint list {pipeline}` shows what is kept',
  },
  E_SAVEPOINT_THERE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has a savepoint "{savepoint}" already',
    remedy: 'choose another name, or remove that one: `potoroo savepoint remove {pipeline} {savepoint}`',
  },
  E_NO_SAVEPOINT: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no savepoint "{savepoint}"{known}',
    remedy: 'name one that it has; `potoroo savepoint make {pipeline} NAME` makes one while it runs',
  },
  E_SAVEPOINT_NEEDED: {
    kind: 'operational',
    what: 'the savepoint "{savepoint}" cannot be removed yet: pipeline "{pipeline}" started from it, and its checkpoints still need it',
    remedy: 'try again later: all state is written anew within twice limits.horizonEpochs checkpoints',
  },
  E_PIPELINES_FULL: {
    kind: 'user',
    what: 'pipeline "{pipeline}" does not fit: {limit} run in this cluster, and workers tell each other of no more',
    remedy: 'drain or cancel another pipeline, or make another cluster for this one',
  },
  E_CHANNEL_MEMORY: {
    kind: 'user',
    what: 'pipeline "{pipeline}" does not fit: with it, {channels} channels lead into each of {workers} workers; their windows may hold {bytes} bytes there, and limits.channelBytes allows {limit}',
    remedy:
      'lower limits.channelCreditBytes to {credit} or less, raise limits.channelBytes if the machines have the memory, or cancel another pipeline',
  },
  E_NO_KEY: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" has no state for key {key}',
    remedy: '`potoroo query {pipeline} {step}` lists keys that have',
  },
  E_NOT_RUNNING: {
    kind: 'user',
    what: 'pipeline "{pipeline}" is not running, it is {phase}',
    remedy: 'see `potoroo status {pipeline}`; `potoroo submit FILE` starts it again',
  },
  E_OUTPUT_LEFT: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" was drained, and whether all output of its step "{step}" is visible is not known: {reason}',
    remedy: 'mend that and start the worker again, or submit the pipeline: what is not visible is then made so',
  },
  E_NOT_DRAINED: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" could not make its last checkpoint: {reason}',
    remedy:
      'nothing is lost as long as its data folder exists: what came after the last checkpoint is done again at the next start',
  },
  E_CHECKPOINT: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" could not make the checkpoint: {reason}',
    remedy: 'see `potoroo status {pipeline}` for what is late, and ask again',
  },
} as const satisfies ErrorRows
