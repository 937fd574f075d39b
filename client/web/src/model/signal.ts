/** Something happened: set by one, waited for by another. */
export class Signal {
  #isSet = false
  #waiting: PromiseWithResolvers<void> | undefined

  set(): void {
    this.#isSet = true
    this.#waiting?.resolve()
  }

  clear(): void {
    this.#isSet = false
  }

  /** Until it is set, or so many milliseconds are over; then it is not set any more. */
  async wait(ms: number): Promise<void> {
    if (!this.#isSet) {
      this.#waiting = Promise.withResolvers()
      const timer = setTimeout(this.#waiting.resolve, ms)
      await this.#waiting.promise
      clearTimeout(timer)
      this.#waiting = undefined
    }
    this.#isSet = false
  }
}
