/** Time: the clock is an argument. */

/** Seconds since 1970. */
export type Clock = () => number
