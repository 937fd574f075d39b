/** What MLS refuses. Nobody's text is shown to people: commits that are refused are skipped, messages ignored. */

export type MlsCode =
  /** It is no MLS message, or not of the kind, the group or the epoch that was asked for. */
  | "mls-malformed"
  /** It is one, and breaks a rule of RFC 9420 or of this room's use of it. */
  | "mls-refused"
  /** A commit changed the tree in a way that this member cannot follow. It may have been removed. */
  | "mls-left-behind"
  /** What was stored cannot be read. */
  | "mls-damaged"

export class MlsError extends Error {
  readonly code: MlsCode

  constructor(code: MlsCode, reason: string, cause?: unknown) {
    super(`${code}: ${reason}`, { cause })
    this.name = "MlsError"
    this.code = code
  }
}

/** Runs a step of ts-mls, whatever it throws becoming an MlsError. */
export async function guarded<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof MlsError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MlsError(reason.startsWith(NO_OVERLAP) ? "mls-left-behind" : "mls-refused", reason, error)
  }
}

// what ts-mls says where a commit gives this member's leaf to a newcomer, among others; it has no code for it
const NO_OVERLAP = "No overlap between provided private keys"
