/** A room's head: its title, how it is connected, and the ways to everything else. */

import type { RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import type { SheetName } from "./screen.tsx"

interface HeadProps {
  readonly now: RoomNow
  /** Whether the connection has been away for a while. */
  readonly isCut: boolean
  readonly onSheet: (name: SheetName) => void
}

export function RoomHead({ now, isCut, onSheet }: HeadProps) {
  const app = useApp()
  const { room, rooms, say } = words.value
  const others = (app.lobby.value?.rooms ?? [])
    .filter((one) => one.id !== now.id)
    .reduce((sum, one) => sum + one.unread, 0)
  return (
    <header class="room-head">
      <button
        type="button"
        class="plain to-rooms"
        aria-label={others > 0 ? `${rooms.title}: ${rooms.unread(others)}` : rooms.title}
        onClick={() => app.navigation.restart({ at: "rooms" })}
      >
        <Icon name="back" />
        {others > 0 && <span class="count">{say.number(others)}</span>}
      </button>
      <div class="room-title">
        <h1 dir="auto">{now.state?.title ?? rooms.untitled}</h1>
        <p class={isCut ? "room-state waiting" : "room-state"} role="status">
          {connectionOf(now, isCut)}
        </p>
      </div>
      <button
        type="button"
        class="plain members-button"
        aria-label={`${room.members}: ${say.number(now.members.length)}`}
        aria-haspopup="dialog"
        onClick={() => onSheet("members")}
      >
        <Icon name="people" />
        <span aria-hidden="true">{say.number(now.members.length)}</span>
      </button>
      <button
        type="button"
        class="plain wide-only"
        aria-label={room.search}
        aria-haspopup="dialog"
        onClick={() => onSheet("search")}
      >
        <Icon name="search" />
      </button>
      <button
        type="button"
        class="plain"
        aria-label={room.menu}
        aria-haspopup="dialog"
        onClick={() => onSheet("menu")}
      >
        <Icon name="more" />
      </button>
    </header>
  )
}

/** In a word or two; what follows from it, the banner below says. */
function connectionOf(now: RoomNow, isCut: boolean): string {
  const { room } = words.value
  if (now.isOver) return room.over
  if (now.connection === "connecting") return isCut ? room.noConnection : room.connecting
  if (now.connection === "catching-up") return room.catchingUp
  return room.live
}
