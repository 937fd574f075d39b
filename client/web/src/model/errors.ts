/** Errors of the client: a stable code for the view's catalogues, and in English what to do, for developers. */

import { type Code, SENTENCES } from "../protocol/refusals.ts"

/** What a person is told. */
export class ClientError extends Error {
  readonly code: string

  constructor(code: string, sentence: string = sentenceOf(code)) {
    super(`${code}: ${sentence}`)
    this.name = new.target.name
    this.code = code
  }
}

/** The server does not answer; what waits goes by itself when it does. */
export class ServerUnreachable extends ClientError {
  constructor() {
    super("server-unreachable", "The server does not answer. What waits is sent when it does.")
  }
}

/** The server refuses, with a code of PROTOCOL.md section 14. */
export class ServerRefused extends ClientError {}

/** The room's state does not allow what was asked. */
export class NotAllowed extends ClientError {}

/** Something is wrong that nobody may paper over: this room stops here. */
export class Stopped extends ClientError {}

/** Our own sentence for a code that we know: what a server writes is not shown as ours. */
export const sentenceOf = (code: string, sentence = ""): string =>
  Object.hasOwn(SENTENCES, code) ? SENTENCES[code as Code] : sentence
