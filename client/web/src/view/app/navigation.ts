/**
 * Which screen is shown, with the browser's and the phone's "back". What the screens are stays in memory: the browser's own
 * history, which it may write to disk, knows their number alone.
 */

import { type ReadonlySignal, signal } from "@preact/signals"
import type { Arrival } from "../arrival.ts"

export type Page =
  | { readonly at: "beginning" }
  | { readonly at: "start" }
  | { readonly at: "unable" }
  | { readonly at: "failed" }
  | { readonly at: "elsewhere"; readonly arrival: Arrival }
  | { readonly at: "gone"; readonly isClean: boolean }
  | { readonly at: "invited"; readonly link: string }
  | { readonly at: "malformed"; readonly what: "invitation" | "host" }
  | { readonly at: "hosting"; readonly link: string }
  | { readonly at: "making"; readonly url: string }
  | { readonly at: "knock"; readonly id: string }
  | { readonly at: "rooms" }
  | { readonly at: "room"; readonly id: string }

export interface Navigation {
  readonly page: ReadonlySignal<Page>
  /** A further screen, from which "back" leads here. */
  go(to: Page): void
  /** Another screen in the place of this one. */
  turn(to: Page): void
  /** Another screen in the place of all: there is no way back. */
  restart(to: Page): void
  back(): void
}

/** Of the browser's history and its window, what is used here. */
type Past = Pick<History, "pushState" | "replaceState" | "back">
type Tab = Pick<Window, "addEventListener">

export function startNavigation(past: Past, tab: Tab): Navigation {
  const page = signal<Page>({ at: "beginning" })
  let stack: Page[] = [page.value]
  past.replaceState(0, "", "/")
  const show = (): void => {
    page.value = stack.at(-1) ?? { at: "rooms" }
  }
  tab.addEventListener("popstate", ({ state }) => {
    // a step forward leads nowhere: what was there may be gone
    if (typeof state === "number" && state < stack.length - 1) stack = stack.slice(0, state + 1)
    else past.replaceState(stack.length - 1, "", "/")
    show()
  })
  return {
    page,
    go: (to) => {
      stack.push(to)
      past.pushState(stack.length - 1, "", "/")
      show()
    },
    turn: (to) => {
      stack[stack.length - 1] = to
      show()
    },
    restart: (to) => {
      stack = [to]
      past.replaceState(0, "", "/")
      show()
    },
    back: () => {
      if (stack.length > 1) return past.back()
      stack = [{ at: "rooms" }] // a screen that nothing led to
      show()
    },
  }
}
