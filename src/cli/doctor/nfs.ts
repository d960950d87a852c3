/**
 * What the client of NFS must not keep to itself where several hosts write, by the options of its mount. Names that are
 * absent: a worker would not see for a while what another one has made. And what it knows of files and folders when
 * these are opened: it would read them as they were, and list a journal without its last segments.
 */
export interface Kept {
  readonly what: string
  readonly remedy: string
}

/** `null` where all is well, or the volume is none of NFS. */
export function keptBy(kind: string, options: readonly string[]): Kept | null {
  if (!/^nfs/.test(kind)) return null
  if (options.includes('nocto')) {
    return {
      what: 'reads what it remembers',
      remedy: 'mount it without nocto: else a worker may read what has changed since',
    }
  }
  // The kernel shows the second one as `pos`, whichever way it was written.
  if (options.some((option) => /^lookupcache=(none|pos|positive)$/.test(option))) return null
  return {
    what: 'remembers which files are absent',
    remedy: 'mount it with lookupcache=none: else a worker may not see for a while what another one has made',
  }
}
