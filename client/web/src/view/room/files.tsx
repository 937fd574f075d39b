/** Files: those that were chosen, those on their way, and those of messages, of which nothing is fetched unasked. */

import type { FileLine, OutboxLine } from "../../model/contract.ts"
import { type App, useApp } from "../app/app.ts"
import { reasonOf, sentenceOf } from "../app/reason.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { type FileState, fetched, keyOf, put } from "./fetched.ts"
import type { Message } from "./history.ts"

/** What a browser shows as a picture, and the engine knows by its bytes. */
const PICTURE = /^image\/(?:jpeg|png|webp|gif)$/
/** Some browsers look at the address a moment after the click. */
const SAVED_MS = 20_000

const isPicture = ({ type }: { readonly type: string }): boolean => type.startsWith("image/")

function About({ file }: { readonly file: FileLine }) {
  const { files, say } = words.value
  return (
    <p class="file-about">
      <bdi dir="auto">{file.name}</bdi>
      <span class="quiet">
        {isPicture(file) ? files.picture : files.document} · <bdi>{say.size(file.size)}</bdi>
      </span>
    </p>
  )
}

// ---- in the composer

interface ChosenProps {
  readonly files: readonly File[]
  readonly isPreparing: boolean
  readonly onRemove: (at: number) => void
}

export function ChosenFiles({ files, isPreparing, onRemove }: ChosenProps) {
  const said = words.value.files
  const arePictures = files.some(isPicture)
  const areOthers = !files.every(isPicture)
  return (
    <section class="chosen" aria-label={said.chosen}>
      <ul>
        {files.map((file, at) => (
          <li key={`${file.name}/${file.size}/${file.lastModified}`} class="file">
            <About file={file} />
            <button
              type="button"
              class="plain"
              aria-label={said.remove(file.name)}
              disabled={isPreparing}
              onClick={() => onRemove(at)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet" role="status">
        {isPreparing
          ? said.preparing
          : `${arePictures ? said.pictures : ""} ${areOthers ? said.documents : ""}`.trim()}
      </p>
    </section>
  )
}

// ---- on their way

interface UploadingProps {
  readonly line: OutboxLine
  readonly onAgain: () => void
  readonly onCancel: () => void
}

export function UploadingFiles({ line, onAgain, onCancel }: UploadingProps) {
  const { files, say } = words.value
  const { attachments, hasFailed, uploaded } = line
  return (
    <div class="files">
      {attachments.map((file) => (
        <div key={file.name} class="file">
          <About file={file} />
        </div>
      ))}
      {uploaded !== undefined && (
        <>
          <p class="quiet">{hasFailed ? files.notUploaded : files.uploading(say.percent(uploaded))}</p>
          {!hasFailed && <progress aria-label={files.uploading("")} value={uploaded} />}
          <div class="row">
            {hasFailed && (
              <button type="button" class="button small" onClick={onAgain}>
                {files.again}
              </button>
            )}
            {!hasFailed && (
              <button type="button" class="button small" onClick={onCancel}>
                {files.cancel}
              </button>
            )}
          </div>
        </>
      )}
    </div>
  )
}

// ---- of messages

interface TilesProps {
  readonly room: string
  readonly message: Message
}

export function FileTiles({ room, message }: TilesProps) {
  return (
    <div class="files">
      {message.attachments?.map((file, at) => (
        <Tile key={file.blob} room={room} message={message.id} file={file} at={at} />
      ))}
    </div>
  )
}

interface TileProps {
  readonly room: string
  readonly message: string
  readonly file: FileLine
  readonly at: number
}

function Tile({ room, message, file, at }: TileProps) {
  const app = useApp()
  const { files, say } = words.value
  const key = keyOf(message, at)
  const state = fetched.value.get(key)
  const isComing = state?.stage === "coming"
  const isShown = state?.stage === "shown"
  const get = (use: (content: Content) => void): void => void take(app, { room, message, file, at }, use)
  return (
    <div class="file tile">
      <About file={file} />
      {isShown && <img class="picture" src={state.url} alt={files.alt(file.name)} />}
      <p class="quiet" role="status">
        {isComing && files.fetching(say.percent(state.done))}
        {state?.stage === "failed" &&
          (state.code === "" ? files.noPicture : sentenceOf({ code: state.code }, words.value))}
      </p>
      {isComing && <progress aria-label={files.fetching("")} value={state.done} />}
      <div class="row">
        {PICTURE.test(file.type) && (
          <button
            type="button"
            class="button small"
            aria-disabled={isComing}
            onClick={() => (isShown ? put(key, undefined) : get((content) => show(key, content)))}
          >
            {isShown ? files.hide : files.show}
          </button>
        )}
        <button
          type="button"
          class="button small"
          aria-disabled={isComing}
          onClick={() => get(({ bytes }) => save(bytes, file.name))}
        >
          {files.save}
        </button>
      </div>
    </div>
  )
}

interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly picture: string | undefined
}

const NOTHING_YET: FileState = { stage: "coming", done: 0, url: "", code: "" }

/** Fetches, and tells how far it is; what the person left meanwhile is not used. */
async function take(app: App, tile: TileProps, use: (content: Content) => void): Promise<void> {
  const key = keyOf(tile.message, tile.at)
  const before = fetched.peek().get(key)
  if (before?.stage === "coming") return
  put(key, before?.stage === "shown" ? { ...before, stage: "coming" } : NOTHING_YET)
  const hear: Parameters<App["hearers"]["add"]>[0] = (news) => {
    const now = fetched.peek().get(key)
    if (news.news === "progress" && keyOf(news.message, news.at) === key && now !== undefined)
      put(key, { ...now, done: news.done })
  }
  app.hearers.add(hear)
  try {
    const { content, picture } = await app.engine.fetchAttachment(tile.room, tile.message, tile.at)
    if (!fetched.peek().has(key)) return
    put(key, before)
    use({ bytes: content, picture })
  } catch (error) {
    if (fetched.peek().has(key)) put(key, { ...NOTHING_YET, stage: "failed", code: reasonOf(error).code })
  } finally {
    app.hearers.delete(hear)
  }
}

function show(key: string, { bytes, picture }: Content): void {
  if (picture === undefined) put(key, { ...NOTHING_YET, stage: "failed" })
  else
    put(key, {
      ...NOTHING_YET,
      stage: "shown",
      url: URL.createObjectURL(new Blob([bytes], { type: picture })),
    })
}

/** As bytes of no kind: the browser saves them, and opens nothing. */
function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS)
}
