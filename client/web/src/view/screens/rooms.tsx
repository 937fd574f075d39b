/** All rooms of this device, what waits at doors, and the way out. */

import { useState } from "preact/hooks"
import type { KnockLine, RoomLine } from "../../model/contract.ts"
import { type App, asking, isWaiting, useApp } from "../app/app.ts"
import { forgetOffline } from "../app/offline.ts"
import { forgetPreferences } from "../app/preferences.ts"
import { sentenceOf } from "../app/reason.ts"
import { Frame } from "../parts/frame.tsx"
import { Icon } from "../parts/icon.tsx"
import { Question } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"

export function Rooms() {
  const { rooms } = words.value
  return (
    <Frame title={rooms.title}>
      <RoomList open={undefined} />
    </Frame>
  )
}

/** The list: a screen of its own on phones, the side panel where there is room for one. */
export function RoomList({ open }: { readonly open: string | undefined }) {
  const app = useApp()
  const { rooms } = words.value
  const lobby = app.lobby.value
  if (lobby === undefined) return null
  const ordered = [...lobby.rooms].sort((one, other) => other.time - one.time)
  const go = (id: string): void => {
    if (open === undefined) app.navigation.go({ at: "room", id })
    else if (open !== id) app.navigation.turn({ at: "room", id })
  }
  return (
    <nav class="room-list" aria-label={rooms.title}>
      {ordered.length + lobby.makings.length === 0 && <p class="quiet">{rooms.none}</p>}
      <ul>
        {ordered.map((one) => (
          <li key={one.id}>
            <RoomRow room={one} isOpen={one.id === open} onOpen={() => go(one.id)} />
          </li>
        ))}
      </ul>
      {lobby.makings.map(({ id, reason, title }) => (
        <p key={id} class="quiet">
          <bdi>{title}</bdi>: {sentenceOf(reason, words.value)}
        </p>
      ))}
      {asking(lobby).length > 0 && (
        <>
          <h2>{rooms.requests}</h2>
          <ul>
            {asking(lobby).map((one) => (
              <li key={one.id}>
                <KnockRow knock={one} onOpen={() => app.navigation.go({ at: "knock", id: one.id })} />
              </li>
            ))}
          </ul>
        </>
      )}
      {lobby.hosts.map(({ url }) => (
        <button
          type="button"
          class="button"
          key={url}
          onClick={() => app.navigation.go({ at: "making", url })}
        >
          <Icon name="plus" />
          <span>
            {rooms.create}
            {lobby.hosts.length > 1 && <bdi class="help">{new URL(url).host}</bdi>}
          </span>
        </button>
      ))}
      <Staying />
    </nav>
  )
}

interface RoomRowProps {
  readonly room: RoomLine
  readonly isOpen: boolean
  readonly onOpen: () => void
}

function RoomRow({ room, isOpen, onOpen }: RoomRowProps) {
  const { rooms, say } = words.value
  const unread = isOpen ? 0 : room.unread // the open room itself says what is new in it
  const isBold = unread > 0 || room.knocking > 0
  return (
    <button
      type="button"
      class={isBold ? "room-row news" : "room-row"}
      aria-current={isOpen ? "page" : undefined}
      onClick={onOpen}
    >
      <span class="room-row-title">
        <bdi>{room.title === "" ? rooms.untitled : room.title}</bdi>
        {unread > 0 && (
          <span class="count" role="img" aria-label={rooms.unread(unread)}>
            {say.number(unread)}
          </span>
        )}
      </span>
      <span class={room.trouble === undefined ? "help" : "help alarm"}>{stateOf(room)}</span>
    </button>
  )
}

/** What is most worth knowing of a room. */
function stateOf(room: RoomLine): string {
  const said = words.value
  if (room.trouble !== undefined) return said.rooms.trouble
  if (room.knocking > 0) return said.rooms.knocking(room.knocking)
  if (room.isOver) return said.rooms.over
  if (room.waiting > 0) return said.rooms.waiting(room.waiting)
  if (room.connection === "connecting") return said.room.connecting
  if (room.connection === "catching-up") return said.room.catchingUp
  return said.rooms.live
}

function KnockRow({ knock, onOpen }: { readonly knock: KnockLine; readonly onOpen: () => void }) {
  const said = words.value
  const state = knock.reason === undefined ? said.knock.waiting : sentenceOf(knock.reason, said)
  return (
    <button type="button" class="room-row" onClick={onOpen}>
      <span class="room-row-title">{said.rooms.requestAs(knock.name)}</span>
      <span class={knock.stage === "failed" ? "help alarm" : "help"}>{state}</span>
    </button>
  )
}

/** Whether this device keeps anything, and how to leave nothing. */
function Staying() {
  const app = useApp()
  const { rooms } = words.value
  const [isAsking, setAsking] = useState(false)
  const isLasting = app.lobby.value?.isLasting === true
  const keep = async (): Promise<void> => {
    if (await app.attempt(() => app.engine.keep())) app.notice.value = rooms.kept
  }
  return (
    <div class="staying">
      {!isLasting && (
        <>
          <p class="warning">{rooms.notLasting}</p>
          <button type="button" class="button quiet-button" onClick={keep}>
            <Icon name="key" />
            {rooms.keepInstead}
          </button>
        </>
      )}
      <button type="button" class="button quiet-button" onClick={() => setAsking(true)}>
        <Icon name="leave" />
        {rooms.wipe}
      </button>
      {isAsking && (
        <Question
          title={rooms.wipe}
          why={rooms.wipeWhy}
          act={rooms.wipeDo}
          isGrave
          onClose={() => setAsking(false)}
          onYes={() => wipe(app)}
        >
          {app.lobby.value !== undefined && isWaiting(app.lobby.value) && (
            <p class="warning">{rooms.wipeWaiting}</p>
          )}
        </Question>
      )}
    </div>
  )
}

/** Keys first, then all the rest; the page shows nothing of it before that is known. */
async function wipe(app: App): Promise<void> {
  const wiped = await Promise.allSettled([app.engine.wipe(), forgetOffline()])
  forgetPreferences()
  app.lobby.value = undefined
  app.notice.value = ""
  app.navigation.restart({ at: "gone", isClean: wiped.every((one) => one.status === "fulfilled") })
}
