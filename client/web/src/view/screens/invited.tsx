/** Somebody came by an invitation: a name, and whether this device keeps anything. */

import { useState } from "preact/hooks"
import { openProfile, useApp } from "../app/app.ts"
import { Field } from "../parts/fields.tsx"
import { Frame } from "../parts/frame.tsx"
import { words } from "../words/language.ts"
import { type Stay, StayChoice } from "./stay.tsx"

export function Invited({ link }: { readonly link: string }) {
  const app = useApp()
  const { invited, common } = words.value
  const [name, setName] = useState("")
  const [stay, setStay] = useState<Stay>("keep")
  const [isWorking, setWorking] = useState(false)
  const hasBegun = app.abilities.value !== undefined
  const knock = async (): Promise<void> => {
    setWorking(true)
    await app.attempt(async () => {
      await openProfile(app, stay === "keep")
      app.navigation.restart({ at: "knock", id: await app.engine.knock(link, tidy(name)) })
    })
    setWorking(false)
  }
  return (
    <Frame title={invited.title}>
      <p class="lead">{invited.lead}</p>
      <p class="quiet">{invited.unknown}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          knock()
        }}
      >
        <Field
          label={invited.name}
          help={invited.nameHelp}
          value={name}
          onInput={setName}
          isRequired
          autocomplete="nickname"
        />
        <StayChoice value={stay} onChoose={setStay} />
        <button
          type="submit"
          class="button first wide"
          disabled={isWorking || !hasBegun || tidy(name) === ""}
        >
          {isWorking ? common.working : invited.knock}
        </button>
      </form>
    </Frame>
  )
}

/** As names must be: no space at the ends, nor two in a row. */
export const tidy = (name: string): string => name.trim().replaceAll(/\s+/g, " ")

export function Malformed({ what }: { readonly what: "invitation" | "host" }) {
  const { invited, reasons } = words.value
  return (
    <Frame title={invited.malformed}>
      <p class="lead">{what === "host" ? reasons["host-link"] : invited.malformedWhy}</p>
    </Frame>
  )
}
