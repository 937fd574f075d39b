/** Errors of the protocol: whose fault it is, a stable code, a sentence. Nothing else comes out of outside bytes. */

import { type Code, SENTENCES } from "./refusals.ts"

class ProtocolError extends Error {
  readonly code: Code
  readonly sentence: string

  constructor(code: Code, sentence: string = SENTENCES[code]) {
    super(`${code}: ${sentence}`)
    this.name = new.target.name
    this.code = code
    this.sentence = sentence
  }
}

/** This side broke the protocol; nothing was sent and nothing changed. */
export class LocalProtocolError extends ProtocolError {}

/** The other side broke the protocol; nothing changed. */
export class RemoteProtocolError extends ProtocolError {}
