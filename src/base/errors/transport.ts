/** Errors of links between workers. */

import type { ErrorRows } from './row.ts'

export const transportErrors = {
  E_LINK_CLUSTER: {
    kind: 'user',
    what: 'worker {peer} is of cluster "{theirs}", worker {worker} of cluster "{ours}"',
    remedy: 'start each worker with the store of its own cluster, and give clusters ports of their own',
  },
  E_LINK_TOKEN: {
    kind: 'user',
    what: 'the token of worker {peer} is not the one of worker {worker}',
    remedy: 'start all workers of the cluster with the same token',
  },
  E_LINK_VERSION: {
    kind: 'user',
    what: 'worker {peer} speaks versions {theirs} of the link protocol, worker {worker} versions {ours}',
    remedy: 'upgrade the cluster one release at a time, all workers to each before the next',
  },
  E_LINK_NAME: {
    kind: 'user',
    what: 'two workers are called {worker}',
    remedy: 'give each worker of the cluster a name of its own',
  },
  E_LINK_GENERATION: {
    kind: 'operational',
    what: 'worker {peer} dials in generation {theirs}, worker {worker} is in generation {ours}',
    remedy: 'nothing: worker {peer} enters the newer generation once it has read of it',
  },
  E_LINK_INCARNATION: {
    kind: 'operational',
    what: 'worker {peer} has restarted: worker {worker} knows it as {known} in generation {generation}, and now it is {now}',
    remedy: 'nothing: the cluster recovers by itself; find out why the worker ended',
  },
  E_LINK_ADDRESS: {
    kind: 'operational',
    what: 'worker {answers} answers at {address}, where worker {worker} looks for worker {peer}',
    remedy: 'give each worker its own address, which the others can reach',
  },
  E_LINK_PIPELINE: {
    kind: 'operational',
    what: 'worker {peer} runs pipeline {pipeline} from program {theirs}, worker {worker} from program {ours}',
    remedy: 'cancel the pipeline and submit one program to the cluster',
  },
  E_LINK_SESSION: {
    kind: 'operational',
    what: 'workers {worker} and {peer} do not agree on what they have said on their {lane} lane: {reason}',
    remedy: 'nothing: the cluster recovers by itself',
  },
  E_LINK_PROTOCOL: {
    kind: 'protocol',
    what: 'worker {peer} broke the protocol of links with worker {worker}: {reason}',
    remedy: 'bring both workers to the same release; if they already are, report it',
  },
  E_LINK_REFUSED: {
    kind: 'operational',
    what: 'worker {peer} refuses the link of worker {worker}: {reason} ({code})',
    remedy: 'see `potoroo error {code}`',
  },
  E_LINK_LOST: {
    kind: 'operational',
    what: 'the {lane} lane between workers {worker} and {peer} was interrupted for {ms} ms: {reason}',
    remedy: 'check the network between their machines; the cluster recovers by itself without worker {peer}',
  },
  E_LINK_ABSENT: {
    kind: 'operational',
    what: 'worker {worker} found no way to worker {peer} within {ms} ms: {reason}',
    remedy: 'check that worker {peer} runs, and that its address can be reached from worker {worker}',
  },
  E_LINK_FULL: {
    kind: 'operational',
    what: 'worker {peer} has left {bytes} bytes of control messages from worker {worker} unread, over the limit of {limit}',
    remedy: 'see what keeps worker {peer} busy; the cluster recovers by itself',
  },
} as const satisfies ErrorRows
