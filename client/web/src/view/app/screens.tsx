/** Which screen stands for which page, and what stands on all of them. */

import { useSignalEffect } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { Lobby } from "../../model/contract.ts"
import { lazily } from "../parts/lazily.tsx"
import { Notices } from "../parts/notices.tsx"
import { Invited, Malformed } from "../screens/invited.tsx"
import { KnockScreen } from "../screens/knock.tsx"
import { Beginning, Elsewhere, Failed, Gone, Start, Unable } from "../screens/plain.tsx"
import { Rooms } from "../screens/rooms.tsx"
import { words } from "../words/language.ts"
import { type App, isWaiting, useApp } from "./app.ts"
import type { Page } from "./navigation.ts"
import { useOffline } from "./offline.ts"

const Hosting = lazily(async () => (await import("../screens/making.tsx")).Hosting)
const Making = lazily(async () => (await import("../screens/making.tsx")).Making)
const RoomScreen = lazily(async () => (await import("../room/screen.tsx")).RoomScreen)

/** What keeps the page for later does not stand in the way of what connects its rooms now. */
const isSettled = (lobby: Lobby | undefined): boolean =>
  lobby?.isLasting === true &&
  (lobby.rooms.length === 0 || lobby.rooms.some(({ connection }) => connection !== "connecting"))

export function Screens() {
  const app = useApp()
  const page = app.navigation.page.value
  const offline = useOffline(isSettled(app.lobby.value))
  useTitle(app)
  useRoomsThatOpen(app)
  useWhatWaits(app)
  useEffect(fitToKeyboard, [])
  useEffect(() => {
    document.getElementById("content")?.focus({ preventScroll: true })
  }, [page])
  return (
    <>
      <button type="button" class="button skip" onClick={focusContent}>
        {words.value.common.skip}
      </button>
      <Notices offline={offline} />
      <ScreenOf page={page} />
    </>
  )
}

/** Closing a page that keeps nothing would lose what is still to be sent: then, and only then, the browser asks. */
function useWhatWaits({ lobby }: App): void {
  const isLost = lobby.value?.isLasting === false && isWaiting(lobby.value)
  useEffect(() => {
    const ask = (event: Event): void => {
      if (isLost) event.preventDefault()
    }
    addEventListener("beforeunload", ask)
    return () => removeEventListener("beforeunload", ask)
  }, [isLost])
}

/** Where the keyboard of a phone lies over the page instead of making it smaller, the page is told what is left of it. */
function fitToKeyboard(): (() => void) | undefined {
  const viewport = globalThis.visualViewport
  if (viewport === null || viewport === undefined) return undefined
  const fit = (): void => {
    const isZoomed = viewport.scale > 1
    document.documentElement.style.setProperty("--seen", isZoomed ? "100dvh" : `${viewport.height}px`)
    if (!isZoomed && viewport.offsetTop > 0) scrollTo(0, 0)
  }
  viewport.addEventListener("resize", fit)
  return () => viewport.removeEventListener("resize", fit)
}

/** A button, for a link would write a fragment into the address bar. */
const focusContent = (): void => document.getElementById("content")?.focus()

function ScreenOf({ page }: { readonly page: Page }) {
  switch (page.at) {
    case "beginning":
      return <Beginning />
    case "start":
      return <Start />
    case "unable":
      return <Unable />
    case "failed":
      return <Failed />
    case "elsewhere":
      return <Elsewhere arrival={page.arrival} />
    case "gone":
      return <Gone isClean={page.isClean} />
    case "malformed":
      return <Malformed what={page.what} />
    case "invited":
      return <Invited link={page.link} />
    case "hosting":
      return <Hosting link={page.link} />
    case "making":
      return <Making url={page.url} />
    case "knock":
      return <KnockScreen id={page.id} key={page.id} />
    case "rooms":
      return <Rooms />
    case "room":
      return <RoomScreen id={page.id} key={page.id} />
  }
}

/** How much is unread, and nothing of what: the title stands in the browser's history. */
function useTitle(app: App): void {
  useSignalEffect(() => {
    const unread = (app.lobby.value?.rooms ?? []).reduce((sum, one) => sum + one.unread, 0)
    const { common, say } = words.value
    document.title = unread === 0 ? common.product : `(${say.number(unread)}) ${common.product}`
  })
}

/** From the door into the room as soon as it opens. */
function useRoomsThatOpen(app: App): void {
  useSignalEffect(() => {
    const page = app.navigation.page.value
    if (page.at !== "knock") return
    const knock = app.lobby.value?.knocks.find((one) => one.id === page.id)
    if (knock?.stage === "admitted" && knock.room !== undefined)
      app.navigation.turn({ at: "room", id: knock.room })
  })
}
