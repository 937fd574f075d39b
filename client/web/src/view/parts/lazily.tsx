/** Screens that are fetched when they are needed. */

import { signal } from "@preact/signals"
import type { ComponentType } from "preact"
import { useEffect } from "preact/hooks"
import { words } from "../words/language.ts"

/** A component that shows nothing but patience until it is there; without a network it is tried again. */
export function lazily<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded = signal<{ readonly Component: ComponentType<P> } | undefined>(undefined)
  const hasFailed = signal(false)
  const start = (): void => {
    hasFailed.value = false
    load().then(
      (Component) => {
        loaded.value = { Component }
      },
      () => {
        hasFailed.value = true
      },
    )
  }
  return function Lazily(props: P) {
    useEffect(() => {
      if (loaded.value === undefined) start()
    }, [])
    if (loaded.value !== undefined) return <loaded.value.Component {...props} />
    return <Patience hasFailed={hasFailed.value} again={start} />
  }
}

function Patience({ hasFailed, again }: { readonly hasFailed: boolean; readonly again: () => void }) {
  const { common, reasons, start } = words.value
  if (!hasFailed) return <p class="patience">{common.working}</p>
  return (
    <div class="patience" role="alert">
      <p>{reasons["server-unreachable"]}</p>
      <button type="button" class="button" onClick={again}>
        {start.reload}
      </button>
    </div>
  )
}
