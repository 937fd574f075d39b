/** What MLS refuses. Nobody's text is shown to people: commits that are refused are skipped, messages ignored. */

import { CryptoError, MlsError as TsMlsError } from "ts-mls/mlsError.js"
import { b64u } from "../base/bytes.ts"
import { sha256 } from "../base/hash.ts"

export type MlsCode =
  /** It is no MLS message, or not of the kind, the group or the epoch that was asked for. */
  | "mls-malformed"
  /** It is one, and breaks a rule of RFC 9420 or of this room's use of it. */
  | "mls-refused"
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

export const refuse = (reason: string): never => {
  throw new MlsError("mls-refused", reason)
}

/** What WebCrypto throws for keys and ciphertexts that are none, and for some failures of its own. */
const OF_WEBCRYPTO = /^(Operation|Data|InvalidAccess)Error$/
/** At which inputs memory or stack ended, by their hashes. */
const exhausting = new Set<string>()
const MOST_EXHAUSTING = 1000

/**
 * Runs a step over what somebody else made (`data`), and throws MlsError for what that is, but never for a failure of the
 * device: who refuses what all others take is lost to the room. Such a failure is thrown as it is, and the step tried
 * again by those who called.
 *
 * WebCrypto has one name for a wrong tag and for failing: such a step runs twice at once. Where memory or stack ends, the
 * device is given time; what ends them once more is refused, so that it cannot hold up a room for ever.
 */
export async function guarded<T>(step: () => Promise<T>, data: Uint8Array = new Uint8Array()): Promise<T> {
  try {
    return await step().catch((error: unknown) => (isOfCryptography(error) ? step() : Promise.reject(error)))
  } catch (error) {
    if (error instanceof MlsError || !(isRefusal(error) || isExhaustedAgain(error, data))) throw error
    throw new MlsError("mls-refused", String(error), error)
  }
}

/** TypeErrors and SyntaxErrors are what ts-mls throws at bytes that it did not expect. */
const isRefusal = (error: unknown): boolean =>
  error instanceof TsMlsError ||
  error instanceof TypeError ||
  error instanceof SyntaxError ||
  isOfCryptography(error)

const isOfCryptography = (error: unknown): boolean =>
  error instanceof CryptoError || (error instanceof DOMException && OF_WEBCRYPTO.test(error.name))

/** Memory or stack ended: RangeErrors, and in Firefox for the stack an InternalError. */
export const isExhaustion = (error: unknown): boolean =>
  error instanceof RangeError ||
  (error instanceof Error && error.name === "InternalError" && !(error instanceof TsMlsError))

/** What says nothing of what a step was over: it may come to its end when it is tried again. */
export const isDeviceFailure = (error: unknown): boolean =>
  error instanceof DOMException || isExhaustion(error)

function isExhaustedAgain(error: unknown, data: Uint8Array): boolean {
  if (!isExhaustion(error)) return false
  const name = b64u(sha256(data))
  if (exhausting.has(name)) return data.length > 0
  if (exhausting.size === MOST_EXHAUSTING) exhausting.clear()
  exhausting.add(name)
  return false
}
