/** The app in the page, and what begins with it. */

import { render } from "preact"
import { type App, AppProvider, begin } from "./app/app.ts"
import { Screens } from "./app/screens.tsx"
import type { Arrival } from "./arrival.ts"
import { speakFirst } from "./words/language.ts"

export async function show(app: App, arrival: Arrival): Promise<void> {
  const root = document.getElementById("app")
  if (root === null) return
  for (const change of ["offline", "online"])
    addEventListener(change, () => app.engine.reconnect().catch(() => undefined)) // nothing is open yet
  const hasBegun = begin(app, arrival)
  await speakFirst().catch(() => undefined) // without its catalogue the page speaks English
  render(
    <AppProvider value={app}>
      <Screens />
    </AppProvider>,
    root,
  )
  await hasBegun
}
