/** Errors of the protocol: whose fault it is, a stable code, what exactly. Nothing else comes out of outside bytes. */

import type { Code } from "./refusals.ts"

class ProtocolError extends Error {
  readonly code: Code

  constructor(code: Code, sentence = "") {
    super(`${code}: ${sentence}`)
    this.name = new.target.name
    this.code = code
  }
}

/** This side broke the protocol; nothing was sent and nothing changed. */
export class LocalProtocolError extends ProtocolError {}

/** The other side broke the protocol; nothing changed. */
export class RemoteProtocolError extends ProtocolError {}
