import { expect, test } from "vitest"
import { holdAlone, holdNext } from "../../src/model/store/tab.ts"

const { locks } = navigator

test("one tab holds, the second is told, and comes next", async () => {
  const first = await holdAlone("profile", locks)
  expect(first).toBeDefined()
  expect(await holdAlone("profile", locks)).toBeUndefined()
  expect(await holdAlone("another", locks)).toBeDefined()
  const next = holdNext("profile", locks, new AbortController().signal)
  first?.()
  const release = await next
  expect(await holdAlone("profile", locks)).toBeUndefined()
  release()
})

test("waiting can be given up", async () => {
  const release = await holdAlone("given up", locks)
  const wait = new AbortController()
  const next = holdNext("given up", locks, wait.signal)
  wait.abort()
  await expect(next).rejects.toThrow()
  release?.()
})
