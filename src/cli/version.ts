/** What package.json says of this package. */
import { readFileSync } from 'node:fs'
import { OWN_FOLDER } from '../base/own-files.ts'

interface Manifest {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}

export const manifest = JSON.parse(readFileSync(new URL('../package.json', OWN_FOLDER), 'utf8')) as Manifest

export const version: string = manifest.version
