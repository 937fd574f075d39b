/** Search in what this page holds: nothing of it leaves the device. */

import { useMemo, useState } from "preact/hooks"
import { Field } from "../parts/fields.tsx"
import { Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import { find, type History } from "./history.ts"

const MOST = 100

interface SearchProps {
  readonly history: History
  readonly version: number
  readonly onJump: (number: number) => void
  readonly onClose: () => void
}

export function SearchSheet({ history, version, onJump, onClose }: SearchProps) {
  const { search, say } = words.value
  const [wanted, setWanted] = useState("")
  const found = useMemo(() => find(history.entries, wanted, MOST), [wanted, version])
  return (
    <Sheet title={search.title} onClose={onClose}>
      <Field label={search.label} help={search.only} value={wanted} onInput={setWanted} />
      <p role="status" class="quiet">
        {wanted.trim() !== "" && (found.length === 0 ? search.none : search.found(found.length))}
      </p>
      <ul class="menu">
        {found.map((one) => (
          <li key={one.id}>
            <button type="button" class="menu-item found" onClick={() => onJump(one.number)}>
              <span class="help">
                <bdi>{one.name}</bdi> · <bdi>{say.moment(one.time)}</bdi>
              </span>
              <span class="found-text" dir="auto">
                {one.text}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  )
}
