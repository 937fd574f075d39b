/** Whether something of it stays on this device: asked once, before anything is kept. */

import { useApp } from "../app/app.ts"
import { Radios } from "../parts/fields.tsx"
import { words } from "../words/language.ts"

export type Stay = "keep" | "leave"

interface StayProps {
  readonly value: Stay
  readonly onChoose: (stay: Stay) => void
}

export function StayChoice({ value, onChoose }: StayProps) {
  const { invited } = words.value
  const { abilities, lobby } = useApp()
  if (lobby.value !== undefined)
    return lobby.value.rooms.length > 0 ? <p class="quiet">{invited.already}</p> : null
  const isKept = abilities.value?.isStorageKept === true
  return (
    <>
      <Radios<Stay>
        label={invited.stay}
        value={value}
        onChoose={onChoose}
        options={[
          { value: "keep", called: invited.keep, help: invited.keepHelp },
          { value: "leave", called: invited.leave, help: invited.leaveHelp },
        ]}
      />
      {value === "leave" && <p class="warning">{invited.leaveWarning}</p>}
      {value === "keep" && !isKept && <p class="quiet">{invited.notKept}</p>}
    </>
  )
}
