/** Time: the clock is an argument, and waiting can be ended. */

/** Seconds since 1970. */
export type Clock = () => number

/** Waits so long; throws the signal's reason as soon as it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, reject, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const end = () => reject(signal.reason)
  signal.addEventListener("abort", end)
  if (signal.aborted) end()
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener("abort", end)
  })
}
