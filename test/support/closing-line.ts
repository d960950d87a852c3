/** Ends a test run with one line that any program can read: `N passed, N failed`. */
import type { Reporter, TestModule } from 'vitest/node'

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = errors.length
    let skipped = 0
    for (const module of modules) {
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
    }
    const rest = skipped > 0 ? `, ${skipped} skipped` : ''
    // Behind what the other reporters print at the end of the same turn.
    setImmediate(() => process.stdout.write(`${passed} passed, ${failed} failed${rest}\n`))
  }
}
