/** A row of the conversation: a message, or what happened. */

import type { ComponentChildren } from "preact"
import type { Entry, RoomNow } from "../../model/contract.ts"
import type { Exposure } from "../../protocol/room/timeline.ts"
import { Icon, type IconName } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { daysBetween } from "../words/say.ts"
import { isWarning, sentenceOfAct } from "./acts.ts"
import { FileTiles, UploadingFiles } from "./files.tsx"
import { type History, type Message, textOf } from "./history.ts"
import { Badge, described, nameOf, partyOf } from "./people.tsx"

/** Messages of one person within so long stand under one name. */
const TOGETHER_S = 300

export const QUOTABLE_ICONS: Readonly<Record<Exposure["quotable"], IconName>> = {
  no: "noQuote",
  anonymous: "quote",
  named: "named",
}

export interface RowProps {
  readonly entry: Entry
  readonly before: Entry | undefined
  readonly now: RoomNow
  readonly history: History
  /** The first entry that is new to this person. */
  readonly isUnreadMark: boolean
  readonly onMore: (message: Message) => void
  readonly onReply: (message: Message) => void
  readonly onJump: (message: string) => void
}

export function Row(props: RowProps) {
  const { entry, before, isUnreadMark } = props
  const isNewDay = before === undefined || daysBetween(before.time, entry.time) !== 0
  return (
    <>
      {isNewDay && <Day timeS={entry.time} />}
      {isUnreadMark && (
        <p class="unread-mark">
          <span>{words.value.room.unreadMark}</span>
        </p>
      )}
      {entry.kind === "message" ? (
        <MessageRow {...props} message={entry} isNewDay={isNewDay} />
      ) : (
        <p class={isWarning(entry) ? "act warning" : "act"}>
          {sentenceOfAct(entry, props.now, props.history, words.value)}
        </p>
      )}
    </>
  )
}

function Day({ timeS }: { readonly timeS: number }) {
  const { say } = words.value
  return (
    <p class="day">
      <time dateTime={new Date(timeS * 1000).toISOString().slice(0, 10)}>
        <bdi>{say.day(timeS, Date.now() / 1000)}</bdi>
      </time>
    </p>
  )
}

function MessageRow(props: RowProps & { readonly message: Message; readonly isNewDay: boolean }) {
  const { message, before, now, history, isNewDay, isUnreadMark } = props
  const isOwn = message.seat === now.seat
  const isFollowing =
    before?.kind === "message" &&
    before.seat === message.seat &&
    message.time - before.time < TOGETHER_S &&
    !isNewDay &&
    !isUnreadMark
  const { say } = words.value
  return (
    <article
      class={`message${isOwn ? " own" : ""}${isFollowing ? " following" : ""}`}
      tabIndex={-1}
      data-focus
      aria-label={words.value.message.by(message.name, say.moment(message.time))}
    >
      {!isOwn && !isFollowing && <Badge party={partyOf(now, message.party)} name={message.name} />}
      <div class="bubble">
        {!isFollowing && !isOwn && <Author message={message} now={now} />}
        {message.replyTo !== undefined && (
          <Quote id={message.replyTo} now={now} history={history} onJump={props.onJump} />
        )}
        <Said message={message} room={now.id} />
        <p class="message-foot">
          {message.text !== undefined && <ExposureChip exposure={message.exposure} />}
          <span class="when">
            <time dateTime={new Date(message.time * 1000).toISOString()}>
              <bdi>{say.clock(message.time)}</bdi>
            </time>
            {isOwn && message.text !== undefined && <> · {stateOf(message, now)}</>}
          </span>
        </p>
      </div>
      {message.text !== undefined && (
        <div class="message-actions">
          {now.mayWrite && (
            <button
              type="button"
              class="plain reply"
              aria-label={`${words.value.message.reply}: ${message.name}`}
              onClick={() => props.onReply(message)}
            >
              <Icon name="reply" />
            </button>
          )}
          <button
            type="button"
            class="plain"
            aria-label={words.value.message.actions(message.name)}
            aria-haspopup="dialog"
            onClick={() => props.onMore(message)}
          >
            <Icon name="more" />
          </button>
        </div>
      )}
    </article>
  )
}

