/**
 * The profile: everything that this browser keeps of a person's rooms.
 *
 *     rooms     one for each room: what is needed before its records (seat keys, server)
 *     records   by name: MLS state, fold, chain, whatever the room keeps
 *     timeline  by seq: what is shown
 *     outbox    by place: what is to be sent, in order
 *     parts     by name: of attachments that are on their way to the server, read one by one
 */

import type { Bytes } from "../../base/bytes.ts"

/** What one transaction of a room changes. Nothing of it is seen before all of it is stored. */
export interface Write {
  readonly room?: Bytes
  /** Records, by name; undefined takes one away. */
  readonly records?: ReadonlyMap<string, Bytes | undefined>
  readonly timeline?: ReadonlyMap<number, Bytes>
  /** By place; undefined takes one away. */
  readonly outbox?: ReadonlyMap<number, Bytes | undefined>
  /** By name; undefined takes one away. */
  readonly parts?: ReadonlyMap<string, Bytes | undefined>
}

/** All that is kept of a room, but for parts. */
export interface Kept {
  readonly records: ReadonlyMap<string, Bytes>
  /** In order. */
  readonly timeline: ReadonlyMap<number, Bytes>
  /** In order. */
  readonly outbox: ReadonlyMap<number, Bytes>
}

export interface Profile {
  /** Whether it is still there when the person comes back. */
  readonly isLasting: boolean
  /** What stands for each room, by the room's id in base64url. */
  rooms(): Promise<ReadonlyMap<string, Bytes>>
  read(room: string): Promise<Kept>
  /** Undefined where there is none. */
  part(room: string, name: string): Promise<Bytes | undefined>
  parts(room: string): Promise<ReadonlyMap<string, Bytes>>
  /** One transaction; when this returns, it is stored. */
  write(room: string, write: Write): Promise<void>
  /** Leaves nothing of a room. */
  forget(room: string): Promise<void>
  /** Leaves nothing on this device: the keys first, so that what a disk still holds opens no more. */
  wipe(): Promise<void>
  close(): void
}
