/** What goes wrong in the model: codes, which the catalogues translate. What a server writes is never shown. */

export class ClientError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.name = new.target.name
    this.code = code
  }
}

/** The server does not answer; what waits goes by itself when it does. */
export class ServerUnreachable extends ClientError {
  constructor() {
    super("server-unreachable")
  }
}

/** The server refuses, with a code of PROTOCOL.md section 14. */
export class ServerRefused extends ClientError {}

/** The room's state does not allow what was asked. */
export class NotAllowed extends ClientError {}

/** Something is wrong that nobody may paper over: this room stops here. */
export class Stopped extends ClientError {}
