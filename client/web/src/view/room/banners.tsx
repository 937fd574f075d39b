/** What stands above the conversation: what is wrong, who is at the door, what waits for a decision. */

import type { RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { sentenceOf } from "../app/reason.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { isFacilitator } from "./people.tsx"
import type { SheetName } from "./screen.tsx"

/** The room's own course, or a connection that comes back by itself: nothing to be alarmed about. */
const CALM: ReadonlySet<string> = new Set([
  "catching-up",
  "server-unreachable",
  "stopping",
  "too-slow",
  "too-fast",
  "internal",
  "storage-full",
  "commit-skipped",
  "left-behind",
  "room-closed",
  "room-ended",
  "closed",
  "unknown-room",
  "removed",
  "removed-unseen",
  "left",
  "replaced",
  "replaced-once",
  "stuck",
  "not-created",
  "waiting",
])
/** The room's head says it already. */
const SAID: ReadonlySet<string> = new Set(["server-unreachable", "catching-up", "waiting"])

interface BannersProps {
  readonly now: RoomNow
  /** Whether the connection has been away for a while. */
  readonly isCut: boolean
  readonly onSheet: (name: SheetName) => void
}

export function Banners({ now, isCut, onSheet }: BannersProps) {
  const { lobby } = useApp()
  const { room, rooms, composer } = words.value
  const asked = askedOf(now)
  const standing = standingOf(now, isCut)
  return (
    <section class="banners" aria-label={rooms.trouble}>
      <Trouble now={now} />
      {standing !== "" && (
        <p class="banner calm" role="status">
          {standing}
        </p>
      )}
      {asked.length > 0 && (
        <button type="button" class="banner ask" onClick={() => onSheet("doors")}>
          <Icon name="door" />
          <span>{asked.join(" · ")}</span>
          <span class="banner-do">{room.look}</span>
        </button>
      )}
      {lobby.value?.isLasting === false && <p class="banner calm">{composer.keepSigned}</p>}
    </section>
  )
}

/** What waits for this person to decide. */
function askedOf(now: RoomNow): readonly string[] {
  const { room } = words.value
  if (now.isOver) return []
  const decisions = now.proposals.filter((one) => one.act !== "add").length
  return [
    ...(isFacilitator(now) && now.knocking.length > 0 ? [room.knocks(now.knocking.length)] : []),
    ...(decisions > 0 ? [room.proposals(decisions)] : []),
  ]
}

/** The truth about the connection, and about what waits for it. */
function standingOf(now: RoomNow, isCut: boolean): string {
  const { room } = words.value
  const going = now.outbox.filter((line) => !line.hasFailed)
  const messages = going.filter((line) => line.type === "message").length
  const waiting = messages > 0 ? room.waiting(messages) : going.length > 0 ? room.waitingElse : ""
  if (now.isOver || now.connection === "live") return ""
  return `${isCut ? room.offline : ""} ${waiting}`.trim()
}

function Trouble({ now }: { readonly now: RoomNow }) {
  const { trouble } = now
  const { room } = words.value
  if (trouble === undefined || SAID.has(trouble.code)) return null
  if (CALM.has(trouble.code)) return <p class="banner calm">{sentenceOf(trouble, words.value)}</p>
  return (
    <div class="banner stopped" role="alert">
      <Icon name="alarm" />
      <div>
        <p>
          <strong>{room.stopped}.</strong> {sentenceOf(trouble, words.value)}
        </p>
        <p>{room.stoppedMore}</p>
      </div>
    </div>
  )
}
