/** Steps that run one after another: each begins when the one before it is over, however that ended. */

export type InTurn = <T>(step: () => Promise<T>) => Promise<T>

export function oneByOne(): InTurn {
  let turn: Promise<unknown> = Promise.resolve()
  return (step) => {
    const done = turn.then(step)
    turn = done.catch(() => undefined)
    return done
  }
}