/** The words and the files of a message, or what became of them. */
function Said({ message, room }: { readonly message: Message; readonly room: string }) {
  if (message.text === undefined)
    return (
      <p class="tombstone">{words.value.message[message.gone === "expired" ? "expired" : "retracted"]}</p>
    )
  return (
    <>
      {message.text !== "" && (
        <p class="text" dir="auto">
          {message.text}
        </p>
      )}
      {(message.attachments?.length ?? 0) > 0 && <FileTiles room={room} message={message} />}
    </>
  )
}

function Author({ message, now }: { readonly message: Message; readonly now: RoomNow }) {
  const party = partyOf(now, message.party)
  return (
    <p class={party === undefined ? "author" : `author tone-${party.tone}`}>
      <bdi>{message.name}</bdi>
      <span class="author-role">{described(now, message.role, message.party)}</span>
    </p>
  )
}

interface QuoteProps {
  readonly id: string
  readonly now: RoomNow
  readonly history: History
  readonly onJump: (message: string) => void
}

function Quote({ id, now, history, onJump }: QuoteProps) {
  const answered = history.messageOf(id)
  const said = words.value.message
  if (answered === undefined) return <p class="quote">{said.repliesToGone}</p>
  return (
    <button type="button" class="quote" onClick={() => onJump(id)}>
      <span class="quote-name">{said.repliesTo(nameOf(now, history, answered.seat))}</span>
      <span class="quote-text" dir="auto">
        {textOf(answered) ?? (answered.gone === "expired" ? said.expired : said.retracted)}
      </span>
    </button>
  )
}

/** On each message what became of it: it cannot be missed, and is no more than a line. */
export function ExposureChip({ exposure }: { readonly exposure: Exposure }) {
  const said = words.value
  return (
    <span class={`chip ${exposure.quotable}`}>
      <Icon name={QUOTABLE_ICONS[exposure.quotable]} />
      {said.exposure[exposure.quotable]}
      {exposure.until !== 0 && ` · ${said.exposure.until(said.say.moment(exposure.until))}`}
    </span>
  )
}

/** sent, or seen by how many of the others. */
export function stateOf(message: Message, now: RoomNow): string {
  const count = seenBy(message, now).length
  return count === 0 ? words.value.message.sent : words.value.message.seenBy(count)
}

/** The names of the others who said that they have seen it. */
export const seenBy = (message: Message, now: RoomNow): readonly string[] =>
  now.members.filter((one) => one.seat !== message.seat && one.seen >= message.seq).map((one) => one.name)

interface WaitingProps {
  readonly now: RoomNow
  readonly why: (line: RoomNow["outbox"][number]) => string
  readonly onDismiss: (place: number) => void
  readonly onTakeBack: (line: RoomNow["outbox"][number]) => void
  readonly onAgain: (place: number) => void
}

/** What this device has still to send, or will not send: nothing that was written is lost. */
export function Waiting({ now, why, onAgain, onDismiss, onTakeBack }: WaitingProps): ComponentChildren {
  const said = words.value
  return now.outbox
    .filter((line) => line.type === "message" || line.hasFailed)
    .map((line) => (
      <article key={line.place} class={line.hasFailed ? "message own failed" : "message own pending"}>
        <div class="bubble">
          {(line.text ?? "") !== "" && (
            <p class="text" dir="auto">
              {line.text}
            </p>
          )}
          {line.attachments.length > 0 && (
            <UploadingFiles
              line={line}
              onAgain={() => onAgain(line.place)}
              onCancel={() => onTakeBack(line)}
            />
          )}
          <p class="message-foot">
            {line.exposure !== undefined && <ExposureChip exposure={line.exposure} />}
            <span class="when">
              <Icon name={line.hasFailed ? "alarm" : "clock"} />
              {line.hasFailed ? said.message.notSent : said.message.waiting}. {why(line)}
            </span>
          </p>
          {line.hasFailed && (
            <div class="row">
              {(line.text ?? "") !== "" && (
                <button type="button" class="button small" onClick={() => onTakeBack(line)}>
                  {said.message.takeBack}
                </button>
              )}
              <button type="button" class="button small" onClick={() => onDismiss(line.place)}>
                {said.message.dismiss}
              </button>
            </div>
          )}
        </div>
      </article>
    ))
}
