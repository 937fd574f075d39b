/** Calls from the page to its worker and back: one message each way, errors with their codes. */

// biome-ignore lint/suspicious/noExplicitAny: any arguments and results that can be copied between threads
export type Calls = Readonly<Record<string, (...words: any[]) => Promise<unknown>>>

/** What a port needs of a Worker or of a worker's own side. */
export interface Port {
  postMessage(message: unknown): void
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void
}

interface Call {
  readonly id: number
  readonly name: string
  readonly words: readonly unknown[]
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly code: string; readonly sentence: string }

/** What went wrong on the other side of a channel. */
export class CallError extends Error {
  readonly code: string

  constructor(code: string, sentence: string) {
    super(sentence)
    this.name = "CallError"
    this.code = code
  }
}

/** Answers calls that come through a port. */
export function answerCalls(port: Port, calls: object): void {
  port.addEventListener("message", async ({ data }: MessageEvent<Call>) => {
    port.postMessage(await answer(calls, data))
  })
}

async function answer(calls: object, { id, name, words }: Call): Promise<Answer> {
  try {
    const call = Object.hasOwn(calls, name) ? (calls as Calls)[name] : undefined
    if (call === undefined) throw new CallError("internal", `there is no call ${name}`)
    return { id, result: await call(...words) }
  } catch (error) {
    return { id, code: codeOf(error), sentence: error instanceof Error ? error.message : "" }
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "internal"

/** The other side's calls, as functions. */
export function callsThrough<C>(port: Port, names: readonly (keyof C & string)[]): C {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let id = 0
  port.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
    const call = waiting.get(data.id)
    waiting.delete(data.id)
    if ("code" in data) call?.reject(new CallError(data.code, data.sentence))
    else call?.resolve(data.result)
  })
  const made = names.map((name) => [
    name,
    (...words: unknown[]) => {
      id += 1
      const call = Promise.withResolvers<unknown>()
      waiting.set(id, call)
      port.postMessage({ id, name, words })
      return call.promise
    },
  ])
  return Object.fromEntries(made)
}

/** What the other side tells by itself: objects with a member `news`, beside the answers to calls. */
export function hearNews<N extends { readonly news: string }>(port: Port, hear: (news: N) => void): void {
  port.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "object" && data !== null && "news" in data) hear(data as N)
  })
}
