/** The service worker: the page starts without a network, and goes on as it is until the person wants the new version. */

import { signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { trusted } from "../../model/trusted.ts"

export interface Offline {
  readonly hasNewVersion: boolean
  use(): void
}

const SCRIPT = "/sw.js"
/** How often a page that stays open looks for a new version, besides whenever somebody comes back to it. */
const SEARCH_MS = 3600_000
const waiting = signal<ServiceWorker | undefined>(undefined)
let isStarted = false
/** The person wants the new version: the page is loaded again when it is the one that answers. */
let isAsked = false

/** It is there for those alone who stay signed in: who wants to leave nothing gets no cache either. */
export function useOffline(isWanted: boolean): Offline {
  useEffect(() => {
    if (!isWanted || isStarted || !import.meta.env.PROD || !("serviceWorker" in navigator)) return
    isStarted = true
    register().catch(() => undefined) // a browser without it starts from the network, as before
  }, [isWanted])
  return { hasNewVersion: waiting.value !== undefined, use }
}

function use(): void {
  isAsked = true
  waiting.value?.postMessage("use")
}

async function register(): Promise<void> {
  const registration = await navigator.serviceWorker.register(trusted(SCRIPT), { updateViaCache: "none" })
  const look = (): void => {
    // the very first one replaces nothing
    if (navigator.serviceWorker.controller !== null) waiting.value = registration.waiting ?? undefined
  }
  registration.addEventListener("updatefound", () =>
    registration.installing?.addEventListener("statechange", look),
  )
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (isAsked) location.reload()
  })
  look()
  const search = (): void => {
    if (document.visibilityState === "visible") registration.update().catch(() => undefined) // it is away: later
  }
  setInterval(search, SEARCH_MS)
  document.addEventListener("visibilitychange", search)
}

/** Nothing of the page's own files stays either. */
export async function forgetOffline(): Promise<void> {
  const registrations = (await navigator.serviceWorker?.getRegistrations()) ?? []
  await Promise.all(registrations.map((one) => one.unregister()))
  if (!("caches" in globalThis)) return
  await Promise.all((await caches.keys()).map((name) => caches.delete(name)))
}
