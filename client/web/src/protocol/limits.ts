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
