import { describe, expect, test } from "vitest"
import { utf8 } from "../../src/base/bytes.ts"
import { generateKey, publicKey, signBytes, verifyExactly, verifyQuickly } from "../../src/base/ed25519.ts"

const content = utf8("what was said")

describe.each([
  ["quickly", verifyQuickly],
  ["exactly", async (...words: Parameters<typeof verifyExactly>) => verifyExactly(...words)],
])("a signature that is verified %s", (_, verify) => {
  test("is its key's, and of its content", async () => {
    const one = generateKey()
    const signature = await signBytes(one, content)
    expect(await verify(publicKey(one), content, signature)).toBe(true)
    expect(await verify(publicKey(one), utf8("what was not"), signature)).toBe(false)
    expect(await verify(publicKey(generateKey()), content, signature)).toBe(false)
    expect(await verify(publicKey(one).slice(1), content, signature)).toBe(false)
  })

  test("is judged by the key's bytes, not by where they stand", async () => {
    const [one, other] = [generateKey(), generateKey()]
    const place = publicKey(one)
    const signature = await signBytes(one, content)
    expect(await verify(place, content, signature)).toBe(true)
    place.set(publicKey(other))
    expect(await verify(place, content, signature)).toBe(false)
    expect(await verify(place, content, await signBytes(other, content))).toBe(true)
  })
})

test("more keys than are remembered are each verified as they are", async () => {
  const made = await Promise.all(
    Array.from({ length: 600 }, async () => {
      const key = generateKey()
      return { key: publicKey(key), signature: await signBytes(key, content) }
    }),
  )
  for (const { key, signature } of [...made, ...made.slice(0, 20)])
    expect(await verifyQuickly(key, content, signature)).toBe(true)
  const [first, second] = made
  expect(await verifyQuickly(first?.key ?? content, content, second?.signature ?? content)).toBe(false)
})
