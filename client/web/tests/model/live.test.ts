import { describe, expect, it } from "vitest"
import { restUntil } from "../../src/model/live.ts"

describe("how long a room that has nothing to send rests", () => {
  it("is until the first deadline or wish", () => {
    expect(restUntil(100, [400, 300], [200])).toBe(200)
    expect(restUntil(100, [150, undefined], [200])).toBe(150)
  })

  it("does not look again for what the last look could not do", () => {
    expect(restUntil(100, [400], [100, 0, 250])).toBe(250)
  })

  it("passes no deadline, not one that came with the look itself", () => {
    expect(restUntil(100, [400, 100], [200])).toBe(100)
    expect(restUntil(100, [400, 99], [200])).toBe(99)
  })
})
