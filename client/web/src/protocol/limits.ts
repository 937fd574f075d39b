/** Every bound of the protocol, by name: the same as `backchannel_protocol.limits`, and a test compares them. */

export const PROTOCOL_VERSION = 1
/** The largest frame that either side takes. */
export const MAX_FRAME_BYTES = 1 << 20
/** The largest body of one event. */
export const MAX_BODY_BYTES = 900 * 1024
/** The most drafts in one Submit. */
export const MAX_DRAFTS = 8
/** The most events in one Events frame. */
export const MAX_EVENTS_A_FRAME = 256
/** The largest sealed mail. */
export const MAX_MAIL_BYTES = 512 * 1024
/** The most pieces of mail that one mailbox keeps. */
export const MAX_MAIL_STEPS = 16
/** The most open invitations of a room. */
export const MAX_MAILBOXES = 200
/** The most letters in one answer to an invitee: a mailbox keeps fewer. */
export const MAX_MAIL_LETTERS = 64
/** The longest sentence of a refusal. */
export const MAX_SENTENCE_CHARS = 1000
/** How long a connection may take to attach. @public */
export const ATTACH_TIMEOUT_S = 10
/** How often both sides ping. @public */
export const PING_INTERVAL_S = 25
/** After how much silence a connection counts as lost. @public */
export const SILENCE_TIMEOUT_S = 60
/** The longest life of an invitation. @public */
export const MAX_INVITATION_S = 90 * 24 * 3600
/** The sizes in bytes to which encrypted content is padded: 256 bytes to 1 MiB. */
export const PADDING_CLASSES: readonly number[] = Array.from({ length: 13 }, (_, step) => 256 << step)
/** The most attachments of one message. */
export const MAX_ATTACHMENTS = 4
/** The largest content of one attachment, before it is padded and encrypted. */
export const MAX_BLOB_BYTES = 25 << 20
/** How much padded content one chunk of a blob holds; the last one holds the rest. */
export const BLOB_CHUNK_BYTES = 64 * 1024
/** By how much a chunk grows when it is encrypted. */
export const BLOB_TAG_BYTES = 16
/** How many chunks travel together. */
export const BLOB_PART_CHUNKS = 4
/** The largest part of a blob, as it travels and stands at the server. */
export const MAX_PART_BYTES = BLOB_PART_CHUNKS * (BLOB_CHUNK_BYTES + BLOB_TAG_BYTES)
/** The most parts of one blob. */
export const MAX_BLOB_PARTS = 100
/** The smallest padded content of a blob. */
export const MIN_BLOB_BYTES = 4 * 1024
