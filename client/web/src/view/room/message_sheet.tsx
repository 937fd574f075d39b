/** More about one message: what became of it, and what can be done with it. */

import { useState } from "preact/hooks"
import type { RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { copy } from "../parts/copy.ts"
import { Icon } from "../parts/icon.tsx"
import { Question, Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import { type Message, textOf } from "./history.ts"
import { ExposureChip, seenBy } from "./row.tsx"

interface MessageSheetProps {
  readonly message: Message
  readonly now: RoomNow
  readonly onReply: () => void
  readonly onClose: () => void
}

export function MessageSheet({ message, now, onReply, onClose }: MessageSheetProps) {
  const app = useApp()
  const [isRetracting, setRetracting] = useState(false)
  const said = words.value
  const isOwn = message.seat === now.seat
  const names = seenBy(message, now)
  if (isRetracting)
    return (
      <Question
        title={said.message.retractTitle}
        why={said.message.retractWhy}
        act={said.message.retract}
        isGrave
        onClose={onClose}
        onYes={() => {
          onClose()
          app.attempt(() => app.engine.retract(now.id, message.id))
        }}
      />
    )
  return (
    <Sheet title={said.message.by(message.name, said.say.moment(message.time))} onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long one is scrolled with the keyboard */}
      <p class="text excerpt" dir="auto" tabIndex={0}>
        {textOf(message)}
      </p>
      <p>
        <ExposureChip exposure={message.exposure} />
      </p>
      {isOwn && (
        <p class="quiet">
          {names.length === 0 ? said.message.seenByNobody : said.message.seenByNames(names)}
        </p>
      )}
      <div class="menu">
        {now.mayWrite && !now.isOver && (
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              onClose()
              onReply()
            }}
          >
            <Icon name="reply" />
            {said.message.reply}
          </button>
        )}
        {message.text !== "" && (
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              copy(app, message.text ?? "")
              onClose()
            }}
          >
            <Icon name="card" />
            {said.message.copyText}
          </button>
        )}
        {isOwn && !now.isOver && (
          <button type="button" class="menu-item grave" onClick={() => setRetracting(true)}>
            <Icon name="close" />
            {said.message.retract}
          </button>
        )}
      </div>
    </Sheet>
  )
}
