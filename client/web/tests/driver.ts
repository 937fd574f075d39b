/**
 * A pool of members behind JSON lines, so that Python can run groups with them: one request a line on stdin, one answer a
 * line on stdout. Bytes are base64.
 */

import { createInterface } from "node:readline"
import { MlsError } from "../src/mls/errors.ts"
import {
  closedGroup,
  type Group,
  type KeyPackageBundle,
  type Member,
  type Mls,
  type OwnCommit,
  type Received,
} from "../src/mls/mls.ts"
import type { Suite } from "../src/mls/suites.ts"
import { makeMls } from "../src/mls/tsmls.ts"
import { parseCredential } from "../src/protocol/credential.ts"

interface Person {
  readonly suite: Suite
  readonly identity: Uint8Array
  readonly leafKey: Uint8Array
  bundle?: KeyPackageBundle
  group?: Group | undefined
  pending?: OwnCommit | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: what the test asks is the test's own affair
type Request = any

const people = new Map<string, Person>()

const mls: Mls = makeMls((identity) => {
  try {
    parseCredential(identity)
    return true
  } catch {
    return false
  }
})

const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, "base64"))
const toBase64 = (data: Uint8Array) => Buffer.from(data).toString("base64")

const nowS = () => Math.floor(Date.now() / 1000)

function personOf({ member }: Request): Person {
  const person = people.get(member)
  if (person === undefined) throw new RangeError(`no member ${member}`)
  return person
}

function groupOf(request: Request): readonly [Person, Group] {
  const person = personOf(request)
  if (person.group === undefined) throw new RangeError(`${request.member} is in no group`)
  return [person, person.group]
}

const shown = (one: Member) => ({
  leaf: one.leaf,
  identity: toBase64(one.identity),
  key: toBase64(one.signatureKey),
})

const OPERATIONS: Record<string, (request: Request) => Promise<unknown>> = {
  async new({ identity, leafKey, member, suite }) {
    people.set(member, { suite, identity: fromBase64(identity), leafKey: fromBase64(leafKey) })
  },

  async drop({ member }) {
    people.delete(member)
  },

  async keyPackage(request) {
    const person = personOf(request)
    person.bundle = await mls.makeKeyPackage({ ...person, nowS: nowS() })
    return { message: toBase64(person.bundle.message), reference: toBase64(person.bundle.reference) }
  },

  async create(request) {
    const person = personOf(request)
    person.group = await mls.create(fromBase64(request.groupId), { ...person, nowS: nowS() })
  },

  async join(request) {
    const person = personOf(request)
    if (person.bundle === undefined) throw new RangeError("no KeyPackage")
    person.group = await mls.join(person.bundle, fromBase64(request.welcome), fromBase64(request.tree))
  },

  async encrypt(request) {
    const [person, group] = groupOf(request)
    const sent = await mls.encrypt(group, fromBase64(request.data), request.paddedTo)
    person.group = sent.group
    return { message: toBase64(sent.message) }
  },

  async receive(request) {
    const [person, group] = groupOf(request)
    const received = await mls.receive(group, fromBase64(request.message), request.nowS ?? nowS())
    person.group = received.group
    return shownReceived(received)
  },

  /** The keys of a KeyPackage that was made elsewhere: a twin of one of Python's members. */
  async adopt(request) {
    const { initKey, encryptionKey, message, signatureKey } = request
    const person = personOf(request)
    person.bundle = {
      suite: person.suite,
      message: fromBase64(message),
      reference: new Uint8Array(),
      initKey: fromBase64(initKey),
      encryptionKey: fromBase64(encryptionKey),
      signatureKey: fromBase64(signatureKey),
    }
  },

  /** What it makes of each of the messages, without taking any. */
  async judge(request) {
    const [, group] = groupOf(request)
    return {
      verdicts: await judged(request.messages, async (message: string) => {
        const received = await mls.receive(group, fromBase64(message), request.nowS)
        const after = received.group && mls.open(closedGroup(received.group.stored()))
        return { ...shownReceived(received), authenticator: after && toBase64(after.authenticator) }
      }),
    }
  },

  /** What it makes of each of the Welcomes, as [message, tree], without going in. */
  async judgeWelcomes(request) {
    const { bundle } = personOf(request)
    if (bundle === undefined) throw new RangeError("no KeyPackage")
    return {
      verdicts: await judged(request.welcomes, async ([welcome, tree]: [string, string]) => {
        const joined = await mls.join(bundle, fromBase64(welcome), fromBase64(tree))
        const after = mls.open(closedGroup(joined.stored()))
        return { authenticator: toBase64(after.authenticator) }
      }),
    }
  },

  /** What it makes of each of the KeyPackages. */
  async judgePackages({ nowS, packages }) {
    return {
      verdicts: await judged(packages, async (one: string) => {
        const { identity, reference } = await mls.verifyKeyPackage(fromBase64(one), nowS)
        return { identity: toBase64(identity), reference: toBase64(reference) }
      }),
    }
  },

  async commit(request) {
    const [person, group] = groupOf(request)
    const pending = await mls.commit(group, {
      add: request.add.map(fromBase64),
      remove: request.remove,
      authenticatedData: fromBase64(request.data),
      paddedTo: 0,
    })
    person.group = pending.group
    person.pending = pending
    return {
      message: toBase64(pending.message),
      welcome: pending.welcome && toBase64(pending.welcome.message),
      tree: pending.welcome && toBase64(pending.welcome.tree),
      ...change(pending.change),
    }
  },

  async merge(request) {
    const person = personOf(request)
    person.group = person.pending?.next
    person.pending = undefined
  },

  async discard(request) {
    personOf(request).pending = undefined
  },

  async reload(request) {
    const [person, group] = groupOf(request)
    person.group = closedGroup(group.stored())
  },

  async summary(request) {
    const [, group] = groupOf(request)
    const secret = await mls.exportSecret(group, request.label, fromBase64(request.context), request.size)
    return {
      epoch: mls.open(group).epoch,
      authenticator: toBase64(mls.open(group).authenticator),
      secret: toBase64(secret),
      members: mls.members(group).map(shown),
    }
  },
}

const change = ({ added, authenticatedData, committer, removed, renewed }: OwnCommit["change"]) => ({
  committer,
  data: toBase64(authenticatedData),
  added: added.map((one) => ({ ...shown(one), reference: toBase64(one.keyPackage) })),
  removed: removed.map(shown),
  renewed: renewed.map(({ after, before }) => [shown(before), shown(after)]),
})

const shownReceived = (received: Received) =>
  received.kind === "application"
    ? { kind: received.kind, sender: received.sender, data: toBase64(received.data) }
    : { kind: received.kind, inside: received.group !== undefined, ...change(received.change) }

/** `refused`: why. `fault`: what was thrown that is no refusal. */
async function judged<T>(all: readonly T[], judge: (one: T) => Promise<object>): Promise<readonly object[]> {
  const verdicts: object[] = []
  for (const one of all)
    verdicts.push(
      await judge(one).catch((error: Error) => ({
        [error instanceof MlsError ? "refused" : "fault"]: `${error.name}: ${error.message}`,
      })),
    )
  return verdicts
}

async function answer(line: string): Promise<unknown> {
  const request: Request = JSON.parse(line)
  try {
    return { result: (await OPERATIONS[request.op]?.(request)) ?? {} }
  } catch (error) {
    return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
