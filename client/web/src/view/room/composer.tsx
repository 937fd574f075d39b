/** Where one writes. What is written is kept while one writes, and leaves the field only when it is safe. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { Draft, RoomNow } from "../../model/contract.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { charsOver, isReady, MOST_FILE_BYTES, MOST_FILES } from "./drafting.ts"
import { ExposureLine } from "./exposure.tsx"
import { ChosenFiles } from "./files.tsx"
import type { History } from "./history.ts"
import { nameOf } from "./people.tsx"

interface ComposerProps {
  readonly now: RoomNow
  readonly history: History
  readonly draft: Draft
  readonly mayWrite: boolean
  readonly onChange: (part: Partial<Draft>) => void
  readonly onSend: () => void
  readonly files: readonly File[]
  readonly isPreparing: boolean
  readonly onChoose: (files: readonly File[]) => void
}

export function Composer(props: ComposerProps) {
  const { now, history, draft, files, isPreparing, mayWrite, onChange, onChoose, onSend } = props
  const field = useRef<HTMLTextAreaElement>(null)
  const { composer } = words.value
  useLayoutEffect(() => {
    if (field.current !== null) grow(field.current)
  }, [draft.text])
  useEffect(() => {
    if (draft.replyTo !== undefined) field.current?.focus()
  }, [draft.replyTo])
  const over = charsOver(draft.text.trim())
  const add = (more: readonly File[]): void => onChoose([...files, ...more])
  useGivenFiles(mayWrite && !isPreparing ? add : () => undefined)
  const canSend = mayWrite && !isPreparing && !areTooMany(files) && isReady(draft, files.length)
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
      <Chosen
        {...props}
        onChoose={(next) => {
          onChoose(next)
          field.current?.focus()
        }}
      />
      <div class="composer-line">
        <AttachButton isOff={!mayWrite || isPreparing} onChoose={add} />
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

/** More than go with one message, or one that is larger than the server takes. */
const areTooMany = (files: readonly File[]): boolean =>
  files.length > MOST_FILES || files.some(({ size }) => size > MOST_FILE_BYTES)

/** What goes with the message, and what is wrong with it. */
function Chosen({ files, isPreparing, onChoose }: ComposerProps) {
  return (
    <>
      {files.length > 0 && (
        <ChosenFiles
          files={files}
          isPreparing={isPreparing}
          onRemove={(at) => onChoose(files.filter((_, one) => one !== at))}
        />
      )}
      {areTooMany(files) && (
        <p class="fault" role="alert">
          {words.value.reasons["attachment-size"]}
        </p>
      )}
    </>
  )
}

const GIVEN = ["dragover", "drop", "paste"] as const

/** Files that are pasted, or dropped anywhere: a browser would leave the page for them. */
function useGivenFiles(give: (files: readonly File[]) => void): void {
  const latest = useRef(give)
  latest.current = give
  useEffect(() => {
    const take = (event: DragEvent | ClipboardEvent): void => {
      const data = "clipboardData" in event ? event.clipboardData : event.dataTransfer
      if (event.type !== "dragover" && !data?.files.length) return // words
      event.preventDefault()
      if (event.type !== "dragover") latest.current([...(data?.files ?? [])])
    }
    for (const kind of GIVEN) addEventListener(kind, take)
    return () => {
      for (const kind of GIVEN) removeEventListener(kind, take)
    }
  }, [])
}

interface AttachProps {
  readonly isOff: boolean
  readonly onChoose: (files: readonly File[]) => void
}

function AttachButton({ isOff, onChoose }: AttachProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          onChoose([...(currentTarget.files ?? [])])
          currentTarget.value = "" // the same file may be chosen again
        }}
      />
      <button
        type="button"
        class="plain"
        aria-label={words.value.files.attach}
        disabled={isOff}
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
    </>
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
