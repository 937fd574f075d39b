/** What somebody sees who comes without an invitation. */

import type { ReadonlySignal } from "@preact/signals"
import type { Abilities } from "../model/abilities.ts"

interface StartProps {
  readonly abilities: ReadonlySignal<Abilities | "unknown" | "failed">
}

export function Start({ abilities }: StartProps) {
  return (
    <main>
      <h1>Backchannel</h1>
      <p>Rooms for talks between opposing sides, encrypted from one person to the other.</p>
      <p role="status">
        <Ability of={abilities.value} />
      </p>
      <p class="quiet">
        You come into a room by an invitation: open the link that you were sent. This server keeps what it
        cannot read; <a href="/what-the-server-sees">here is all that it sees</a>.
      </p>
    </main>
  )
}

function Ability({ of: found }: { readonly of: Abilities | "unknown" | "failed" }) {
  if (found === "unknown") return <>Looking whether this browser can take part…</>
  if (found === "failed" || found.suites.length === 0)
    return (
      <strong class="alarm">
        This browser cannot take part: it lacks the cryptography, or this page came without encryption. Use a
        current Firefox, Chrome, Edge or Safari.
      </strong>
    )
  return <>This browser can take part.</>
}
