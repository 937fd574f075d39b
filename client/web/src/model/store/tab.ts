/** One active tab: a second one would send with the same keys (one active client a seat, PROTOCOL.md, section 4). */

/** Of navigator.locks, what is used here. */
export type Locks = Pick<LockManager, "request">

/** Ends the hold. */
export type Release = () => void

/** Holds `name` for this tab alone, or gives undefined where another tab does. A tab that dies lets go by itself. */
export function holdAlone(name: string, locks: Locks): Promise<Release | undefined> {
  return hold(name, locks, { ifAvailable: true })
}

/** Waits until no other tab holds `name`, then holds it. Throws where `signal` ends the wait. */
export async function holdNext(name: string, locks: Locks, signal: AbortSignal): Promise<Release> {
  const release = await hold(name, locks, { signal })
  if (release === undefined) throw new Error("a lock that is waited for was not given")
  return release
}

function hold(name: string, locks: Locks, options: LockOptions): Promise<Release | undefined> {
  const given = Promise.withResolvers<Release | undefined>()
  const released = Promise.withResolvers<void>()
  locks
    .request(name, options, (lock) => {
      if (lock === null) return given.resolve(undefined)
      given.resolve(released.resolve)
      return released.promise
    })
    .catch(given.reject)
  return given.promise
}
