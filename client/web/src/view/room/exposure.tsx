/** The line above the composer: who reads this, whether it may be quoted, until when. And where it is changed. */

import { useState } from "preact/hooks"
import type { Draft, RoomNow } from "../../model/contract.ts"
import { Choice, Radios } from "../parts/fields.tsx"
import { Icon } from "../parts/icon.tsx"
import { Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import { exposureOf, keepsFor, keptOf } from "./exposing.ts"
import { Badge, described, partyOf } from "./people.tsx"
import { QUOTABLE_ICONS } from "./row.tsx"

interface ExposureProps {
  readonly now: RoomNow
  readonly draft: Draft
  readonly onChange: (part: Partial<Draft>) => void
}

export function ExposureLine({ now, draft, onChange }: ExposureProps) {
  const [isOpen, setOpen] = useState(false)
  const said = words.value
  const [readers, quotable, kept] = exposureOf(now, draft, said)
  return (
    <>
      <button
        type="button"
        class={`exposure ${draft.quotable}`}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <span class="sr">{said.exposure.line}: </span>
        <span>
          <Icon name="people" />
          {readers}
        </span>
        <span class="exposure-quotable">
          <Icon name={QUOTABLE_ICONS[draft.quotable]} />
          {quotable}
        </span>
        <span>
          <Icon name="clock" />
          {kept}
        </span>
        <span class="sr">. {said.exposure.open}</span>
      </button>
      {isOpen && <ExposureSheet now={now} draft={draft} onChange={onChange} onClose={() => setOpen(false)} />}
    </>
  )
}

function ExposureSheet({ now, draft, onChange, onClose }: ExposureProps & { readonly onClose: () => void }) {
  const { exposure, say, common } = words.value
  const retention = now.state?.retention
  const rule = retention === undefined ? exposure.keptClosed : keptOf(retention, words.value)
  const keeps = keepsFor(retention)
  return (
    <Sheet title={exposure.title} onClose={onClose}>
      <Radios
        label={exposure.quotable}
        value={draft.quotable}
        onChoose={(quotable) => onChange({ quotable })}
        options={(["no", "anonymous", "named"] as const).map((one) => ({
          value: one,
          called: exposure[one],
          help: exposure[`${one}Help`],
          icon: <Icon name={QUOTABLE_ICONS[one]} />,
        }))}
      />
      <Choice
        label={exposure.keep}
        value={String(keeps.includes(draft.keepS) ? draft.keepS : 0)}
        options={keeps.map((one) => [
          String(one),
          one === 0 ? exposure.keepRoom(rule) : exposure.lengths(say.duration(one)),
        ])}
        onChoose={(chosen) => onChange({ keepS: Number(chosen) })}
      />
      <p class="quiet">{exposure.applies}</p>
      <details class="details">
        <summary>
          {exposure.readersTitle}: {common.people(now.members.length)}
        </summary>
        <ul class="people">
          {now.members.map((one) => (
            <li key={one.seat}>
              <Badge party={partyOf(now, one.party)} name={one.name} />
              <span>
                <bdi>{one.name}</bdi>
                <span class="help">{described(now, one.role, one.party)}</span>
              </span>
            </li>
          ))}
        </ul>
      </details>
      <p class="quiet">{exposure.honest}</p>
      <button type="button" class="button first" onClick={onClose}>
        {common.close}
      </button>
    </Sheet>
  )
}
