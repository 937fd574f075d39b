/**
 * Checkpoints of a record that is further than this device: kept, and compared when it gets there.
 *
 * A server signs what the record is to be before it has shown the events. What it signed binds it, over a restart of this
 * device too.
 */

import { type Bytes, equal } from "../base/bytes.ts"
import { bytes, list, number, struct } from "../protocol/fields.ts"
import { HASH_SIZE } from "../protocol/ids.ts"
import { pack, unpack } from "../protocol/msgpack.ts"
import type { CheckpointBody } from "../protocol/record/note.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { PROMISED } from "./notes.ts"

/** How many are kept; an honest server signs one at a time, and those that come first are compared first. */
const MOST_PROMISED = 16

const ROOTS = list(struct({ size: number, root: bytes(HASH_SIZE) }), 0, MOST_PROMISED)

type Roots = ReadonlyMap<number, Bytes>

/** What the server has signed, by the record's size. */
export function promisedBy({ notes }: Ledger): Roots {
  const note = notes.get(PROMISED)
  const roots = note === undefined ? [] : unpack(note, ROOTS.read)
  return new Map(roots.map(({ root, size }) => [size, root]))
}

/**
 * Whether `shown`, and all that was shown before and is reached now, are of the record computed here. What is reached is
 * forgotten.
 */
export const fitsRecord = (ledger: Ledger, shown?: Pick<CheckpointBody, "root" | "size">): Promise<boolean> =>
  ledger.alone(async () => {
    const before = promisedBy(ledger)
    if (shown === undefined && before.size === 0) return true
    if (shown !== undefined && !equal(before.get(shown.size) ?? shown.root, shown.root)) return false
    const promised = shown === undefined ? before : new Map([...before, [shown.size, shown.root]])
    const { record, window } = ledger.view
    const known = new Map(window.map((seen) => [seen.recordSize, seen.recordRoot]))
    if ([...promised].some(([size, root]) => !equal(known.get(size) ?? root, root))) return false
    const ahead = [...promised].filter(([size]) => size > record.size).sort(([one], [other]) => one - other)
    const left = new Map(ahead.slice(0, MOST_PROMISED))
    if (!isSame(left, before)) await ledger.store(keptAs(left))
    return true
  })

const isSame = (one: Roots, other: Roots): boolean =>
  one.size === other.size && [...one.keys()].every((size) => other.has(size))

function keptAs(roots: Roots) {
  if (roots.size === 0) return newChange({ dropNotes: new Set([PROMISED]) })
  const rows = [...roots].map(([size, root]) => ({ size, root }))
  return newChange({ notes: new Map([[PROMISED, pack(ROOTS.write(rows))]]) })
}
