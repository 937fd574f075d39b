/** Screens that only say something. */

import { begin, useApp } from "../app/app.ts"
import { sentenceOf } from "../app/reason.ts"
import type { Arrival } from "../arrival.ts"
import { Frame } from "../parts/frame.tsx"
import { words } from "../words/language.ts"

/** Made in its server's language and for everybody: no part of the page itself. */
const WHAT_THE_SERVER_SEES = "/what-the-server-sees"

export function Beginning() {
  return (
    <main id="content" tabIndex={-1} class="patience">
      <p>{words.value.common.working}</p>
    </main>
  )
}

/** For somebody who comes without an invitation. */
export function Start() {
  const { start } = words.value
  return (
    <Frame title={start.lead}>
      <p class="lead">{start.how}</p>
      <p class="quiet">
        {start.sealed} <a href={WHAT_THE_SERVER_SEES}>{start.sees}</a>
      </p>
    </Frame>
  )
}

export function Unable() {
  const { start } = words.value
  return (
    <Frame title={start.unable}>
      <p class="lead">{start.unableWhy}</p>
    </Frame>
  )
}

export function Failed() {
  const { start } = words.value
  const { problem } = useApp()
  return (
    <Frame title={start.failed}>
      <p class="lead">
        {problem.value === undefined ? start.failedWhy : sentenceOf(problem.value, words.value)}
      </p>
      <button type="button" class="button first" onClick={() => location.reload()}>
        {start.reload}
      </button>
    </Frame>
  )
}

export function Elsewhere({ arrival }: { readonly arrival: Arrival }) {
  const { start } = words.value
  const app = useApp()
  return (
    <Frame title={start.elsewhere}>
      <p class="lead">{start.elsewhereWhy}</p>
      <button type="button" class="button first" onClick={() => begin(app, arrival)}>
        {start.openHere}
      </button>
    </Frame>
  )
}

/** After "leave nothing on this device": it says nothing of what was here. */
export function Gone({ isClean }: { readonly isClean: boolean }) {
  const { start } = words.value
  return (
    <main id="content" tabIndex={-1} class="gone">
      <p role="status">{isClean ? start.signedOut : start.signedOutFailed}</p>
      {isClean && <p class="quiet">{start.signedOutMore}</p>}
    </main>
  )
}
