/** A room: its head, what is wrong with it, who is at its door, the conversation, the composer. */

import { useEffect, useState } from "preact/hooks"
import type { RoomNow } from "../../model/contract.ts"
import { announcementOf } from "../announce.ts"
import { useApp } from "../app/app.ts"
import { sentenceOf } from "../app/reason.ts"
import { LanguageSwitch } from "../parts/language_switch.tsx"
import { lazily } from "../parts/lazily.tsx"
import { RoomList } from "../screens/rooms.tsx"
import { words } from "../words/language.ts"
import { Banners } from "./banners.tsx"
import { Composer } from "./composer.tsx"
import { RoomHead } from "./head.tsx"
import type { Message } from "./history.ts"
import { Log } from "./log.tsx"
import { MessageSheet } from "./message_sheet.tsx"
import { type OpenRoom, useOpenRoom } from "./open.ts"
import { Row, Waiting } from "./row.tsx"
import { RulesGate } from "./rules.tsx"
import { useSeen } from "./seeing.ts"

const CUT_MS = 3000

export type SheetName =
  | "menu"
  | "members"
  | "doors"
  | "invitations"
  | "settings"
  | "search"
  | "keyboard"
  | "leave"

const Sheets = lazily(async () => (await import("./sheets.tsx")).Sheets)

const SHORTCUTS: Readonly<Record<string, SheetName>> = {
  KeyF: "search",
  KeyM: "members",
  KeyI: "invitations",
}

export function RoomScreen({ id }: { readonly id: string }) {
  const open = useOpenRoom(id)
  return (
    <div class="room-screen">
      <aside class="side">
        <header class="side-head">
          <h2>{words.value.rooms.title}</h2>
          <LanguageSwitch />
        </header>
        <RoomList open={id} />
      </aside>
      {open.now === undefined ? (
        <main id="content" tabIndex={-1} class="patience">
          <p>{words.value.room.open}</p>
        </main>
      ) : (
        <Inside open={open} now={open.now} />
      )}
    </div>
  )
}

interface InsideProps {
  readonly open: OpenRoom
  readonly now: RoomNow
}

function Inside({ open, now }: InsideProps) {
  const [sheet, setSheet] = useState<SheetName>()
  const [jump, setJump] = useState<{ readonly to: number | undefined; readonly asked: number }>({
    to: undefined,
    asked: 0,
  })
  const jumpTo = (to: number | undefined): void => setJump(({ asked }) => ({ to, asked: asked + 1 }))
  useShortcuts(setSheet, () => jumpTo(undefined))
  const isCut = useCut(now)
  const mustAccept = now.state !== undefined && !now.hasAccepted && !now.isOver
  return (
    <div class="room">
      <RoomHead now={now} isCut={isCut} onSheet={setSheet} />
      <Banners now={now} isCut={isCut} onSheet={setSheet} />
      {mustAccept ? (
        <RulesGate now={now} onLeave={() => setSheet("leave")} />
      ) : (
        <Conversation open={open} now={now} jump={jump} onJump={jumpTo} />
      )}
      <p class="sr" role="status" aria-live="polite">
        {announcementOf(open.heard, words.value)}
      </p>
      {sheet !== undefined && (
        <Sheets
          name={sheet}
          now={now}
          history={open.history}
          version={open.version}
          onSheet={setSheet}
          onClose={() => setSheet(undefined)}
          onJump={(to) => {
            setSheet(undefined)
            jumpTo(to)
          }}
        />
      )}
    </div>
  )
}

/** A connection that is away for a moment is nothing to speak of. */
function useCut(now: RoomNow): boolean {
  const [isCut, setCut] = useState(false)
  const isAway = now.connection === "connecting" && !now.isOver
  useEffect(() => {
    if (!isAway) return setCut(false)
    const timer = setTimeout(() => setCut(true), CUT_MS)
    return () => clearTimeout(timer)
  }, [isAway])
  return isCut
}

function useShortcuts(open: (name: SheetName) => void, toEnd: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]") !== null)
        return
      const name = SHORTCUTS[event.code]
      if (name === undefined && event.code !== "ArrowDown") return
      event.preventDefault()
      if (name === undefined) toEnd()
      else open(name)
    }
    document.addEventListener("keydown", press)
    return () => document.removeEventListener("keydown", press)
  }, [])
}

interface ConversationProps extends InsideProps {
  readonly jump: { readonly to: number | undefined; readonly asked: number }
  readonly onJump: (to: number | undefined) => void
}

function Conversation({ open, now, jump, onJump }: ConversationProps) {
  const app = useApp()
  const [chosen, setChosen] = useState<Message>()
  const [isAtEnd, setAtEnd] = useState(true)
  const { history } = open
  const unreadFrom = firstUnread(open, now)
  const newCount = useSeen(now, history, isAtEnd)
  const toMessage = (id: string): void => onJump(history.numberOf(id))
  const mayWrite = now.mayWrite && !now.isOver
  return (
    <>
      <main id="content" tabIndex={-1} class="room-main">
        <Log
          history={history}
          version={open.version}
          jump={jump}
          onEnd={setAtEnd}
          newCount={newCount}
          row={(entry, before) => (
            <Row
              entry={entry}
              before={before}
              now={now}
              history={history}
              isUnreadMark={entry.number === unreadFrom}
              onMore={setChosen}
              onReply={(message) => open.change({ replyTo: message.id })}
              onJump={toMessage}
            />
          )}
        >
          <div class="log-row">
            <Waiting
              now={now}
              why={(line) => sentenceOf(line.reason, words.value)}
              onDismiss={(place) => app.attempt(() => app.engine.dismiss(now.id, place))}
              onAgain={(place) => app.attempt(() => app.engine.uploadAgain(now.id, place))}
              onTakeBack={async (line) => {
                open.change({ text: [open.draft.text, line.text].filter((text) => text !== "").join("\n") })
                await app.attempt(() => app.engine.dismiss(now.id, line.place))
              }}
            />
          </div>
        </Log>
      </main>
      <footer class="room-foot">
        <Composer
          now={now}
          history={history}
          draft={open.draft}
          files={open.files}
          isPreparing={open.isPreparing}
          onChoose={open.choose}
          mayWrite={mayWrite}
          onChange={open.change}
          onSend={() => {
            open.send()
            onJump(undefined)
          }}
        />
      </footer>
      {chosen !== undefined && (
        <MessageSheet
          message={chosen}
          now={now}
          onReply={() => open.change({ replyTo: chosen.id })}
          onClose={() => setChosen(undefined)}
        />
      )}
    </>
  )
}

/** The first message of others behind what this person had seen when the room was opened. */
function firstUnread({ history, seenBefore }: OpenRoom, now: RoomNow): number | undefined {
  if (seenBefore === Number.POSITIVE_INFINITY) return undefined
  const { entries, first } = history
  let found: number | undefined
  for (let at = (first ?? 0) - 1; at >= 0; at -= 1) {
    const entry = entries[at]
    if (entry === undefined || (entry.seq > 0 && entry.seq <= seenBefore)) break
    if (entry.kind === "message" && entry.seat !== now.seat) found = at
  }
  return found
}
