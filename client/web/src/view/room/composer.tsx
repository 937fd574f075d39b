/** Where one writes. What is written is kept while one writes, and leaves the field only when it is safe. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { Draft, RoomNow } from "../../model/contract.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { charsOver, isReady } from "./drafting.ts"
import { ExposureLine } from "./exposure.tsx"
import type { History } from "./history.ts"
import { nameOf } from "./people.tsx"

interface ComposerProps {
  readonly now: RoomNow
  readonly history: History
  readonly draft: Draft
  readonly mayWrite: boolean
  readonly onChange: (part: Partial<Draft>) => void
  readonly onSend: () => void
}

export function Composer({ now, history, draft, mayWrite, onChange, onSend }: ComposerProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  const { composer } = words.value
  useLayoutEffect(() => {
    if (field.current !== null) grow(field.current)
  }, [draft.text])
  useEffect(() => {
    if (draft.replyTo !== undefined) field.current?.focus()
  }, [draft.replyTo])
  const over = charsOver(draft.text.trim())
  const canSend = mayWrite && isReady(draft)
  const send = (): void => {
    if (!canSend) return
    onSend()
    field.current?.focus()
  }
  if (!mayWrite && draft.text === "")
    return <p class="composer-closed">{now.role === "observer" ? composer.mayNotWrite : composer.notHere}</p>
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <ExposureLine now={now} draft={draft} onChange={onChange} />
      {draft.replyTo !== undefined && (
        <Replying
          id={draft.replyTo}
          now={now}
          history={history}
          onStop={() => onChange({ replyTo: undefined })}
        />
      )}
      {over > 0 && (
        <p class="fault" role="alert">
          {composer.tooLong(over)}
        </p>
      )}
      <div class="composer-line">
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          aria-label={composer.label}
          placeholder={composer.placeholder}
          value={draft.text}
          readOnly={!mayWrite}
          enterkeyhint={hasKeyboard() ? "send" : "enter"}
          onInput={({ currentTarget }) => onChange({ text: currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape" && draft.replyTo !== undefined) onChange({ replyTo: undefined })
            if (event.key !== "Enter" || event.shiftKey || event.isComposing || !hasKeyboard()) return
            event.preventDefault()
            send()
          }}
        />
        <button type="submit" class="plain send" aria-label={composer.send} disabled={!canSend}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}

/** Enter sends where there is a keyboard of its own; on a phone it makes a new line. */
const hasKeyboard = (): boolean => matchMedia("(hover: hover) and (pointer: fine)").matches

/** As high as its text, up to what the style allows. */
function grow(field: HTMLTextAreaElement): void {
  field.style.blockSize = "auto"
  field.style.blockSize = `${field.scrollHeight + 2}px`
}

interface ReplyingProps {
  readonly id: string
  readonly now: RoomNow
  readonly history: History
  readonly onStop: () => void
}

function Replying({ id, now, history, onStop }: ReplyingProps) {
  const answered = history.messageOf(id)
  const { composer, message } = words.value
  return (
    <div class="replying">
      <p class="quote">
        <span class="quote-name">
          {answered === undefined
            ? message.repliesToGone
            : composer.replyingTo(nameOf(now, history, answered.seat))}
        </span>
        <span class="quote-text" dir="auto">
          {answered?.text ?? ""}
        </span>
      </p>
      <button type="button" class="plain" aria-label={composer.stopReply} onClick={onStop}>
        <Icon name="close" />
      </button>
    </div>
  )
}
