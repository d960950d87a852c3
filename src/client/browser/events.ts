/** Of `node:events` what the client needs, for browsers. */

type Listener = (...args: unknown[]) => void

export class EventEmitter {
  private readonly listeners = new Map<string, { readonly call: Listener; readonly once: boolean }[]>()

  on(event: string, call: Listener): this {
    return this.add(event, call, false)
  }

  once(event: string, call: Listener): this {
    return this.add(event, call, true)
  }

  off(event: string, call: Listener): this {
    const all = this.listeners.get(event) ?? []
    const at = all.findLastIndex((one) => one.call === call)
    if (at >= 0) this.listeners.set(event, all.toSpliced(at, 1))
    return this
  }

  emit(event: string, ...args: unknown[]): boolean {
    const all = this.listeners.get(event) ?? []
    for (const { call, once } of all) {
      if (once) this.off(event, call)
      call(...args)
    }
    return all.length > 0
  }

  private add(event: string, call: Listener, once: boolean): this {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), { call, once }])
    return this
  }
}
