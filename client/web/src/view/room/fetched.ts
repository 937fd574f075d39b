/** Files of messages that were asked for: how far each is, and what is shown of it, until the room is left. */

import { signal } from "@preact/signals"

export interface FileState {
  readonly stage: "coming" | "shown" | "failed"
  /** From 0 to 1. */
  readonly done: number
  /** Of a picture that is shown: an address of this page alone. */
  readonly url: string
  readonly code: string
}

/** By message and place in it. */
export const fetched = signal<ReadonlyMap<string, FileState>>(new Map())

export const keyOf = (message: string, at: number): string => `${message}/${at}`

export function put(key: string, state: FileState | undefined): void {
  const before = fetched.peek()
  const next = new Map(before)
  const url = before.get(key)?.url ?? ""
  if (url !== "" && url !== state?.url) URL.revokeObjectURL(url)
  if (state === undefined) next.delete(key)
  else next.set(key, state)
  fetched.value = next
}

/** Nothing of a message is shown any more, or of any: a picture's bytes leave the page's memory. */
export function release(message = ""): void {
  for (const key of fetched.peek().keys()) if (key.startsWith(message)) put(key, undefined)
}
